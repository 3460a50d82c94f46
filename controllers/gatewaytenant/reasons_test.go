package gatewaytenant

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the list of reasons in docs/troubleshooting.md")

// TestTroubleshootingHasEveryReason expects the meaning of each reason, which is taken from its comment, and what to do about it.
func TestTroubleshootingHasEveryReason(t *testing.T) {
	const doc, heading = "../../docs/troubleshooting.md", "## Every reason\n"
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	written, _, there := strings.Cut(string(text), heading)
	if !there {
		t.Fatalf("%s has no heading %q", doc, heading)
	}
	var list strings.Builder
	for _, group := range reasonsByCondition(t) {
		fmt.Fprintf(&list, "\n%s\n\n| reason | |\n|---|---|\n", group.title)
		for _, reason := range group.reasons {
			fmt.Fprintf(&list, "| `%s` | %s |\n", reason.value, reason.meaning)
			if good := reason.value == "Accepted" || reason.value == "Issued" || reason.value == "Available" || reason.value == "Ready"; !good && !strings.Contains(written, "**"+reason.value+"**") {
				t.Errorf("%s does not say what to do about %s", doc, reason.value)
			}
		}
	}
	want := written + heading + list.String()
	if *update {
		if err := os.WriteFile(doc, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s is outdated (make generate writes it):\n%s", doc, diff)
	}
}

type reasonGroup struct {
	title   string
	reasons []struct{ value, meaning string }
}

// reasonsByCondition reads the constants and their comments.
func reasonsByCondition(t *testing.T) (groups []reasonGroup) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../api/v1alpha1/conditions.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, declaration := range file.Decls {
		constants, ok := declaration.(*ast.GenDecl)
		if !ok || !strings.HasPrefix(constants.Doc.Text(), "Reasons of") {
			continue
		}
		group := reasonGroup{title: strings.Join(strings.Fields(constants.Doc.Text()), " ")}
		for _, spec := range constants.Specs {
			constant := spec.(*ast.ValueSpec)
			value := strings.Trim(constant.Values[0].(*ast.BasicLit).Value, `"`)
			_, meaning, told := strings.Cut(constant.Doc.Text(), ": ")
			if !told {
				t.Errorf("%s: its comment does not say what it means", value)
			}
			group.reasons = append(group.reasons, struct{ value, meaning string }{value, strings.Join(strings.Fields(meaning), " ")})
		}
		groups = append(groups, group)
	}
	return groups
}

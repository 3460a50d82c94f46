package plugin

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
)

// TestFileBeyondTheBoundsIsAFinding, and takes no longer than one within them.
func TestFileBeyondTheBoundsIsAFinding(t *testing.T) {
	const head = "apiVersion: openshell.ambient-code.io/v1alpha1\nkind: GatewayTenant\nmetadata: {name: openshell-gateway, namespace: a}\nspec:\n"
	laughs := head + "  a0: &a0 [" + strings.Repeat("lol,", 10) + "]\n"
	for i := range 8 {
		laughs += "  a" + string(rune('1'+i)) + ": &a" + string(rune('1'+i)) + " [" + strings.Repeat("*a"+string(rune('0'+i))+",", 10) + "]\n"
	}
	for what, c := range map[string]struct{ text, words string }{
		"aliases of aliases":     {laughs, "bytes with aliases expanded"},
		"many keys":              {head + "  x: {" + strings.Repeat("a,", 100_000) + "a}\n", "100001 keys"},
		"values beyond counting": {"---\n" + head + "  x: [" + strings.Repeat("a,", 2_000_000) + "a]\n", "YAML values"},
	} {
		t.Run(what, func(t *testing.T) {
			start := time.Now()
			options := entries.ConfigMaps{First: types.NamespacedName{Namespace: "platform", Name: "platform-config"}}
			input, err := Files([]string{"-"}, strings.NewReader(c.text), "", options)
			if err != nil || len(input.Findings) != 1 || !strings.Contains(input.Findings[0].Message, c.words) {
				t.Errorf("findings %v, error %v; want one with %q", input.Findings, err, c.words)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("reading it took %v", took)
			}
		})
	}
}

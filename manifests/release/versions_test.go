package release

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite docs/versions.md")

// TestVersionsDoc holds docs/versions.md against the table of releases.
func TestVersionsDoc(t *testing.T) {
	const page = "../../docs/versions.md"
	got := versionsDoc()
	if *update {
		if err := os.WriteFile(page, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err, "run make generate")
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (make generate rewrites it): %s", page, diff)
	}
}

func versionsDoc() string {
	var page strings.Builder
	page.WriteString(`# Supported releases of OpenShell

<!-- Written by make generate, from manifests/release. -->

The operator supports the releases ` + SupportedText() + ` of OpenShell. It rejects all others as ` + "`VersionUnsupported`" + `, and what
runs is not changed then.

How it is known what a release needs:

- *run*: its gateway was built, and run with what the operator renders.
- *read*: what changed in its source was read.
- *documented*: its documentation was read, and single files of its source.
- *inferred*: less is known of it, and the rest is taken from the release before.

From 0.1.0 on, the image of the gateway checks a changed gateway.toml in a Job before the running gateway is replaced
([preflight](lifecycle.md#preflight)). That it works in such a Job follows from its documentation, and was not run.

An upgrade restarts the gateway once. What it costs beyond that is in the last column, and adds up if releases are left out.
Where it must be confirmed, [lifecycle.md](lifecycle.md#upgrade-across-a-breaking-step) says how.

| release | supported | known | what an upgrade to it costs |
|---|---|---|---|
`)
	for _, version := range Known() {
		contract := Of(version)
		support := "yes"
		if contract.Unsupported != "" {
			support = "no: " + contract.Unsupported
		}
		fmt.Fprintf(&page, "| %s | %s | %s | %s |\n", version, support, contract.Known, upgradeTo(version))
	}
	page.WriteString(sandboxesDoc())
	return page.String()
}

// upgradeTo returns what an upgrade to a version costs, from the version before.
func upgradeTo(version Version) string {
	var costs []string
	for _, step := range steps {
		if step.At == version {
			costs = append(costs, fmt.Sprintf("**must be confirmed**: %s; %s", step.Loss, step.Before))
		}
	}
	for _, change := range changes {
		if change.since == version && change.upgrade != "" {
			costs = append(costs, change.upgrade)
		}
	}
	return strings.Join(costs, "; ")
}

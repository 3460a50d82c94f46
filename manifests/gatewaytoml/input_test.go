package gatewaytoml

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// Update is the flag that rewrites the golden files.
var Update = flag.Bool("update", false, "rewrite the golden files")

// CompareGolden fails the test unless a golden file has a text.
func CompareGolden(t *testing.T, file, got string) {
	t.Helper()
	if *Update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err, "run make golden")
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (make golden rewrites it):\n%s", file, diff)
	}
}

// input returns the input for the gateway of the tenant in namespace tenant-a.
func input(version, text string) Input {
	parsed, ok := release.Parse(version)
	if !ok {
		panic(version)
	}
	return Input{
		Text:                  text,
		Release:               release.Of(parsed),
		Namespace:             "tenant-a",
		Endpoint:              "https://openshell-gateway.tenant-a.svc.cluster.local:8080",
		SandboxServiceAccount: "openshell-gateway-sandbox",
		ClientTLSSecret:       "openshell-client-tls",
		SandboxTokens:         true,
		CheckImage: func(image string) error {
			if !strings.HasPrefix(image, "ghcr.io/nvidia/") {
				return fmt.Errorf(": %q is not allowed", image)
			}
			return nil
		},
	}
}

// withoutTokens returns an input with spec.sandboxTokens: Disabled.
func withoutTokens(in Input) Input {
	in.SandboxTokens = false
	return in
}

// rejected fails the test unless an input is rejected with a message about spec.config that has all the words.
func rejected(t *testing.T, in Input, words ...string) {
	t.Helper()
	_, err := New(in)
	if err == nil {
		t.Errorf("%s %q is accepted", in.Release.Version, in.Text)
		return
	}
	for _, word := range append(words, "spec.config") {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s %q: %q does not contain %q", in.Release.Version, in.Text, err, word)
		}
	}
}

// TOMLCase is a text of testdata/toml.yaml, with the version of the gateway that it is for.
type TOMLCase struct{ Version, TOML string }

// TOMLCases returns the texts of testdata/toml.yaml.
func TOMLCases(t testing.TB) (cases []TOMLCase) {
	t.Helper()
	text, err := os.ReadFile("testdata/toml.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

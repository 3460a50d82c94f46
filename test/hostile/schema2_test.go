package hostile

import (
	"os"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/ambient-code/gatewaytenant-operator/manifests/gatewaytoml"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// TestGatewaysAcceptSchema2 holds what is rendered of the texts of manifests/gatewaytoml against what a gateway of each
// described release with schema version 2 accepts. None of these gateways admits a client without a certificate and a token.
func TestGatewaysAcceptSchema2(t *testing.T) {
	text, err := os.ReadFile("../../manifests/gatewaytoml/testdata/contract2.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ Starts, TOML string }
	if err := yaml.UnmarshalStrict(text, &cases); err != nil {
		t.Fatal(err)
	}
	cases = append(cases, struct{ Starts, TOML string }{}) // the defaults
	const fewest = 75                                      // of each release; each text counts with and without tokens
	for _, r := range gateway.Releases() {
		if !r.ReadsSchema2() {
			continue
		}
		version, _ := release.Parse(r.String())
		judged := 0
		for _, tokens := range []bool{true, false} {
			for _, c := range cases {
				file, err := gatewaytoml.New(gatewaytoml.Input{
					Text: c.TOML, Release: release.Of(version), Namespace: "tenant-a", Endpoint: "https://openshell-gateway.tenant-a.svc:8080",
					SandboxServiceAccount: "openshell-gateway-sandbox", ClientTLSSecret: "openshell-client-tls", SandboxTokens: tokens,
					CheckImage: func(string) error { return nil },
				})
				if err != nil {
					continue
				}
				rendered, err := file.Text(gatewaytoml.SubdirKeyPath, gatewaytoml.NewKept("tenant-a"))
				if err != nil {
					t.Fatal(err)
				}
				judged++
				config, err := gateway.Parse(r, "gateway.toml", rendered)
				if err == nil {
					err = checkStranger(config)
				}
				if err != nil {
					t.Errorf("%s, tokens %v: %q is accepted: %v", r, tokens, c.TOML, err)
				}
			}
		}
		t.Logf("%s: %d texts were accepted", r, judged)
		if judged < fewest {
			t.Errorf("%s: only %d texts were accepted, want at least %d", r, judged, fewest)
		}
	}
}

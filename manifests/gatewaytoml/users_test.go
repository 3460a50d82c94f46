package gatewaytoml

import (
	"fmt"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// access is what a gateway lets a client do.
type access string

const (
	refused access = "refused"
	admin   access = "administrator"
)

// client is a client of a gateway: with or without a certificate of the tenant's authority, and without a token.
type client struct{ certificate bool }

// accessOf returns what a gateway of a version lets a client without a token do. It follows the source of OpenShell, independently of
// the operator: the handshake, then the chain of authenticators, then the fallbacks.
func accessOf(t *testing.T, version release.Version, text []byte, c client) access {
	t.Helper()
	config := table{}
	if err := toml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	gateway := tableAt(config, "openshell", "gateway")
	hasOIDC, hasTokens := gateway["oidc"] != nil, gateway["gateway_jwt"] != nil
	allows := tableAt(gateway, "auth")["allow_unauthenticated_users"] == true
	demands := version.Less(release.New(0, 1, 3)) && !hasOIDC
	byCertificate := false // with Kubernetes, gateways before 0.1.3 do not start with it
	if !version.Less(release.New(0, 1, 3)) {
		byCertificate = !hasOIDC
		if table, is := gateway["mtls_auth"].(map[string]any); is {
			byCertificate = table["enabled"] == true
		}
	}
	switch {
	case demands && !c.certificate:
		return refused
	case hasOIDC: // the authenticator refuses a client without a token, before anything else is tried
		return refused
	case hasTokens && byCertificate && c.certificate:
		return admin
	case hasTokens && allows:
		return admin
	case hasTokens:
		return refused
	case byCertificate && !c.certificate:
		return refused
	}
	return admin
}

// TestWhoGetsIn renders each release with each way to authenticate. No client without a certificate and a token is ever let in.
func TestWhoGetsIn(t *testing.T) {
	const oidc = "[openshell.gateway.oidc]\nissuer = 'https://idp.example.com'\naudience = 'openshell'\n"
	const allow, forbid = "[openshell.gateway.auth]\nallow_unauthenticated_users = true\n", "[openshell.gateway.auth]\nallow_unauthenticated_users = false\n"
	const on, off = "[openshell.gateway.mtls_auth]\nenabled = true\n", "[openshell.gateway.mtls_auth]\nenabled = false\n"
	const notAccepted access = ""
	// With a certificate and no token, by the generation of the release: schema version 1, 0.1.0 to 0.1.2, and 0.1.3 and later.
	for _, c := range []struct {
		what, text string
		tokens     bool
		want       [3]access
	}{
		{"nothing", "", true, [3]access{admin, admin, admin}},
		{"nothing, no tokens", "", false, [3]access{admin, admin, admin}},
		{"OIDC", oidc, true, [3]access{refused, refused, refused}},
		{"OIDC, no tokens", oidc, false, [3]access{refused, refused, refused}},
		{"users allowed", allow, true, [3]access{admin, admin, notAccepted}},
		{"users allowed, no tokens", allow, false, [3]access{admin, admin, notAccepted}},
		{"users forbidden", forbid, true, [3]access{refused, refused, admin}}, // certificates authenticate users by default
		{"users forbidden, no tokens", forbid, false, [3]access{admin, admin, admin}},
		{"users allowed, OIDC", allow + oidc, true, [3]access{notAccepted, notAccepted, notAccepted}},
		{"users forbidden, OIDC", forbid + oidc, true, [3]access{refused, refused, refused}},
		{"certificates", on, true, [3]access{notAccepted, notAccepted, admin}},
		{"certificates, no tokens", on, false, [3]access{notAccepted, notAccepted, admin}},
		{"no certificates", off, true, [3]access{admin, notAccepted, notAccepted}},
		{"no certificates, no tokens", off, false, [3]access{admin, notAccepted, notAccepted}},
		{"an empty table", "[openshell.gateway.mtls_auth]\n", true, [3]access{admin, notAccepted, notAccepted}},
		{"certificates, OIDC", on + oidc, true, [3]access{notAccepted, notAccepted, notAccepted}},
		{"no certificates, OIDC", off + oidc, true, [3]access{refused, notAccepted, refused}},
		{"no certificates, OIDC, no tokens", off + oidc, false, [3]access{refused, notAccepted, refused}},
	} {
		for _, schema := range schemas {
			for _, version := range schema.all() {
				generation := schema.version - 1
				if !version.Less(release.New(0, 1, 3)) {
					generation = 2
				}
				in := input(version.String(), c.text)
				in.SandboxTokens = c.tokens
				file, err := New(in)
				what := fmt.Sprintf("%s, %s", version, c.what)
				if want := c.want[generation]; (err == nil) != (want != notAccepted) {
					t.Errorf("%s: %v, want %q", what, err, want)
				} else if err == nil {
					checkAccess(t, what, version, file, want)
				}
			}
		}
	}
}

func checkAccess(t *testing.T, what string, version release.Version, file File, want access) {
	t.Helper()
	if got := accessOf(t, version, file.text, client{}); got != refused {
		t.Errorf("%s: a client without a certificate is %s", what, got)
	}
	if got := accessOf(t, version, file.text, client{certificate: true}); got != want {
		t.Errorf("%s: a client with a certificate is %s, want %s", what, got, want)
	}
	if file.OpenDefault != (want == admin) {
		t.Errorf("%s: OpenDefault is %t, and a client with a certificate is %s", what, file.OpenDefault, want)
	}
}

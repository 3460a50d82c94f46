package gatewaytoml

import (
	"testing"
)

// TestWhoIsAnAdministratorWithoutAToken: without OIDC, every client with the client certificate, unless the tenant refuses clients
// without a token; without OIDC and token keys, the gateway refuses none.
func TestWhoIsAnAdministratorWithoutAToken(t *testing.T) {
	const oidc = "[openshell.gateway.oidc]\nissuer = 'https://idp.example.com'\naudience = 'openshell'\n"
	const refuse = "openshell.gateway.auth.allow_unauthenticated_users = false\n"
	for _, c := range []struct {
		config string
		tokens bool
		open   bool
	}{
		{"", true, true},
		{"", false, true},
		{"openshell.gateway.log_level = 'debug'", true, true},
		{"openshell.gateway.auth.allow_unauthenticated_users = true", true, true},
		{"openshell.gateway.auth = {}", true, true}, // the default is below it
		{refuse, true, false},
		{refuse, false, true},
		{oidc, true, false},
		{oidc, false, false},
	} {
		in := input("0.0.71", c.config)
		in.SandboxTokens = c.tokens
		file, err := New(in)
		if err != nil {
			t.Fatal(err)
		}
		if open := file.OpenDefault; open != c.open {
			t.Errorf("%q, tokens %t: open is %t", c.config, c.tokens, open)
		}
	}
}

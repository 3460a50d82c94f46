package manifests

import (
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// TestWhoIsAnAdministratorWithoutAToken: without OIDC, every client with the client certificate, unless the tenant refuses clients
// without a token; without OIDC and token keys, the gateway refuses none.
func TestWhoIsAnAdministratorWithoutAToken(t *testing.T) {
	const oidc = "[openshell.gateway.oidc]\nissuer = 'https://idp.example.com'\naudience = 'openshell'\n"
	const refuse = "openshell.gateway.auth.allow_unauthenticated_users = false\n"
	for _, c := range []struct {
		config string
		tokens v1alpha1.SandboxTokens
		open   bool
	}{
		{"", "", true},
		{"", v1alpha1.SandboxTokensDisabled, true},
		{"openshell.gateway.log_level = 'debug'", v1alpha1.SandboxTokensEnabled, true},
		{"openshell.gateway.auth.allow_unauthenticated_users = true", "", true},
		{"openshell.gateway.auth = {}", "", true}, // the default is below it
		{refuse, "", false},
		{refuse, v1alpha1.SandboxTokensDisabled, true},
		{oidc, "", false},
		{oidc, v1alpha1.SandboxTokensDisabled, false},
	} {
		tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Config: c.config, SandboxTokens: c.tokens})
		if err != nil {
			t.Fatal(err)
		}
		if open := tenant.OpenDefault(); open != c.open {
			t.Errorf("%q, tokens %q: open is %t", c.config, c.tokens, open)
		}
	}
}

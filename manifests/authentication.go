package manifests

// admitsWithoutToken reports whether the gateway of a gateway.toml treats a client that sends no token as an administrator. It
// does so if allow_unauthenticated_users is true, and in any case if it has neither OIDC nor token keys. With OIDC, it does not
// demand client certificates, and the operator rejects a text that sets allow_unauthenticated_users to true.
func admitsWithoutToken(config table) bool {
	gateway := tableAt(config, "openshell", "gateway")
	if gateway["oidc"] != nil {
		return false
	}
	return gateway["gateway_jwt"] == nil || tableAt(gateway, "auth")["allow_unauthenticated_users"] == true
}

// OpenDefault reports whether every client that has the client certificate and sends no token is an administrator of the
// gateway, as by default.
func (t Tenant) OpenDefault() bool { return t.openDefault }

// IssuesSandboxTokens reports whether the gateway issues tokens to sandboxes. Without one, a sandbox cannot authenticate.
func (t Tenant) IssuesSandboxTokens() bool { return t.sandboxTokens }

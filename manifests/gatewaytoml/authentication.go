package gatewaytoml

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

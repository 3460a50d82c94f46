package gatewaytoml

import "github.com/ambient-code/gatewaytenant-operator/manifests/release"

// How a gateway authenticates users depends on its keys and its release:
//
//   - With oidc, users present a token of the issuer, and need no certificate.
//   - Without oidc, and if the contract has DemandsCertificate, the handshake fails for clients without a client certificate. All
//     other clients are administrators if allow_unauthenticated_users is true or the gateway has no token keys. Otherwise, the
//     gateway refuses all users.
//   - Without oidc, and if the contract has CertificateUsers, clients without a certificate can connect. Clients that present the
//     client certificate are administrators, unless mtls_auth.enabled is false: roles exist with oidc only. The other clients
//     are administrators if allow_unauthenticated_users is true, or if the gateway has neither mtls_auth nor token keys.

// admitsWithoutToken reports whether the gateway of a gateway.toml treats a client that has the client certificate and sends no token as
// an administrator. The operator rejects texts with which a client needs neither.
func admitsWithoutToken(contract release.Contract, config table) bool {
	gateway := tableAt(config, "openshell", "gateway")
	if gateway["oidc"] != nil {
		return false
	}
	return contract.CertificateUsers || gateway["gateway_jwt"] == nil || tableAt(gateway, "auth")["allow_unauthenticated_users"] == true
}

// clientCertificates checks whether the gateway may authenticate users by their client certificates. A table without enabled
// means false. Gateways that know schema version 2 and do not authenticate users by certificates reject the table, see schema2.go.
func clientCertificates(in Input, given table, found finder) {
	const key = "openshell.gateway.mtls_auth"
	gateway := tableAt(given, "openshell", "gateway")
	authentication, there := gateway["mtls_auth"].(table)
	enabled := authentication["enabled"] == true
	hasOIDC := gateway["oidc"] != nil
	switch {
	case !there:
	case in.Release.Schema == 1 && enabled:
		found(key+".enabled", "cannot be true: gateways do not start with it on Kubernetes; remove it, since clients must present a certificate anyway")
	case in.Release.Schema == 1:
	case hasOIDC && enabled:
		found(key+".enabled", "cannot be true with openshell.gateway.oidc: every client that has the client certificate would be a user without a token; remove it")
	case !hasOIDC && !enabled && in.SandboxTokens:
		found(key, "cannot be off without openshell.gateway.oidc: the gateway would refuse all users; remove it, or configure OIDC")
	case !hasOIDC && !enabled:
		found(key, "cannot be off without openshell.gateway.oidc, with spec.sandboxTokens Disabled: every client that reaches the gateway would be an administrator; remove it, or configure OIDC")
	}
}

// unauthenticatedUsers rejects a key that makes an administrator of every client whom the handshake lets in, unless the handshake
// demands a client certificate.
func unauthenticatedUsers(in Input, given table, found finder) {
	const key = "openshell.gateway.auth.allow_unauthenticated_users"
	gateway := tableAt(given, "openshell", "gateway")
	switch {
	case tableAt(gateway, "auth")["allow_unauthenticated_users"] != true:
	case gateway["oidc"] != nil:
		found(key, "cannot be true with openshell.gateway.oidc: clients then need neither a certificate nor a token; remove it")
	case !in.Release.DemandsCertificate:
		found(key, "cannot be true: gateways %s let clients without a certificate connect, and every client that reaches the gateway would be an administrator; "+
			"remove it: clients that have the client certificate are users without it", in.Release.Version)
	}
}

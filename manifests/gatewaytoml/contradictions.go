package gatewaytoml

import "strings"

// rules find keys whose values are valid by themselves but not together, or not where this gateway runs.
var rules = []func(in Input, given table, found finder){
	sandboxTokens, clientCertificates, rateLimit, oidc, proxy, credentials, interceptors, profileSources, middleware, supervisorImages,
}

// contradictions returns what the rules find, and the managed keys that a text changes.
func contradictions(in Input, given table) []fault {
	faults := changedManagedKeys(in, given)
	found := func(key, format string, args ...any) {
		faults = append(faults, faultf(strings.Split(key, "."), format, args...))
	}
	for _, rule := range rules {
		rule(in, given, found)
	}
	return faults
}

// sandboxTokens rejects the configuration of tokens that the gateway does not issue.
func sandboxTokens(in Input, given table, found finder) {
	if _, tokens := tableAt(given, "openshell", "gateway")["gateway_jwt"]; tokens && !in.SandboxTokens {
		found("openshell.gateway.gateway_jwt", "contradicts spec.sandboxTokens, which is Disabled; remove one of them")
	}
}

// clientCertificates rejects a way to authenticate clients that gateways have on other platforms only.
func clientCertificates(_ Input, given table, found finder) {
	if tableAt(given, "openshell", "gateway", "mtls_auth")["enabled"] == true {
		found("openshell.gateway.mtls_auth.enabled", "cannot be true: gateways do not start with it on Kubernetes; remove it, since clients must present a certificate anyway")
	}
}

// rateLimit requires both keys of the rate limit or neither, unless one is 0, which disables the limit.
func rateLimit(_ Input, given table, found finder) {
	gateway := tableAt(given, "openshell", "gateway")
	const requests, window = "grpc_rate_limit_requests", "grpc_rate_limit_window_seconds"
	for key, other := range map[string]string{requests: window, window: requests} {
		if limit, is := gateway[key].(int64); is && limit != 0 && gateway[other] == nil {
			found("openshell.gateway."+key, "needs %s; set both, or remove it", other)
		}
	}
}

// oidc checks that the roles are both set or both empty. By default they are set.
func oidc(_ Input, given table, found finder) {
	gateway := tableAt(given, "openshell", "gateway")
	provider, there := gateway["oidc"].(table)
	if !there {
		return
	}
	if tableAt(gateway, "auth")["allow_unauthenticated_users"] == true {
		found("openshell.gateway.auth.allow_unauthenticated_users", "cannot be true with openshell.gateway.oidc: clients then need neither a certificate nor a token; remove it")
	}
	admin, setsAdmin := provider["admin_role"]
	user, setsUser := provider["user_role"]
	emptyAdmin, emptyUser := setsAdmin && admin == "", setsUser && user == ""
	switch {
	case emptyAdmin && !emptyUser:
		found("openshell.gateway.oidc.admin_role", "is empty and user_role is not; set both to an empty text or neither, since each has a default")
	case emptyUser && !emptyAdmin:
		found("openshell.gateway.oidc.user_role", "is empty and admin_role is not; set both to an empty text or neither, since each has a default")
	}
}

// proxy checks the proxy through which sandboxes connect. Its credentials are sent without encryption, and in the topology
// combined the sandbox could read them.
func proxy(_ Input, given table, found finder) {
	driver := tableAt(given, "openshell", "drivers", "kubernetes")
	const within = "openshell.drivers.kubernetes."
	if driver["https_proxy"] == nil {
		for _, key := range []string{"no_proxy", "proxy_auth_secret_name", "proxy_auth_secret_key", "proxy_connect_by_hostname"} {
			if driver[key] != nil {
				found(within+key, "needs https_proxy; set it, or remove this key")
			}
		}
	}
	named, keyed := driver["proxy_auth_secret_name"] != nil, driver["proxy_auth_secret_key"] != nil
	insecure := driver["proxy_auth_allow_insecure"] == true
	switch {
	case named && !keyed:
		found(within+"proxy_auth_secret_name", "needs proxy_auth_secret_key; set both, or remove it")
	case keyed && !named:
		found(within+"proxy_auth_secret_key", "needs proxy_auth_secret_name; set both, or remove it")
	case !named && insecure:
		found(within+"proxy_auth_allow_insecure", "needs proxy_auth_secret_name and proxy_auth_secret_key; set them, or remove it")
	case named && !insecure:
		found(within+"proxy_auth_secret_name", "needs proxy_auth_allow_insecure = true, because the credentials are sent to the proxy without encryption; set it, or remove the credentials")
	case named && driver["topology"] != "sidecar":
		found(within+"proxy_auth_secret_name", `needs topology = "sidecar", because the sandbox could read the credentials otherwise; set it, or remove the credentials`)
	}
}

// supervisorImages checks the images of supervisors. They run in every sandbox, with more rights than the sandbox, so they must
// come from the repositories that gateway images may come from.
func supervisorImages(in Input, given table, found finder) {
	for _, within := range []string{"openshell.gateway", "openshell.drivers.kubernetes"} {
		image, is := tableAt(given, strings.Split(within, ".")...)["supervisor_image"].(string)
		if !is {
			continue
		}
		if image == "" {
			found(within+".supervisor_image", "is empty; name an image, or remove this key")
		} else if err := in.CheckImage(image); err != nil {
			found(within+".supervisor_image", "cannot be used%s", err)
		}
	}
}

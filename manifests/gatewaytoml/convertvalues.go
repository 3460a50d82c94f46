package gatewaytoml

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

var gatewayPath = []string{"openshell", "gateway"}

// within returns the path of keys within the table of the gateway.
func within(keys ...string) []string { return append(gatewayPath[:2:2], keys...) }

// users converts how users authenticate. From 0.1.3 on, the client certificate is enough without OIDC.
func (c *conversion) users() {
	gateway := tableAt(c.result, gatewayPath...)
	key := within("auth", "allow_unauthenticated_users")
	switch value, is := c.value(key); {
	case !is:
	case gateway["oidc"] == nil && value == true:
		c.note(key, false, "is dropped: from OpenShell 0.1.3 on, clients that have the client certificate are users without it, and before, the operator sets it")
		c.drop(key)
	case gateway["oidc"] == nil && value == false:
		c.note(key, true, "no longer keeps users out: from OpenShell 0.1.3 on, every client that has the client certificate is an administrator of a gateway without OIDC; configure openshell.gateway.oidc, or accept it and remove the key")
	}
	provider := tableAt(gateway, "oidc")
	switch issuer, _ := provider["issuer"].(string); {
	case isHTTPSURL(issuer) && provider["jwks_allowed_origins"] == nil:
		c.note(within("oidc", "issuer"), false, "must be the origin of its keys, too: compare it with jwks_uri in %s/.well-known/openid-configuration; "+
			"if the scheme, host or port differs, add that origin to jwks_allowed_origins, or the gateway does not start", strings.TrimSuffix(issuer, "/"))
	case !isHTTPSURL(issuer) && isURL(issuer):
		c.note(within("oidc", "issuer"), true, "must be reached by HTTPS, without redirects, and its keys by the same origin or one of jwks_allowed_origins; give the issuer a certificate of a public authority, and correct the URL")
	}
}

// clientCertificates removes the table that decided in version 1 whether client certificates authenticate users.
func (c *conversion) clientCertificates() {
	if _, is := c.value(within("mtls_auth")); is {
		c.note(within("mtls_auth"), false, "is dropped: gateways authenticate users by their client certificates if and only if OIDC is not configured")
		c.drop(within("mtls_auth"))
	}
}

func isURL(text string) bool { return parseURL(text, "http", "https") != nil }

// tokens converts how long tokens are valid and keys are cached. Zero is no longer a value.
func (c *conversion) tokens() {
	if key := within("gateway_jwt", "ttl_secs"); c.is(key, int64(0)) {
		c.note(key, false, "is dropped: 0 is no longer a value, and the operator sets 3600; sandboxes renew their tokens by themselves")
		c.drop(key)
	}
	if key := within("oidc", "jwks_ttl_secs"); c.is(key, int64(0)) {
		c.note(key, false, "is dropped: 0 is no longer a value, and the default is 3600")
		c.drop(key)
	}
	if key := within("tls", "external_server_names"); c.has(key) {
		c.note(key, false, "is dropped: it has no effect without another certificate")
		c.drop(key)
	}
	if key := within("credential_drivers"); c.has(key) && c.isEmptyList(key) {
		c.note(key, false, "is dropped: an empty list is not a value")
		c.drop(key)
	}
	if key := within("default_credential_driver"); c.is(key, "") {
		c.drop(key)
	}
}

func (c *conversion) has(path []string) bool {
	_, has := c.value(path)
	return has
}

func (c *conversion) is(path []string, want any) bool {
	value, is := c.value(path)
	return is && value == want
}

func (c *conversion) isEmptyList(path []string) bool {
	value, _ := c.value(path)
	list, is := value.([]any)
	return is && len(list) == 0
}

// pullPolicies converts the spelling of pull policies. An empty one stands for the default.
func (c *conversion) pullPolicies() {
	spelled := map[any]any{"Always": "always", "IfNotPresent": "if_not_present", "Never": "never"}
	for _, key := range []string{"image_pull_policy", "supervisor_image_pull_policy"} {
		path := []string{"openshell", "drivers", "kubernetes", key}
		value, is := c.value(path)
		if text, isText := value.(string); is && isText && text == "" {
			c.drop(path)
		} else if now, known := spelled[text]; isText && known {
			c.set(path, path, now)
		}
	}
}

// profileSources removes the source of built-in profiles, which are gone.
func (c *conversion) profileSources() {
	path := within("provider_profile_sources")
	value, _ := c.value(path)
	sources, _ := value.([]any)
	var left []any
	for i, source := range sources {
		at := append(path[:3:3], strconv.Itoa(i))
		fields, _ := source.(table)
		if fields["type"] == "builtin" {
			c.note(at, true, "is dropped: the built-in profiles were removed; before the upgrade, export those in use with openshell provider profile export ID -o yaml --global, "+
				"and after it, import them with openshell profile import --from DIRECTORY --global; no sandbox can be created with a provider of these profiles until then")
			c.edits = append(c.edits, edit{from: at})
			continue
		}
		if fields["type"] == "user" {
			for _, key := range slices.Sorted(maps.Keys(fields)) {
				if key != "type" {
					c.note(append(at[:4:4], key), false, "is dropped: it has no effect")
					c.edits = append(c.edits, edit{from: append(at[:4:4], key)})
				}
			}
			source = table{"type": "user"}
		}
		left = append(left, source)
	}
	switch {
	case len(sources) == 0:
	case len(left) == 0:
		c.drop(path)
	default:
		c.result = with(c.result, path, left)
	}
}

// images notes images that belong to a release.
func (c *conversion) images() {
	path := []string{"openshell", "drivers", "kubernetes", "supervisor_image"}
	if image, is := c.value(path); is {
		from := path
		if c.keys.find(path) == nil {
			from = within("supervisor_image")
		}
		c.note(from, true, "is %s, and gateway, supervisor and sandbox must be of the same release; remove it: the operator sets the images of the release, or name that of the new release here and in sandbox_runtime_image", shown(image))
	}
}

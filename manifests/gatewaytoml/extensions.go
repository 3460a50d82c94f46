package gatewaytoml

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// Gateways call interceptors and middleware, and do not start if one of them is registered wrongly. They do not start either
// while one cannot be reached, which cannot be checked here.

// interceptors checks openshell.gateway.interceptors.
func interceptors(in Input, given table, found finder) {
	names := map[string]bool{}
	for i, item := range tablesOf(tableAt(given, "openshell", "gateway")["interceptors"]) {
		within := fmt.Sprintf("openshell.gateway.interceptors.%d", i)
		name, _ := item["name"].(string)
		if names[name] {
			found(within+".name", "is %q, which is also the name of another interceptor; give each interceptor its own name", message.TruncateMiddle(name))
		}
		names[name] = true
		endpoint, _ := item["grpc_endpoint"].(string)
		if !in.Release.SecureInterceptors && strings.HasPrefix(strings.ToLower(strings.TrimSpace(endpoint)), "https://") {
			found(within+".grpc_endpoint", "begins with https://, which interceptors support from OpenShell %s on, and the gateway is %s; use http://, or a newer gateway",
				release.First(func(c release.Contract) bool { return c.SecureInterceptors }), in.Release.Version)
		}
		extension(in, within, "interceptor", item, []string{"https://", "unix://"}, found)
		interceptorBindings(within, item, found)
	}
}

// middleware checks openshell.supervisor.middleware. The limit of payloads has two names, one of them from 0.0.107 on.
func middleware(in Input, given table, found finder) {
	names := map[string]bool{}
	for i, item := range tablesOf(tableAt(given, "openshell", "supervisor")["middleware"]) {
		within := fmt.Sprintf("openshell.supervisor.middleware.%d", i)
		name, _ := item["name"].(string)
		if names[name] {
			found(within+".name", "is %q, which is also the name of another middleware; give each middleware its own name", message.TruncateMiddle(name))
		}
		names[name] = true
		_, payload := item["max_payload_bytes"]
		_, body := item["max_body_bytes"]
		switch {
		case payload && body:
			found(within+".max_body_bytes", "is another name of max_payload_bytes; remove one of them")
		case !payload && !body && !in.Release.AuthenticatesToExtensions:
			found(within, "needs max_body_bytes; set it")
		case !payload && !body:
			found(within, "needs max_payload_bytes; set it")
		}
		extension(in, within, "middleware", item, []string{"https://"}, found)
	}
}

// extension checks what interceptors and middleware have in common. From 0.0.107 on, a gateway with token keys presents a
// token to them, unless allow_insecure_transport is true, and does so over encrypted connections or sockets only.
func extension(in Input, within, kind string, item table, secure []string, found finder) {
	endpoint, is := item["grpc_endpoint"].(string)
	if _, custom := item["tls_ca_cert_path"]; custom && is && !strings.HasPrefix(strings.TrimSpace(endpoint), "https://") {
		found(within+".tls_ca_cert_path", "needs a grpc_endpoint that begins with https://; remove it, or change the endpoint")
	}
	if !is || !presentsToken(in, item) {
		return
	}
	if !slices.ContainsFunc(secure, func(scheme string) bool { return strings.HasPrefix(endpoint, scheme) }) {
		found(within+".grpc_endpoint", "must begin with %s, because the gateway presents a token to the service; change it, or set allow_insecure_transport = true on a trusted network",
			strings.Join(secure, " or "))
	}
	audience, key := audienceOf(kind, item)
	control := strings.ContainsFunc(audience, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 })
	if control || !isTrimmed(audience) {
		found(within+"."+key, "makes %q the audience of the token for the service, which cannot have control characters or white space around it; change it", message.TruncateMiddle(audience))
	}
}

// presentsToken reports whether the gateway presents a token to an interceptor or middleware.
func presentsToken(in Input, item table) bool {
	return in.SandboxTokens && in.Release.AuthenticatesToExtensions && item["allow_insecure_transport"] != true
}

// audienceOf returns the audience of the token for an interceptor or middleware, and the key that it comes from.
func audienceOf(kind string, item table) (audience, key string) {
	if audience, _ = item["audience"].(string); audience != "" {
		return audience, "audience"
	}
	name, _ := item["name"].(string)
	return "urn:openshell:extension:" + kind + ":" + name, "name"
}

// audiences returns the audiences of all tokens that the gateway presents to interceptors and middleware.
func audiences(in Input, given table) []string {
	var all []string
	of := func(kind string, list any) {
		for _, item := range tablesOf(list) {
			if presentsToken(in, item) {
				audience, _ := audienceOf(kind, item)
				all = append(all, audience)
			}
		}
	}
	of("interceptor", tableAt(given, "openshell", "gateway")["interceptors"])
	of("middleware", tableAt(given, "openshell", "supervisor")["middleware"])
	return all
}

// profileSources checks openshell.gateway.provider_profile_sources.
func profileSources(in Input, given table, found finder) {
	const field = "openshell.gateway.provider_profile_sources"
	gateway := tableAt(given, "openshell", "gateway")
	list, is := gateway["provider_profile_sources"].([]any)
	if is && len(list) == 0 {
		found(field, "must have at least one source; add one, or remove it")
	}
	configured := map[string]bool{}
	for _, interceptor := range tablesOf(gateway["interceptors"]) {
		name, _ := interceptor["name"].(string)
		configured[name] = true
	}
	type source struct{ kind, name string }
	sources := map[source]bool{}
	for i, item := range tablesOf(gateway["provider_profile_sources"]) {
		var this source
		within := fmt.Sprintf("%s.%d", field, i)
		if this.kind, _ = item["type"].(string); this.kind == "interceptor" {
			this.name, is = item["name"].(string)
			switch {
			case !is:
				found(within, "needs the name of an interceptor; set it")
			case !configured[this.name]:
				found(within+".name", "is %q, and no interceptor of this name is configured; add it to openshell.gateway.interceptors, or remove the source", message.TruncateMiddle(this.name))
			}
		}
		if this.kind != "interceptor" && in.Release.Schema != 1 && item["name"] != nil {
			found(within+".name", `is a key of the type interceptor only; remove it`)
		}
		if sources[this] {
			found(within, "repeats an earlier source; remove one of them")
		}
		sources[this] = true
	}
}

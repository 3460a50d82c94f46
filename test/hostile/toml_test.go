package hostile

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// fixedKeys are the keys of gateway.toml that decide where a gateway works and as whom, with what they are for a
// namespace. It is written down here once more, and not taken from the operator, so that a key that is forgotten there
// is missed here.
func fixedKeys(namespace string) map[string]any {
	return map[string]any{
		"openshell.gateway.bind_address":                      "0.0.0.0:8080",
		"openshell.gateway.health_bind_address":               "0.0.0.0:8081",
		"openshell.gateway.metrics_bind_address":              "0.0.0.0:9090",
		"openshell.gateway.compute_drivers":                   []any{"kubernetes"},
		"openshell.gateway.sandbox_namespace":                 namespace,
		"openshell.gateway.disable_tls":                       false,
		"openshell.gateway.tls.cert_path":                     "/etc/openshell-tls/server/tls.crt",
		"openshell.gateway.tls.key_path":                      "/etc/openshell-tls/server/tls.key",
		"openshell.gateway.tls.client_ca_path":                "/etc/openshell-tls/client-ca/ca.crt",
		"openshell.drivers.kubernetes.namespace":              namespace,
		"openshell.drivers.kubernetes.service_account_name":   "openshell-gateway-sandbox",
		"openshell.drivers.kubernetes.grpc_endpoint":          fmt.Sprintf("https://openshell-gateway.%s.svc.cluster.local:8080", namespace),
		"openshell.drivers.kubernetes.client_tls_secret_name": "openshell-client-tls",
	}
}

// orAbsent are keys that may be missing, and may not be anything else.
func orAbsent(namespace string) map[string]any {
	return map[string]any{
		"openshell.gateway.service_account_name":         "openshell-gateway-sandbox",
		"openshell.gateway.client_tls_secret_name":       "openshell-client-tls",
		"openshell.gateway.gateway_jwt.signing_key_path": "/etc/openshell-jwt/signing.pem",
		"openshell.gateway.gateway_jwt.public_key_path":  "/etc/openshell-jwt/public.pem",
		"openshell.gateway.gateway_jwt.kid_path":         "/etc/openshell-jwt/kid",
		"openshell.gateway.gateway_jwt.gateway_id":       namespace,
		"openshell.drivers.kubernetes.gateway_id":        namespace,
		"openshell.drivers.kubernetes.workspace_mode":    "shared",
	}
}

// config judges the ConfigMap: one file, TOML, and in it no key that is not for the tenant to say.
func (a *asked) config(object map[string]any, say says) {
	data, _ := object["data"].(map[string]any)
	text, _ := data[manifests.ConfigKey].(string)
	delete(data, manifests.ConfigKey)
	var root map[string]any
	if err := toml.Unmarshal([]byte(text), &root); err != nil {
		say("what is written is not TOML: %v", err)
		return
	}
	for key, want := range fixedKeys(a.namespace) {
		if is, _ := lookUp(root, key); !reflect.DeepEqual(is, want) {
			say("%s is %q, and not %q", key, is, want)
		}
	}
	for key, want := range orAbsent(a.namespace) {
		if is, there := lookUp(root, key); there && !reflect.DeepEqual(is, want) {
			say("%s is %q, and not %q", key, is, want)
		}
	}
	served, _ := lookUp(root, "openshell.gateway.server_sans")
	names, is := served.([]any)
	if !is || slices.ContainsFunc(names, func(name any) bool {
		text, _ := name.(string)
		return !strings.HasPrefix(text, "*.") || !a.names.Has(text)
	}) {
		say("server_sans is %q", served)
	}
	for _, key := range []string{"openshell.gateway.supervisor_image", "openshell.drivers.kubernetes.supervisor_image"} {
		if image, there := lookUp(root, key); there && !strings.HasPrefix(fmt.Sprint(image), repository) {
			say("%s is %q", key, image)
		}
	}
}

// lookUp is the value of a key, and whether it is there.
func lookUp(root map[string]any, key string) (any, bool) {
	value, there, err := unstructured.NestedFieldNoCopy(root, strings.Split(key, ".")...)
	return value, there && err == nil
}

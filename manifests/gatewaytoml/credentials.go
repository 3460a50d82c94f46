package gatewaytoml

import (
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
)

// kubernetesSecrets is the credential driver that stores credentials as Secrets.
const kubernetesSecrets = "kubernetes-secrets" //nolint:gosec // a name

// credentialDrivers returns the names of the credential drivers that a text selects, sorted, each once.
func credentialDrivers(given table) []string {
	names := map[string]bool{}
	selected, _ := tableAt(given, "openshell", "gateway")["credential_drivers"].([]any)
	for _, name := range selected {
		if name, is := name.(string); is {
			names[strings.TrimSpace(name)] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// isExternal reports whether a table is that of a credential driver outside the gateway.
func isExternal(driver table) bool {
	transport, _ := driver["transport"].(string)
	return strings.TrimSpace(transport) == "uds"
}

// credentials checks where credentials are stored: by one driver, or else by the gateway itself, encrypted with a key on its
// volume.
func credentials(in Input, given table, found finder) {
	const field = "openshell.gateway.credential_drivers"
	gateway := tableAt(given, "openshell", "gateway")
	names := credentialDrivers(given)
	v1 := in.Release.Schema == 1 // which ignores white space, and names that are there twice
	chosen, sets := gateway["default_credential_driver"].(string)
	if v1 && notBlank(chosen) && !slices.Contains(names, strings.TrimSpace(chosen)) || !v1 && sets && !slices.Equal(names, []string{chosen}) {
		found("openshell.gateway.default_credential_driver", "must be the driver in credential_drivers; remove it")
	}
	checkKeyPath(tableAt(gateway, "credential_storage"), found)
	if gateway["credential_drivers"] == nil {
		return
	}
	if len(names) != 1 || names[0] == "" || !v1 && !reflect.DeepEqual(gateway["credential_drivers"], []any{names[0]}) {
		found(field, "must name one driver; name one, or remove it: the gateway then stores credentials itself")
		return
	}
	name := names[0]
	within := "openshell.credential_drivers." + name
	driver, hasTable := tableAt(given, "openshell", "credential_drivers")[name].(table)
	switch {
	case isExternal(driver) && (v1 || name == "vault" || name == kubernetesSecrets):
	case name == kubernetesSecrets:
		found(field, `cannot name kubernetes-secrets: it needs rights on all Secrets of the namespace, since Kubernetes cannot limit their creation by name, `+
			"and the gateway could then read the private key of the tenant's certificate authority; remove it: the gateway then stores credentials itself, or name vault")
	case name == "vault" && hasTable:
		vault(within, driver, found)
	case name == "vault":
		found(field, `names vault, which needs the table %s with its address; add it, or remove the driver`, within)
	case !v1:
		found(field, "names %q, which is not a driver of gateways from OpenShell %s on; name vault, or remove it: the gateway then stores credentials itself", message.TruncateMiddle(name), firstV2)
	default:
		found(field, `names %q, which is not a driver of the gateway; name vault, or set transport = "uds" and socket_path in the table openshell.credential_drivers.%s`, message.TruncateMiddle(name), message.TruncateMiddle(printableKey(name)))
	}
}

// vault checks that the driver has the keys of its auth_method and none of the other's.
func vault(within string, driver table, found finder) {
	method, is := driver["auth_method"].(string)
	if !is {
		method = "kubernetes"
	}
	method = strings.TrimSpace(method)
	needs := map[string]string{"kubernetes": "role", "token_file": "token_path"}[method]
	if needs != "" && driver[needs] == nil {
		found(within, `needs the key %s for auth_method = %q; set it`, needs, method)
	}
	for key, of := range map[string]string{"role": "kubernetes", "kubernetes_auth_mount": "kubernetes", "service_account_token_path": "kubernetes", "token_path": "token_file"} {
		if driver[key] != nil && of != method {
			found(within+"."+key, `is a key for auth_method = %q, and auth_method is %q; remove it, or change auth_method`, of, message.TruncateMiddle(method))
		}
	}
}

// checkKeyPath requires a subdirectory of the volume: the gateway restricts the directory of its key to its own user, which
// it is not allowed to do with the volume's root.
func checkKeyPath(storage table, found finder) {
	const key = "openshell.gateway.credential_storage.key_encryption_key_path"
	file, is := storage["key_encryption_key_path"].(string)
	if !is {
		return
	}
	switch file = path.Clean(file); {
	case !strings.HasPrefix(file, VolumePath+"/"):
		found(key, "must be below %s: nothing else can be written there", VolumePath)
	case file == RootKeyPath:
		found(key, "must be in a subdirectory of %s, because the gateway is not allowed to change the permissions of the volume's root; remove this key: the operator keeps this path for a gateway that is already ready with it", VolumePath)
	case path.Dir(file) == VolumePath:
		found(key, "must be in a subdirectory of %[1]s, such as %[1]s/keys/%[2]s, because the gateway is not allowed to change the permissions of the volume's root; or remove this key", VolumePath, path.Base(file))
	}
}

package gatewaytoml

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// firstV2 is the first release that reads schema version 2.
var firstV2 = release.First(func(c release.Contract) bool { return c.Schema == 2 })

// convertCommand converts a text to schema version 2. A message offers it with orConvert at its end.
const (
	convertCommand = "kubectl gatewaytenant convert -f FILE"
	orConvert      = ", or run " + convertCommand
)

// movedKey is a key of schema version 1 that version 2 has elsewhere, or not at all.
type movedKey struct {
	from string
	// to is the path in version 2. It is empty if there is none.
	to string
	// why says what becomes of the key.
	why string
}

// movedKeys are all such keys. In version 1, the driver inherits some keys from the table of the gateway; in version 2, it
// inherits none.
var movedKeys = []movedKey{
	{"openshell.gateway.compute_drivers", "openshell.gateway.compute_driver", "which is a string"},
	{"openshell.gateway.sandbox_namespace", "openshell.drivers.kubernetes.namespace", ""},
	{"openshell.gateway.default_image", "openshell.drivers.kubernetes.default_image", ""},
	{"openshell.gateway.supervisor_image", "openshell.drivers.kubernetes.supervisor_image", ""},
	{"openshell.gateway.client_tls_secret_name", "openshell.drivers.kubernetes.client_tls_secret_name", ""},
	{"openshell.gateway.service_account_name", "openshell.drivers.kubernetes.service_account_name", ""},
	{"openshell.gateway.host_gateway_ip", "openshell.drivers.kubernetes.host_gateway_ip", ""},
	{"openshell.gateway.enable_user_namespaces", "openshell.drivers.kubernetes.enable_user_namespaces", ""},
	{"openshell.gateway.sa_token_ttl_secs", "openshell.drivers.kubernetes.sa_token_ttl_secs", ""},
	{"openshell.gateway.guest_tls_ca", "", "it has no effect on Kubernetes"},
	{"openshell.gateway.guest_tls_cert", "", "it has no effect on Kubernetes"},
	{"openshell.gateway.guest_tls_key", "", "it has no effect on Kubernetes"},
	{"openshell.gateway.tls.require_client_auth", "", "it has no effect"},
	{"openshell.drivers.kubernetes.supervisor_sideload_method", "", "the supervisor has a pod of its own"},
	{"openshell.drivers.kubernetes.supervisor_topology", "", "the supervisor has a pod of its own"},
	{"openshell.drivers.kubernetes.topology", "", "the supervisor has a pod of its own"},
	{"openshell.drivers.kubernetes.sidecar", "", "the supervisor has a pod of its own"},
	{"openshell.drivers.kubernetes.app_armor_profile", "", "the pods of sandboxes need no AppArmor profile"},
}

// place returns where a key is to be written, as the end of a sentence.
func (m movedKey) place() string {
	cut := strings.LastIndexByte(m.to, '.')
	table, key := m.to[:max(cut, 0)], m.to[cut+1:]
	switch {
	case m.to == "":
		return "remove it, since " + m.why
	case m.why != "":
		return fmt.Sprintf("write %s, %s, in [%s]", key, m.why, table)
	}
	return fmt.Sprintf("write %s in [%s]", key, table)
}

// describeOtherSchema returns the message about a key that only the other schema version has. It is empty if neither has the key.
func describeOtherSchema(contract release.Contract, path []string) string {
	name := strings.Join(path, ".")
	if contract.Schema == 1 {
		field, has := fieldAt(schemaOf(2), path)
		if !has {
			return ""
		}
		since := firstV2
		if later, is := release.Parse(field.Tag.Get("since")); is && since.Less(later) {
			since = later
		}
		wayOut := "remove it"
		switch i := slices.IndexFunc(movedKeys, func(m movedKey) bool { return m.to == name }); {
		case i >= 0:
			wayOut = "remove it: the operator sets " + movedKeys[i].from
		case slices.ContainsFunc(release.Supported(), func(version release.Version) bool { return !version.Less(since) }):
			wayOut += ", or use a newer gateway with a text that " + convertCommand + " wrote"
		}
		return fmt.Sprintf("is a key from OpenShell %s on, and the gateway is %s, which does not start with it; %s", since, contract.Version, wayOut)
	}
	i := slices.IndexFunc(movedKeys, func(m movedKey) bool { return m.from == name })
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("is not a key from OpenShell %s on, and the gateway is %s; %s"+orConvert, firstV2, contract.Version, movedKeys[i].place())
}

// fieldAt returns the field of a schema at a path, in which indexes of items are steps.
func fieldAt(schema reflect.Type, path []string) (field reflect.StructField, has bool) {
	for _, step := range path {
		if _, err := strconv.Atoi(step); err == nil && schema.Kind() == reflect.Slice {
			schema = schema.Elem()
			continue
		}
		if schema.Kind() != reflect.Struct {
			return field, false
		}
		if field, has = fieldsOf(schema)[step]; !has {
			return field, false
		}
		schema = field.Type
	}
	return field, has
}

package gatewaytoml

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// refusals has the message for each value of the schema's tag refused.
var refusals = map[string]string{
	"admission-labels": "with other labels, resources that the platform did not approve could be used by sandboxes; remove it",
	"certificate":      "the operator issues the gateway's certificate; remove it, and name the server in spec.serverDnsNames",
	"command":          "it needs the key command, by which the gateway would run a program in its own container; remove it",
	"key-variable":     "the gateway's container has no variable that holds a key; remove it, or set key_encryption_key_path instead",
	"workspace-mode":   `it belongs to workspace_mode = "operator", in which the gateway would need rights in other namespaces; remove it`,
}

// describeUnknown returns the message about a key that the schema of a release does not have.
func describeUnknown(contract release.Contract, schema reflect.Type, path []string) string {
	key := path[len(path)-1]
	if key == "database_url" {
		return "cannot be in this file: the database is on the gateway's volume; remove it"
	}
	if text := describeOtherSchema(contract, path); text != "" {
		return text
	}
	if text := describeDriverKey(contract, schema, path); text != "" {
		return text
	}
	version := contract.Version
	text := "is not a key of gateway.toml for OpenShell " + releasesOf(contract)
	if near := message.Nearest(key, keysOfTable(version, schema)); near != "" {
		return fmt.Sprintf("%s; did you mean %s?", text, near)
	}
	others := slices.DeleteFunc(elsewhere(version, schemaOf(contract.Schema), key, nil), func(other string) bool { return other == dotted(path) })
	if len(others) > 0 {
		return fmt.Sprintf("%s; did you mean %s?", text, strings.Join(others[:min(len(others), 2)], " or "))
	}
	const few = 6
	keys := keysOfTable(version, schema)
	if len(keys) > few {
		return text + "; remove it"
	}
	return fmt.Sprintf("%s; remove it, or use one of the keys of this table: %s", text, strings.Join(keys, ", "))
}

// describeDriverKey returns the message about a key of a credential driver that it has with another transport only. It is empty for
// other keys.
func describeDriverKey(contract release.Contract, schema reflect.Type, path []string) string {
	if len(path) < 3 || path[1] != "credential_drivers" {
		return ""
	}
	_, inGateway := fieldAt(schemaOf(contract.Schema), path)
	switch key := path[len(path)-1]; {
	case schema == reflect.TypeFor[externalDriverConfigV2]() && inGateway:
		return `is not a key of a driver with transport = "uds", which runs outside the gateway; remove it, or remove transport and socket_path`
	case schema == reflect.TypeFor[vaultConfigV2]() && key == "socket_path":
		return `needs transport = "uds"; set it, or remove this key`
	}
	return ""
}

// releasesOf names the supported releases that read the same schema version as a release, or that release alone if the operator
// does not support it.
func releasesOf(contract release.Contract) string {
	if same := release.SupportedWith(contract.Schema); len(same) > 0 {
		return release.Ranges(same)
	}
	return contract.Version.String()
}

// describeUnsupported returns the message about a key that only gateways of other versions know.
func describeUnsupported(version release.Version, schema reflect.Type, field reflect.StructField, path []string) string {
	since, until := field.Tag.Get("since"), field.Tag.Get("until")
	releases := "from OpenShell " + since + " on"
	wayOut := "remove it"
	if first, is := release.Parse(since); is && !release.NewestSupported().Less(first) {
		wayOut += ", or use a newer gateway"
	}
	if until != "" {
		releases, wayOut = "from OpenShell "+since+" to "+until, "remove it"
		if since == "" {
			releases = "up to OpenShell " + until
		}
		if near := strings.TrimPrefix(path[len(path)-1], "supervisor_"); slices.Contains(keysOfTable(version, schema), near) {
			wayOut = "write " + near + " instead"
		}
	}
	return fmt.Sprintf("is a key %s, and the gateway is %s, which does not start with it; %s", releases, version, wayOut)
}

// keysOfTable returns the keys of a table that the gateway knows and may have, sorted.
func keysOfTable(version release.Version, schema reflect.Type) []string {
	fields := fieldsOf(schema)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(fields)), func(key string) bool {
		return !isKnown(fields[key], version) || fields[key].Tag.Get("refused") != ""
	})
}

// elsewhere returns the paths at which the schema has a key.
func elsewhere(version release.Version, schema reflect.Type, key string, at []string) []string {
	var found []string
	for field := range schema.Fields() {
		path := append(slices.Clip(at), field.Tag.Get("toml"))
		if !isKnown(field, version) || field.Tag.Get("refused") != "" {
			continue
		}
		if path[len(path)-1] == key {
			found = append(found, dotted(path))
		}
		if field.Type.Kind() == reflect.Struct {
			found = append(found, elsewhere(version, field.Type, key, path)...)
		}
	}
	slices.SortStableFunc(found, func(a, b string) int { return cmp.Compare(strings.Count(a, "."), strings.Count(b, ".")) })
	return found
}

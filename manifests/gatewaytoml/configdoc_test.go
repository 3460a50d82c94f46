package gatewaytoml

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

var configDocHead = `<!-- Written by make generate from manifests/gatewaytoml/schema.go. -->
# Configuration: ` + "`spec.config`" + `

For tenants who configure their gateway, and for platform teams who review what they set. ` + "`spec.config`" + ` is TOML that is merged
over the defaults: tables key by key, and other values are replaced. The operator checks each key and value by the rules of
the gateway's own release. It rejects a text with which the gateway would not start, before it changes anything. The
condition ` + "`Accepted`" + ` then has the line, the column and the way out. A gateway that calls other services, such as an OpenID
Connect issuer, an interceptor or middleware, also needs them to answer when it starts, which is not checked.

Releases before v0.1.0 read schema version 1 of gateway.toml, and releases from v0.1.0 on read version 2. The operator sets the
version, so your text need not have it. A text with keys that only one of them has is rejected for the other:
[` + "`kubectl gatewaytenant convert`" + `](kubectl-plugin.md#convert-a-text-for-openshell-010) converts a text to version 2.

## Limits

One operator evaluates the texts of all tenants, so their size is limited:

| limit | at most |
|---|---|
| length | 65,536 characters |
| depth of tables, arrays and parts of dotted keys in one another | 16 levels |
| keys and array items, where each part of a dotted key or a header counts | 2,000 |
| the rendered gateway.toml | 128 KiB |

## Left out

Tables of drivers that the gateway does not run are not rendered, and the condition ` + "`Warning`" + ` names them:
` + "`openshell.drivers.*`" + ` except ` + "`kubernetes`" + `, and ` + "`openshell.credential_drivers.*`" + ` except the driver that
` + "`openshell.gateway.credential_drivers`" + ` names. A byte order mark at the beginning is ignored.

## Rejected although a gateway accepts it

| what | reason |
|---|---|
`

var configDocKeys = `
## Rules about several keys

| keys | rule |
|---|---|
| ` + "`grpc_rate_limit_requests`, `grpc_rate_limit_window_seconds`" + ` | both or neither, unless one is 0, which disables the limit |
| ` + "`oidc.admin_role`, `oidc.user_role`" + ` | both are empty or neither; they are not empty by default |
| ` + "`no_proxy`, `proxy_connect_by_hostname`, `proxy_ca_bundle`, `proxy_auth_secret_name`, `proxy_auth_secret_key`" + ` | need ` + "`https_proxy`" + ` |
| ` + "`proxy_auth_secret_name`, `proxy_auth_secret_key`" + ` | both or neither; before v0.1.0, with ` + "`proxy_auth_allow_insecure = true` and `topology = \"sidecar\"`" + `; from v0.1.0 on, with ` + "`proxy_auth_allow_insecure = true` unless `https_proxy` begins with `https://`" + ` |
| ` + "`grpc_endpoint`" + ` of an interceptor | not ` + "`https://`" + ` before v0.0.102 |
| ` + "`grpc_endpoint`" + ` of an interceptor or middleware | from v0.0.107 on, unless ` + "`spec.sandboxTokens` is `Disabled` or `allow_insecure_transport = true`" + `: ` + "`https://`" + `, or ` + "`unix://`" + ` for an interceptor |
| ` + "`tls_ca_cert_path`" + ` | needs an endpoint with ` + "`https://`" + ` |
| ` + "`max_payload_bytes`, `max_body_bytes`" + ` of middleware | one of them; they are two names of the same limit |
| ` + "`name`" + ` of interceptors and of middleware | each once |
| ` + "`bindings`" + ` with ` + "`binding_policy`" + ` other than ` + "`dynamic`" + ` | each names a method and at least one phase; ` + "`post_commit` needs `failure_policy = \"fail_open\"`" + ` |
| ` + "`provider_profile_sources`" + ` | each source once; the type ` + "`interceptor`" + ` needs the name of an interceptor in ` + "`interceptors`" + ` |
| ` + "`credential_drivers`" + ` | one driver, with a table in ` + "`openshell.credential_drivers`" + `; ` + "`default_credential_driver`" + ` is the same or empty |
| ` + "`ocsf_log.max_files`" + ` | not with ` + "`rotation = \"never\"`" + ` |
| ` + "`ocsf_log.path`" + ` | not the path of another file below /var/openshell that the text names, and neither above nor below it |
| ` + "`auth_method`" + ` of the driver vault | ` + "`kubernetes`" + `, the default, needs ` + "`role`" + `; ` + "`token_file` needs `token_path`" + `; neither may have the keys of the other |

## Keys

- *managed*: the gateway's other objects depend on it. You may repeat the value, but not change it.
- *default*: it has this value unless you set another.
- *releases*: the releases of OpenShell that know the key. A gateway of another release does not start with it. Without an
  entry, all releases know it that this page describes: v` + schemas[0].oldest.String() + ` to v` + schemas[0].newest.String() + ` and v` + schemas[1].oldest.String() + ` to v` + schemas[1].newest.String() + `.

| key | value | releases | |
|---|---|---|---|
`

// TestConfigurationDoc keeps docs/configuration.md as the schema says; -update writes it anew.
func TestConfigurationDoc(t *testing.T) {
	var text strings.Builder
	text.WriteString(configDocHead)
	for _, policy := range policies {
		fmt.Fprintf(&text, "| %s | %s |\n", policy.what, policy.reason)
	}
	text.WriteString(configDocKeys)
	for _, row := range mergeRows(rowsOf(1, schemas[0].oldest.String(), schemas[0].newest.String()), rowsOf(2, schemas[1].oldest.String(), schemas[1].newest.String())) {
		fmt.Fprintf(&text, "| `%s` | %s | %s | %s |\n", row.key, row.value, row.releases, row.remark)
	}
	const file = "../../docs/configuration.md"
	if *Update {
		if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err, "run make generate")
	}
	if diff := cmp.Diff(string(have), text.String()); diff != "" {
		t.Errorf("%s is not what the schema says (make generate rewrites it):\n%s", file, diff)
	}
}

func typeText(field reflect.StructField) string {
	name := strings.TrimPrefix(strings.TrimPrefix(kindNames[field.Type.Kind()], "a "), "an ")
	format, hasFormat := formats[partAt(field.Tag.Get("format"), release.Version{Major: 1})]
	if field.Type.Kind() == reflect.Slice && hasFormat {
		want, _, _ := strings.Cut(format.want, ": ")
		return "array of strings, each " + want
	}
	values := "`" + strings.ReplaceAll(field.Tag.Get("enum"), ",", "`, `") + "`"
	switch {
	case values != "``" && field.Type.Kind() == reflect.Slice:
		return "array of " + values
	case values != "``":
		return values
	case hasFormat:
		want, _, _ := strings.Cut(format.want, ": ")
		return "string: " + want
	case field.Type.Kind() == reflect.String:
		return "string"
	case field.Tag.Get("range") != "":
		return name + " " + rangeText(field.Tag.Get("range"))
	case field.Type.Kind() == reflect.Int32 || field.Type.Kind() == reflect.Uint32:
		first, last := rangeAt(field.Type, field.Tag, release.Version{})
		return fmt.Sprintf("%s from %d to %d", name, first, last)
	}
	return name
}

// rangeText describes the tag range.
func rangeText(tag string) string {
	var parts []string
	for text := range strings.FieldsSeq(tag) {
		release := ""
		if since, rest, is := strings.Cut(text, ":"); is {
			text, release = rest, "; from v"+since+" on "
		}
		low, high, _ := strings.Cut(text, "-")
		if high == "" {
			parts = append(parts, release+"of at least "+low)
		} else {
			parts = append(parts, release+"from "+low+" to "+high)
		}
	}
	return strings.Join(parts, "")
}

// remark says whether the operator sets a key, or its table needs it.
func remark(field reflect.StructField, ours, def any) string {
	value := func(v any) string {
		text := strings.ReplaceAll(shown(v), "tenant-a", "NAMESPACE")
		return "`" + text + "`"
	}
	switch {
	case field.Tag.Get("refused") != "":
		return "*rejected*"
	case field.Tag.Get("toml") == "server_sans":
		return "*managed*: the wildcards of `spec.serverDnsNames`"
	case ours != nil:
		return "*managed*: " + value(ours)
	case def != nil:
		return "*default*: " + value(def)
	case field.Tag.Get("required") != "":
		return "required in its table"
	}
	return ""
}

package manifests

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

const configDocHead = `<!-- Written by make generate from manifests/schema.go. -->
# What ` + "`spec.config`" + ` may say

TOML that is merged over the defaults: tables deeply, all else replaced. A gateway refuses to start on a key that it does
not know, so each key is held against the version of the tenant's image before anything is touched; what would not start
is refused, with line and column, in the condition ` + "`Accepted`" + `.

The text is bounded, since one operator evaluates the texts of all tenants. What exceeds a bound is rejected, with its line:

| bound | at most |
|---|---|
| length | 65,536 characters |
| depth: tables, arrays and parts of dotted keys in one another | 16 levels |
| keys and array items, each part of a dotted key or a header counted | 2,000 |
| the gateway.toml that is made of it | 128 KiB |

Tables of drivers that the gateway does not run are left out of its gateway.toml, and the condition ` + "`Warning`" + ` names them:
` + "`openshell.drivers.*`" + ` except ` + "`kubernetes`" + `, and ` + "`openshell.credential_drivers.*`" + ` except the driver that
` + "`openshell.gateway.credential_drivers`" + ` names. In every table of a credential driver, the keys
` + "`command` and `args`" + ` are rejected, since the gateway would run that program in its own container. The keys
` + "`token_path` and `service_account_token_path` must be below `/var/openshell`" + `, since the driver sends the content of that
file to the address in its table; ` + "`service_account_token_path`" + ` may also name the gateway's own token,
` + "`/var/run/secrets/kubernetes.io/serviceaccount/token`" + `.

- *ours*: the gateway's other objects depend on it. It may be repeated with the same value, and not changed.
- *default*: it has this value unless you set another.
- *since*: gateways before this version do not start with it. All others are known to v0.0.71, the oldest that this was
  written for; a version newer than the newest in this table gets its rules.

| key | type | since | |
|---|---|---|---|
`

// TestConfigurationDoc keeps docs/configuration.md as the schema says; -update writes it anew.
func TestConfigurationDoc(t *testing.T) {
	var text strings.Builder
	text.WriteString(configDocHead)
	tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: "ghcr.io/nvidia/openshell/gateway:0.0.111"})
	if err != nil {
		t.Fatal(err)
	}
	old, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: "ghcr.io/nvidia/openshell/gateway:0.0.71"})
	if err != nil {
		t.Fatal(err)
	}
	own := merge(ownConfig(tenant), inheritedConfig())
	describe(&text, reflect.TypeFor[configFile](), nil, "", own, merge(defaultConfig(old), defaultConfig(tenant)))
	const file = "../docs/configuration.md"
	if *update {
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

// describe writes a line for each key of a table, in the schema's order.
func describe(text *strings.Builder, schema reflect.Type, path []string, since string, own, defaults any) {
	for field := range schema.Fields() {
		at := append(append([]string{}, path...), field.Tag.Get("toml"))
		since := since
		if own := field.Tag.Get("since"); own != "" {
			since = "v" + own
		}
		ours, def := below(own, field.Tag.Get("toml")), below(defaults, field.Tag.Get("toml"))
		inner := field.Type
		if inner.Kind() == reflect.Slice && inner.Elem().Kind() == reflect.Struct {
			inner, at[len(at)-1] = inner.Elem(), at[len(at)-1]+"[]"
		}
		if inner.Kind() == reflect.Struct {
			describe(text, inner, at, since, ours, def)
			continue
		}
		fmt.Fprintf(text, "| `%s` | %s | %s | %s |\n", strings.Join(at, "."), typeText(field), since, remark(field, ours, def))
	}
}

func below(value any, key string) any {
	inner, _ := value.(table)
	return inner[key]
}

func typeText(field reflect.StructField) string {
	if values := field.Tag.Get("enum"); values != "" {
		return "`" + strings.ReplaceAll(values, ",", "`, `") + "`"
	}
	if name := kindNames[field.Type.Kind()]; name != "" {
		return strings.TrimPrefix(strings.TrimPrefix(name, "a "), "an ")
	}
	return "anything"
}

// remark says who sets a key. Values that differ from tenant to tenant are told as that.
func remark(field reflect.StructField, ours, def any) string {
	value := func(v any) string {
		text := strings.ReplaceAll(shown(v), "tenant-a", "NAMESPACE")
		return "`" + text + "`"
	}
	switch {
	case field.Tag.Get("toml") == "server_sans":
		return "*ours*: the wildcards of `spec.serverDnsNames`"
	case ours != nil:
		return "*ours*: " + value(ours)
	case field.Tag.Get("toml") == "supervisor_image" && def != nil:
		return "*default*: below v0.0.82, the supervisor of the gateway's version"
	case def != nil:
		return "*default*: " + value(def)
	case field.Tag.Get("required") != "":
		return "its table needs it"
	}
	return ""
}

package manifests

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// table is a TOML table as go-toml decodes it: values are strings, bools, int64s, []any and tables.
type table = map[string]any

const (
	serverTLSPath = "/etc/openshell-tls/server"
	clientCAPath  = "/etc/openshell-tls/client-ca"
	tokenKeysPath = "/etc/openshell-jwt" //nolint:gosec // a directory
)

// ownConfig are the keys of gateway.toml that the rest of the tenant's objects depend on: ports, mounts, names. A
// tenant may repeat but not change them.
func ownConfig(t Tenant) table {
	gateway := table{
		"bind_address":         "0.0.0.0:8080", // the gateway's own default is loopback
		"health_bind_address":  "0.0.0.0:8081",
		"metrics_bind_address": "0.0.0.0:9090",
		"compute_drivers":      []any{"kubernetes"},
		"sandbox_namespace":    t.Namespace,
		"server_sans":          anys(wildcards(t.ServerNames)), // others have no effect there but a restart
		"disable_tls":          false,
		"tls": table{
			"cert_path":      serverTLSPath + "/tls.crt",
			"key_path":       serverTLSPath + "/tls.key",
			"client_ca_path": clientCAPath + "/ca.crt",
		},
	}
	driver := table{
		"namespace":              t.Namespace,
		"service_account_name":   SandboxName,
		"grpc_endpoint":          t.Endpoint(),
		"client_tls_secret_name": ClientTLSName,
	}
	if t.sandboxTokens {
		gateway["gateway_jwt"] = table{
			"signing_key_path": tokenKeysPath + "/signing.pem",
			"public_key_path":  tokenKeysPath + "/public.pem",
			"kid_path":         tokenKeysPath + "/kid",
			"gateway_id":       t.Namespace, // in the tokens' issuer and audience: unique to the tenant
		}
	}
	if !t.Version.Less(release.New(0, 0, 107)) { // the driver's own copy came then; it is not taken from gateway_jwt
		driver["gateway_id"] = t.Namespace
	}
	return table{"openshell": table{"gateway": gateway, "drivers": table{"kubernetes": driver}}}
}

// defaultConfig are the other keys of a gateway.toml that starts; a tenant may change them.
func defaultConfig(t Tenant) table {
	gateway := table{
		"log_level": "info",
		// Without OIDC, the gateway demands a client certificate, and without this key no user could do anything.
		"auth": table{"allow_unauthenticated_users": true},
	}
	driver := table{}
	if t.Version.Less(firstWithoutSideload) {
		driver["supervisor_sideload_method"] = sideloadInitContainer
		if t.platform.appArmorProfile != "" {
			driver["app_armor_profile"] = t.platform.appArmorProfile
		}
	}
	if t.sandboxTokens {
		gateway["gateway_jwt"] = table{"ttl_secs": int64(3600)} // the gateway's own default is for ever
	}
	if t.Version.Less(release.New(0, 0, 82)) { // before, the built-in default was :latest
		driver["supervisor_image"] = "ghcr.io/nvidia/openshell/supervisor:" + t.Version.String()
	}
	if !t.Version.Less(firstWithKey) { // without it the gateway would put the key where nothing can be written
		gateway["credential_storage"] = table{"key_encryption_key_path": subdirKeyPath}
	}
	return table{"openshell": table{"version": int64(1), "gateway": gateway, "drivers": table{"kubernetes": driver}}}
}

// configure sets the tenant's whole gateway.toml: the defaults, the tenant's values over them, and our own. It also sets the
// tables of the text that are left out because the gateway does not use them. What a gateway of the tenant's version would
// not start with is rejected, by its place in the text.
func (t *Tenant) configure(config string) error {
	config = strings.TrimPrefix(config, "\ufeff") // a byte order mark, which gateways ignore
	if err := checkBounds(config); err != nil {
		return err
	}
	given, err := decodeConfig(config)
	if err != nil {
		return err
	}
	if err := rejectFaults(config, unsafeKeys(given)); err != nil {
		return err
	}
	if err := known(config, given, t.Version); err != nil {
		return err
	}
	own := ownConfig(*t)
	faults := append(keepsOwn(merge(own, inheritedConfig()), given, nil), contradictions(*t, given)...)
	if err := rejectFaults(config, faults); err != nil {
		return err
	}
	t.unusedTables = removeUnused(given)
	_, setsKeyPath := tableAt(given, "openshell", "gateway", "credential_storage")["key_encryption_key_path"]
	t.sideloadMethod, _ = tableAt(given, "openshell", "drivers", "kubernetes")["supervisor_sideload_method"].(string)
	t.setsGatewayID, t.audiences = setsGatewayID(given), audiences(*t, given)
	t.defaultKeyPath = !setsKeyPath && !t.Version.Less(firstWithKey)
	merged := merge(merge(defaultsBeside(*t, given), given), own)
	t.openDefault = admitsWithoutToken(merged)
	if err := checkRenderedSize(config, merged); err != nil {
		return err
	}
	t.gatewayTOML, err = toml.Marshal(merged)
	return err
}

// inheritedConfig are keys that the driver would take over from the gateway's table if its own, which are ours, did not
// win. They are not written, and may not say anything else.
func inheritedConfig() table {
	return table{"openshell": table{"gateway": table{"service_account_name": SandboxName, "client_tls_secret_name": ClientTLSName}}}
}

// defaultsBeside are the defaults less those that would be wrong beside what the tenant sets.
func defaultsBeside(t Tenant, given table) table {
	defaults := defaultConfig(t)
	gateway := tableAt(given, "openshell", "gateway")
	if _, oidc := gateway["oidc"]; oidc { // the gateway does not demand client certificates then, so this key would admit every client
		delete(tableAt(defaults, "openshell", "gateway"), "auth")
	}
	if _, image := gateway["supervisor_image"]; image { // the driver's own would silently win
		delete(tableAt(defaults, "openshell", "drivers", "kubernetes"), "supervisor_image")
	}
	return defaults
}

// tableAt is the table at a path, nil if there is none.
func tableAt(root table, path ...string) table {
	for _, key := range path {
		root, _ = root[key].(table)
	}
	return root
}

// decodeConfig reads a tenant's TOML.
func decodeConfig(config string) (table, error) {
	given := table{}
	err := toml.Unmarshal([]byte(config), &given)
	if err == nil {
		return given, nil
	}
	where := ""
	if decodeError := new(toml.DecodeError); errors.As(err, &decodeError) {
		line, column := decodeError.Position()
		where = fmt.Sprintf(" in line %d, column %d", line, column)
	}
	return nil, reject(v1alpha1.ReasonInvalidConfig, "spec.config", "", "is not TOML%s: %s", where, message.Truncate(err.Error()))
}

// ChangedKeys are the keys that differ between two texts of gateway.toml, by their paths, sorted. A text that is not TOML
// counts as empty.
func ChangedKeys(before, after string) []string {
	was, is := table{}, table{}
	if toml.Unmarshal([]byte(before), &was) != nil {
		was = table{}
	}
	if toml.Unmarshal([]byte(after), &is) != nil {
		is = table{}
	}
	return changedKeys(was, is, "")
}

func changedKeys(was, is table, prefix string) []string {
	var changed []string
	all := table{}
	maps.Copy(all, was)
	maps.Copy(all, is)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		wasTable, ok1 := was[key].(table)
		isTable, ok2 := is[key].(table)
		switch {
		case ok1 && ok2, ok1 && is[key] == nil, ok2 && was[key] == nil:
			changed = append(changed, changedKeys(wasTable, isTable, prefix+key+".")...)
		case !reflect.DeepEqual(was[key], is[key]):
			changed = append(changed, prefix+key)
		}
	}
	return changed
}

// keepsOwn finds keys of ours that a config changes.
func keepsOwn(own, given table, path []string) []fault {
	var faults []fault
	for _, key := range slices.Sorted(maps.Keys(own)) {
		got, there := given[key]
		if !there {
			continue
		}
		want, at := own[key], append(slices.Clip(path), key)
		if wantTable, is := want.(table); is {
			gotTable, _ := got.(table) // its type was checked
			faults = append(faults, keepsOwn(wantTable, gotTable, at)...)
		} else if !reflect.DeepEqual(want, got) {
			faults = append(faults, fault{at, func() string {
				if key == "gateway_id" { // an existing gateway may keep another one than want
					return fmt.Sprintf("is %s, but it is managed by the operator; remove this key", shown(got))
				}
				return fmt.Sprintf("is %s, but it is managed by the operator and must stay %s; remove this key%s", shown(got), shown(want), instead[key])
			}})
		}
	}
	return faults
}

// shown is a value as TOML has it, nearly.
func shown(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value) // infinity and the like
	}
	return message.Truncate(string(text))
}

// instead says, for a key of ours, which field of the spec does what changing the key would be for.
var instead = map[string]string{
	"server_sans": ", and name the server in spec.serverDnsNames",
	"gateway_jwt": ", or see spec.sandboxTokens",
}

// merge lays over upon base: tables deeply, all else replaced. Neither is modified.
func merge(base, over table) table {
	merged := maps.Clone(base)
	for key, value := range over {
		baseTable, ok1 := merged[key].(table)
		overTable, ok2 := value.(table)
		if ok1 && ok2 {
			value = merge(baseTable, overTable)
		}
		merged[key] = value
	}
	return merged
}

func anys[T any](values []T) []any {
	all := make([]any, len(values))
	for i, value := range values {
		all[i] = value
	}
	return all
}

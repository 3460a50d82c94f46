package manifests

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
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
	if !t.Version.Less(Version{0, 0, 107}) { // the driver's own copy came then; it is not taken from gateway_jwt
		driver["gateway_id"] = t.Namespace
	}
	return table{"openshell": table{"gateway": gateway, "drivers": table{"kubernetes": driver}}}
}

// defaultConfig are the other keys of a gateway.toml that starts; a tenant may change them.
func defaultConfig(t Tenant) table {
	gateway := table{
		"log_level": "info",
		// Whoever gets here holds a client certificate; without this, and without OIDC, no user could do anything.
		"auth": table{"allow_unauthenticated_users": true},
	}
	driver := table{}
	if t.sandboxTokens {
		gateway["gateway_jwt"] = table{"ttl_secs": int64(3600)} // the gateway's own default is for ever
	}
	if t.Version.Less(Version{0, 0, 82}) { // before, the built-in default was :latest
		driver["supervisor_image"] = "ghcr.io/nvidia/openshell/supervisor:" + t.Version.String()
	}
	if !t.Version.Less(Version{0, 0, 100}) { // without it the gateway would put the key where nothing can be written
		gateway["credential_storage"] = table{"key_encryption_key_path": "/var/openshell/key-encryption-key.bin"}
	}
	return table{"openshell": table{"version": int64(1), "gateway": gateway, "drivers": table{"kubernetes": driver}}}
}

// gatewayTOML is the tenant's whole gateway.toml: the defaults, the tenant's values over them, and our own.
func gatewayTOML(t Tenant, config string) ([]byte, error) {
	given, err := decodeConfig(config)
	if err != nil {
		return nil, err
	}
	own := ownConfig(t)
	if err := keepsOwn(own, given, nil); err != nil {
		return nil, err
	}
	defaults := defaultConfig(t)
	if err := fits(t, given, defaults); err != nil {
		return nil, err
	}
	return toml.Marshal(merge(merge(defaults, given), own))
}

// fits refuses what a tenant's config cannot mean beside the rest of the spec, and takes back a default that would be
// wrong beside it: with OIDC the gateway no longer demands a client certificate, so nobody else may come in unknown.
func fits(t Tenant, given, defaults table) error {
	gateway := tableAt(given, "openshell", "gateway")
	if _, tokens := gateway["gateway_jwt"]; tokens && !t.sandboxTokens {
		return reject(v1alpha1.ReasonInvalidConfig, "spec.config", "", "sets openshell.gateway.gateway_jwt, but spec.sandboxTokens is Disabled; leave one of them out")
	}
	if _, oidc := gateway["oidc"]; !oidc {
		return nil
	}
	if tableAt(gateway, "auth")["allow_unauthenticated_users"] == true {
		return reject(v1alpha1.ReasonInvalidConfig, "spec.config", "", "sets openshell.gateway.auth.allow_unauthenticated_users beside openshell.gateway.oidc, which lets everybody in; leave it out")
	}
	delete(tableAt(defaults, "openshell", "gateway"), "auth")
	return nil
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
	return nil, reject(v1alpha1.ReasonInvalidConfig, "spec.config", "", "is not TOML%s: %v", where, err)
}

// keepsOwn refuses a config that changes one of our keys.
func keepsOwn(own, given table, path []string) error {
	for _, key := range slices.Sorted(maps.Keys(own)) { // in an order, so that of several faults always the same is told
		want := own[key]
		got, there := given[key]
		if !there {
			continue
		}
		at := append(slices.Clip(path), key)
		wantTable, isTable := want.(table)
		if gotTable, ok := got.(table); isTable && ok {
			if err := keepsOwn(wantTable, gotTable, at); err != nil {
				return err
			}
			continue
		}
		if isTable {
			return reject(v1alpha1.ReasonInvalidConfig, "spec.config", "", "sets %s to a value, but it is a table", strings.Join(at, "."))
		}
		if !reflect.DeepEqual(want, got) {
			return reject(v1alpha1.ReasonInvalidConfig, "spec.config", fmt.Sprint(got),
				"cannot be the value of %s: the gateway's other objects depend on it being %v; leave the key out%s", strings.Join(at, "."), want, instead[key])
		}
	}
	return nil
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

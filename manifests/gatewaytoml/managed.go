package gatewaytoml

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// managedKeys returns the keys of gateway.toml on which the tenant's other objects depend: ports, mounts and names. A tenant may
// repeat but not change them.
func managedKeys(in Input) table {
	gateway := table{
		"bind_address":         "0.0.0.0:8080", // the gateway's own default is loopback
		"health_bind_address":  "0.0.0.0:8081",
		"metrics_bind_address": "0.0.0.0:9090",
		"server_sans":          items(in.Wildcards), // other names have no effect there but a restart
		"disable_tls":          false,
		"tls": table{
			"cert_path":      serverTLSPath + "/tls.crt",
			"key_path":       serverTLSPath + "/tls.key",
			"client_ca_path": clientCAPath + "/ca.crt",
		},
	}
	if in.Release.Schema == 1 {
		gateway["compute_drivers"] = []any{"kubernetes"}
		gateway["sandbox_namespace"] = in.Namespace
	} else {
		gateway["compute_driver"] = "kubernetes"
	}
	driver := table{
		"namespace":              in.Namespace,
		"service_account_name":   in.SandboxServiceAccount,
		"grpc_endpoint":          in.Endpoint,
		"client_tls_secret_name": in.ClientTLSSecret,
	}
	if in.SandboxTokens {
		gateway["gateway_jwt"] = table{
			"signing_key_path": TokenKeysPath + "/signing.pem",
			"public_key_path":  TokenKeysPath + "/public.pem",
			"kid_path":         TokenKeysPath + "/kid",
			"gateway_id":       in.Namespace, // in the tokens' issuer and audience: unique to the tenant
		}
	}
	if in.Release.DriverGatewayID {
		driver["gateway_id"] = in.Namespace
	}
	return table{"openshell": table{"gateway": gateway, "drivers": table{"kubernetes": driver}}}
}

// items returns strings as an array of TOML.
func items(values []string) []any {
	all := make([]any, len(values))
	for i, value := range values {
		all[i] = value
	}
	return all
}

// inheritedKeys returns keys of the gateway's table that the driver would inherit if its own, which are managed, did not take
// precedence. They are not written, and a tenant cannot give them other values. In schema version 2, the driver inherits none.
func inheritedKeys(in Input) table {
	if in.Release.Schema != 1 {
		return nil
	}
	return table{"openshell": table{"gateway": table{"service_account_name": in.SandboxServiceAccount, "client_tls_secret_name": in.ClientTLSSecret}}}
}

// managedEverywhere returns the managed keys whose values are the same in every namespace and for every tenant.
func managedEverywhere(in Input) table {
	all := managedKeys(in)
	delete(tableAt(all, "openshell"), "drivers")
	delete(tableAt(all, "openshell", "gateway"), "server_sans")
	delete(tableAt(all, "openshell", "gateway"), "sandbox_namespace")
	delete(tableAt(all, "openshell", "gateway", "gateway_jwt"), "gateway_id")
	return all
}

// changedManagedKeys finds managed keys that a text changes.
func changedManagedKeys(in Input, given table) []fault {
	return differences(merge(managedKeys(in), inheritedKeys(in)), given, nil)
}

// differences finds the keys of a table of managed keys whose values differ in given.
func differences(managed, given table, path []string) []fault {
	var faults []fault
	for _, key := range slices.Sorted(maps.Keys(managed)) {
		got, there := given[key]
		if !there {
			continue
		}
		want, at := managed[key], append(slices.Clip(path), key)
		if wantTable, is := want.(table); is {
			gotTable, _ := got.(table) // its type was checked
			faults = append(faults, differences(wantTable, gotTable, at)...)
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

// instead names, for a managed key, the field of the spec that has the effect for which a tenant would change the key.
var instead = map[string]string{
	"server_sans": ", and name the server in spec.serverDnsNames",
	"gateway_jwt": ", or see spec.sandboxTokens",
}

package gatewaytoml

import (
	"reflect"
	"strings"
	"testing"
)

// TestKeysOfTheOtherSchemaAreRejected: the message names the line, where the key is now, and the command that converts a text.
func TestKeysOfTheOtherSchemaAreRejected(t *testing.T) {
	const convert = "kubectl gatewaytenant convert -f FILE"
	const inDriver = "in [openshell.drivers.kubernetes]"
	for line, place := range map[string]string{
		"gateway.compute_drivers = ['kubernetes']":                "write compute_driver, which is a string, in [openshell.gateway]",
		"gateway.sandbox_namespace = 'tenant-a'":                  "write namespace " + inDriver,
		"gateway.default_image = 'a'":                             "write default_image " + inDriver,
		"gateway.supervisor_image = 'ghcr.io/nvidia/a:1'":         "write supervisor_image " + inDriver,
		"gateway.client_tls_secret_name = 'openshell-client-tls'": "write client_tls_secret_name " + inDriver,
		"gateway.service_account_name = 'a'":                      "write service_account_name " + inDriver,
		"gateway.host_gateway_ip = '10.0.0.1'":                    "write host_gateway_ip " + inDriver,
		"gateway.enable_user_namespaces = true":                   "write enable_user_namespaces " + inDriver,
		"gateway.sa_token_ttl_secs = 600":                         "write sa_token_ttl_secs " + inDriver,
		"gateway.guest_tls_ca = 'a'":                              "remove it, since it has no effect on Kubernetes",
		"gateway.guest_tls_cert = 'a'":                            "remove it, since it has no effect on Kubernetes",
		"gateway.guest_tls_key = 'a'":                             "remove it, since it has no effect on Kubernetes",
		"gateway.tls.require_client_auth = true":                  "remove it, since it has no effect",
		"drivers.kubernetes.supervisor_sideload_method = 'a'":     "remove it, since the supervisor has a pod of its own",
		"drivers.kubernetes.supervisor_topology = 'combined'":     "remove it, since the supervisor has a pod of its own",
		"drivers.kubernetes.topology = 'sidecar'":                 "remove it, since the supervisor has a pod of its own",
		"drivers.kubernetes.sidecar.proxy_uid = 1000":             "remove it, since the supervisor has a pod of its own",
		"drivers.kubernetes.app_armor_profile = 'Unconfined'":     "remove it, since the pods of sandboxes need no AppArmor profile",
		"version = 1": "is 1; it must be 2, because gateways from OpenShell 0.1.0 on read no other version",
		"version = 0": "is 0; it must be 2",
	} {
		for _, version := range []string{"0.1.0", "0.1.5"} {
			rejected(t, input(version, "[openshell]\n"+line), "line 2, column ", place, convert)
		}
	}
	const newer = ", or use a newer gateway with a text that kubectl gatewaytenant convert -f FILE wrote"
	for line, message := range map[string]string{
		"gateway.compute_driver = 'kubernetes'":                                               "openshell.gateway.compute_driver is a key from OpenShell 0.1.0 on, and the gateway is 0.0.111, which does not start with it; remove it: the operator sets openshell.gateway.compute_drivers",
		"gateway.enable_websocket_tunnel = true":                                              "openshell.gateway.enable_websocket_tunnel is a key from OpenShell 0.1.1 on, and the gateway is 0.0.111, which does not start with it; remove it" + newer,
		"gateway.ocsf_log.path = '/var/openshell/a'":                                          "openshell.gateway.ocsf_log is a key from OpenShell 0.1.3 on, and the gateway is 0.0.111, which does not start with it; remove it" + newer,
		"gateway.oidc = {issuer = 'https://a', audience = 'a', jwks_allowed_origins = []}":    "openshell.gateway.oidc.jwks_allowed_origins is a key from OpenShell 0.1.0 on, and the gateway is 0.0.111, which does not start with it; remove it" + newer,
		"drivers.kubernetes.sandbox_runtime_image = 'ghcr.io/nvidia/openshell/sandbox:0.1.5'": "openshell.drivers.kubernetes.sandbox_runtime_image is a key from OpenShell 0.1.0 on, and the gateway is 0.0.111, which does not start with it; remove it" + newer,
		"drivers.kubernetes.allowed_pod_labels = ['a']":                                       "openshell.drivers.kubernetes.allowed_pod_labels is a key from OpenShell 0.1.5 on, and the gateway is 0.0.111, which does not start with it; remove it" + newer,
		"version = 2": "openshell.version is 2; it must be 0 or 1, because gateways before OpenShell 0.1.0 read no other version; remove it: the operator sets the version",
	} {
		_, err := New(input("0.0.111", "[openshell]\n"+line))
		if err == nil || !strings.HasSuffix(err.Error(), ": "+message) {
			t.Errorf("%s: %v, want %s", line, err, message)
		}
	}
	rejected(t, input("0.1.0", "openshell.drivers.kubernetes.allowed_pod_labels = ['a']"), "is a key from OpenShell 0.1.5 on, and the gateway is 0.1.0, which does not start with it; remove it")
	rejected(t, input("0.0.80", "openshell.gateway.otlp.endpoint = 'http://a'"), "remove it, or use a newer gateway")
}

// TestKeysOfCredentialDrivers: a message about a key that depends on the transport says so, and does not suggest the key itself.
func TestKeysOfCredentialDrivers(t *testing.T) {
	const selected = "openshell.gateway.credential_drivers = ['vault']\nopenshell.credential_drivers.vault = "
	for line, message := range map[string]string{
		"{transport = 'uds', socket_path = '/var/openshell/a', address = 'https://a'}": `openshell.credential_drivers.vault.address is not a key of a driver with transport = "uds", which runs outside the gateway`,
		"{address = 'https://a', role = 'a', socket_path = '/var/openshell/a'}":        `openshell.credential_drivers.vault.socket_path needs transport = "uds"; set it, or remove this key`,
	} {
		rejected(t, input("0.1.5", selected+line), message)
		if _, err := New(input("0.1.5", selected+line)); err != nil && strings.Contains(err.Error(), "did you mean") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestUnknownKeysAreNotSuggestedThemselves: a table can be checked against a type other than that of its path.
func TestUnknownKeysAreNotSuggestedThemselves(t *testing.T) {
	path := strings.Split("openshell.gateway.log_level", ".")
	if is := describeUnknown(input("0.1.5", "").Release, reflect.TypeFor[otlpConfig](), path); strings.Contains(is, "did you mean") {
		t.Errorf("the message about openshell.gateway.log_level is %q", is)
	}
}

// TestMovedKeysAreInTheSchemas: where the messages send a tenant, the key is.
func TestMovedKeysAreInTheSchemas(t *testing.T) {
	for _, key := range movedKeys {
		from, to := strings.Split(key.from, "."), strings.Split(key.to, ".")
		if _, has := fieldAt(schemaOf(1), from); !has {
			t.Errorf("schema version 1 does not have %s", key.from)
		}
		if _, has := fieldAt(schemaOf(2), from); has {
			t.Errorf("schema version 2 still has %s", key.from)
		}
		if _, has := fieldAt(schemaOf(2), to); key.to != "" && !has {
			t.Errorf("schema version 2 does not have %s", key.to)
		}
		if key.to == "" && key.why == "" {
			t.Errorf("it is not told why %s was removed", key.from)
		}
	}
}

// TestMovedKeysAreComplete: every key that only version 1 has is there.
func TestMovedKeysAreComplete(t *testing.T) {
	moved := map[string]bool{"openshell.credential_drivers.vault.socket_path": true, "openshell.credential_drivers.NAME": true}
	for _, key := range movedKeys {
		moved[key.from] = true
	}
	for _, key := range schemaKeys(t, schemaOf(1), nil, schemas[0].oldest, schemas[0].newest) {
		if _, has := fieldAt(schemaOf(2), key.path); has {
			continue
		}
		known := false
		for i := range key.path {
			known = known || moved[strings.Join(key.path[:i+1], ".")]
		}
		if !known {
			t.Errorf("%s is in version 1 only, and nothing tells what becomes of it", dotted(key.path))
		}
	}
}

package gateway

import (
	"errors"
	"math"
	"time"
)

// file2 is the schema of version 2 of gateway.toml. Its tables have the keys that some source shows for a release. A key
// whose first release is not known is left out, because a gateway that does not know a key does not start. Examples are
// image_preparation_timeout_seconds and database_max_connections.
var file2 = table(map[string]schema{
	"openshell": table(map[string]schema{
		"version":            unsigned32(), // its value is checked after the whole file
		"gateway":            gatewayTable2,
		"supervisor":         table(map[string]schema{"middleware": listOf(middlewareTable2)}),
		"drivers":            mapOf(anything()), // the table of the selected driver is checked afterward
		"credential_drivers": mapOf(anything()),
	}),
})

var gatewayTable2 = table(map[string]schema{
	"name":                           text(notEmpty),
	"bind_address":                   text(socketAddress),
	"health_bind_address":            text(socketAddress),
	"metrics_bind_address":           text(socketAddress),
	"log_level":                      text(),
	"compute_driver":                 text(driverName),
	"credential_drivers":             listOf(text()),
	"default_credential_driver":      text(),
	"credential_storage":             mapOf(anything()),
	"ssh_session_ttl_secs":           unsigned(),
	"grpc_rate_limit_requests":       unsigned(),
	"grpc_rate_limit_window_seconds": unsigned(),
	"policy_validation_failure_mode": oneOf("fail_closed", "retain_last_valid"),
	"server_sans":                    listOf(text()),
	"enable_loopback_service_http":   boolean(),
	"enable_websocket_tunnel":        boolean().from(firstChosenTunnel),
	"disable_tls":                    boolean(),
	"guest_tls_ca":                   text(),
	"guest_tls_cert":                 text().to(firstOpenHandshake - 1), // the release that removed it is inferred
	"guest_tls_key":                  text().to(firstOpenHandshake - 1),
	"database_url":                   text(), // refused with its own error
	"interceptors":                   listOf(interceptorTable),
	"provider_profile_sources":       listOf(profileSource2),
	"tls": table(map[string]schema{
		"cert_path": text().must(), "key_path": text().must(), "client_ca_path": text(),
		"external_cert_path": text(), "external_key_path": text(), "external_server_names": listOf(text()),
	}),
	"auth":      table(map[string]schema{"allow_unauthenticated_users": boolean()}),
	"mtls_auth": table(map[string]schema{"enabled": boolean()}),
	"oidc": table(map[string]schema{
		"issuer": text().must(), "audience": text().must(), "jwks_ttl_secs": positive(), "roles_claim": text(), "admin_role": text(),
		"user_role": text(), "scopes_claim": text(), "jwks_allowed_origins": listOf(text(origin)), "dangerously_allow_insecure_http": boolean(),
	}),
	"gateway_jwt": table(map[string]schema{
		"signing_key_path": text().must(), "public_key_path": text().must(), "kid_path": text().must(), "gateway_id": text(), "ttl_secs": positive(),
	}),
	"otlp": table(map[string]schema{"endpoint": text().must(), "service_name": text()}),
	"ocsf_log": table(map[string]schema{
		"path": text().must(), "rotation": oneOf("daily", "never"), "max_files": unsigned(), "queue_capacity": unsigned(),
		"queue_max_bytes": unsigned(), "schema_version": oneOf("", "1.1", "1.3"),
	}).from(firstOpenHandshake),
})

var middlewareTable2 = table(map[string]schema{
	"name": text(identifier).must(), "grpc_endpoint": text(webEndpoint).must(), "timeout": text(duration, middlewareTimeout),
	"max_payload_bytes": integer(0, 4<<20).must().or("max_body_bytes"),
	"tls_ca_cert_path":  text(), "audience": text(), "allow_insecure_transport": boolean(),
})

// profileSource2 is a table whose other keys depend on its type.
var profileSource2 = schema{check: func(r Release, value any) error {
	source, ok := value.(map[string]any)
	if !ok {
		return wrongType(value, "a table")
	}
	if source["type"] == "builtin" {
		return errors.New("this release has no builtin provider profiles; import them with `openshell profile import` and remove the source")
	}
	return profileSource.accepts(r, source)
}}

// kubernetesTable2 has no keys for the sidecar, the topology, the sideload method and AppArmor, which version 1 had. That
// grpc_endpoint is required is what upstream's documentation says.
var kubernetesTable2 = table(map[string]schema{
	"allow_driver_config":                      boolean(),
	"resource_admission":                       table(map[string]schema{"enabled": boolean(), "required_labels": mapOf(text())}),
	"workspace_mode":                           oneOf("shared", "managed", "operator"),
	"gateway_id":                               text(),
	"namespace":                                text(),
	"operator_namespace_label":                 text(),
	"operator_namespace_file":                  text(),
	"service_account_name":                     text(),
	"default_image":                            text(),
	"image_pull_policy":                        pullPolicy(),
	"sandbox_runtime_image_pull_policy":        pullPolicy(),
	"supervisor_image_pull_policy":             pullPolicy(),
	"image_pull_secrets":                       listOf(text()),
	"managed_ssh_ingress":                      kubernetesTable.keys["managed_ssh_ingress"],
	"sandbox_runtime_image":                    text(),
	"supervisor_image":                         text(),
	"sandbox_runtime":                          table(map[string]schema{"boundary_port": integer(1024, math.MaxUint16)}),
	"https_proxy":                              text(proxyURL("http", "https")),
	"no_proxy":                                 text(notEmpty),
	"proxy_auth_secret_name":                   text(notEmpty, secretName),
	"proxy_auth_secret_key":                    text(notEmpty, secretKey),
	"proxy_auth_allow_insecure":                boolean(),
	"proxy_connect_by_hostname":                boolean(),
	"proxy_ca_bundle":                          text(notEmpty),
	"grpc_endpoint":                            text().must(),
	"ssh_socket_path":                          text(),
	"client_tls_secret_name":                   text(),
	"host_gateway_ip":                          text(),
	"enable_user_namespaces":                   boolean(),
	"workspace_default_storage_size":           text(),
	"workspace_storage_class":                  text(),
	"default_runtime_class_name":               text(),
	"sa_token_ttl_secs":                        integer(math.MinInt64, math.MaxInt64),
	"provider_spiffe_workload_api_socket_path": text(socketPath),
	"sandbox_uid":                              unsigned32(),
	"sandbox_gid":                              unsigned32(),
	"allowed_pod_annotations":                  listOf(text()).from(firstPodMetadata),
	"allowed_pod_labels":                       listOf(text()).from(firstPodMetadata),
})

// pullPolicy returns the schema of an image pull policy. The documentation has the first three spellings only; the code
// accepts those of Kubernetes, too.
func pullPolicy() schema {
	return oneOf("always", "if_not_present", "never", "Always", "IfNotPresent", "Never")
}

func positive() schema { return integer(1, math.MaxInt64) }

// middlewareTimeout accepts a duration from 10 ms to 30 s.
func middlewareTimeout(s string) error {
	if d, err := time.ParseDuration(s); err != nil || d < 10*time.Millisecond || d > 30*time.Second {
		return errors.New("the timeout of middleware is not between 10ms and 30s")
	}
	return nil
}

package gateway

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"path"
	"strings"
)

// file is the schema of a whole gateway.toml of version 1.
var file = table(map[string]schema{
	"openshell": table(map[string]schema{
		"version":            integer(0, 1),
		"gateway":            gatewayTable,
		"supervisor":         table(map[string]schema{"middleware": listOf(middlewareTable)}).from(86),
		"drivers":            mapOf(anything()), // the table of the selected driver is checked afterward
		"credential_drivers": mapOf(anything()).from(100),
	}),
})

func table(keys map[string]schema) schema { return schema{keys: keys} }

var gatewayTable = table(map[string]schema{
	"bind_address":                   text(socketAddress),
	"health_bind_address":            text(socketAddress),
	"metrics_bind_address":           text(socketAddress),
	"log_level":                      text(),
	"compute_drivers":                listOf(text()),
	"credential_drivers":             listOf(text()).from(100),
	"default_credential_driver":      text().from(100),
	"credential_storage":             mapOf(anything()).from(100),
	"sandbox_namespace":              text(),
	"ssh_session_ttl_secs":           unsigned(),
	"grpc_rate_limit_requests":       unsigned(),
	"grpc_rate_limit_window_seconds": unsigned(),
	"policy_validation_failure_mode": oneOf("fail_closed", "retain_last_valid").from(97),
	"server_sans":                    listOf(text()),
	"enable_loopback_service_http":   boolean(),
	"default_image":                  text(),
	"supervisor_image":               text(),
	"client_tls_secret_name":         text(),
	"service_account_name":           text(),
	"host_gateway_ip":                text(),
	"enable_user_namespaces":         boolean(),
	"sa_token_ttl_secs":              integer(math.MinInt64, math.MaxInt64),
	"guest_tls_ca":                   text(),
	"guest_tls_cert":                 text(),
	"guest_tls_key":                  text(),
	"disable_tls":                    boolean(),
	"database_url":                   text(), // refused with its own error
	"interceptors":                   listOf(interceptorTable).from(84),
	"provider_profile_sources":       listOf(profileSource).from(84),
	"tls": table(map[string]schema{
		"cert_path": text().must(), "key_path": text().must(), "client_ca_path": text(), "require_client_auth": boolean(),
		"external_cert_path": text().from(106), "external_key_path": text().from(106), "external_server_names": listOf(text()).from(106),
	}),
	"oidc": table(map[string]schema{
		"issuer": text().must(), "audience": text().must(), "jwks_ttl_secs": unsigned(), "roles_claim": text(), "admin_role": text(),
		"user_role": text(), "scopes_claim": text(),
	}),
	"auth":      table(map[string]schema{"allow_unauthenticated_users": boolean()}),
	"mtls_auth": table(map[string]schema{"enabled": boolean()}),
	"gateway_jwt": table(map[string]schema{
		"signing_key_path": text().must(), "public_key_path": text().must(), "kid_path": text().must(), "gateway_id": text(), "ttl_secs": unsigned(),
	}),
	"otlp": table(map[string]schema{"endpoint": text().must(), "service_name": text()}).from(96),
})

var interceptorTable = table(map[string]schema{
	"name": text(notEmpty).must(), "grpc_endpoint": text(notEmpty).must(), "timeout": text(duration),
	"tls_ca_cert_path": text().from(107), "audience": text().from(107), "allow_insecure_transport": boolean().from(107),
	"order": integer(math.MinInt32, math.MaxInt32), "failure_policy": oneOf("fail_closed", "fail_open"),
	"max_response_bytes": unsigned(), "max_patches": unsigned(), "binding_policy": oneOf("dynamic", "allowlist", "exact"),
	"bindings": listOf(table(map[string]schema{
		"id": text(), "rpc": text(), "service": text(), "method": text(), "disabled": boolean(),
		"phases":         listOf(oneOf("modify_operation", "validate", "post_commit")),
		"failure_policy": oneOf("fail_closed", "fail_open"),
	})),
})

var middlewareTable = table(map[string]schema{
	"name": text(identifier).must(), "grpc_endpoint": text(webEndpoint).must(), "timeout": text(duration),
	"max_body_bytes":    integer(0, 4<<20).must().to(106),
	"max_payload_bytes": integer(0, 4<<20).must().or("max_body_bytes").from(107),
	"tls_ca_cert_path":  text().from(107), "audience": text().from(107), "allow_insecure_transport": boolean().from(107),
})

// profileSource is a table whose other keys depend on its type; upstream ignores those that the type does not have.
var profileSource = schema{check: func(r Release, value any) error {
	source, ok := value.(map[string]any)
	if !ok {
		return wrongType(value, "a table")
	}
	switch source["type"] {
	case "builtin", "user":
		return nil
	case "interceptor":
		return table(map[string]schema{"type": text(), "name": text(notEmpty).must()}).accepts(r, source)
	}
	return errors.New("missing or unknown field `type`, expected one of `builtin`, `user`, `interceptor`")
}}

var kubernetesTable = table(map[string]schema{
	"workspace_mode":               oneOf("shared", "managed", "operator").from(107),
	"gateway_id":                   text().from(107),
	"namespace":                    text(),
	"operator_namespace_label":     text().from(107),
	"operator_namespace_file":      text().from(107),
	"service_account_name":         text(),
	"default_image":                text(),
	"image_pull_policy":            text(),
	"image_pull_secrets":           listOf(text()),
	"supervisor_image":             text(),
	"supervisor_image_pull_policy": text(),
	"supervisor_sideload_method":   oneOf("image-volume", "init-container"),
	"supervisor_topology":          oneOf("combined", "sidecar").from(74).to(81),
	"topology":                     oneOf("combined", "sidecar").from(82),
	"sidecar": table(map[string]schema{
		"proxy_uid": unsigned32(), "process_binary_aware_network_policy": boolean(),
	}).from(82),
	"https_proxy":                              text(proxyURL("http")).from(107),
	"no_proxy":                                 text(notEmpty).from(107),
	"proxy_auth_secret_name":                   text(notEmpty, secretName).from(107),
	"proxy_auth_secret_key":                    text(notEmpty, secretKey).from(107),
	"proxy_auth_allow_insecure":                boolean().from(107),
	"proxy_connect_by_hostname":                boolean().from(107),
	"grpc_endpoint":                            text(),
	"ssh_socket_path":                          text(),
	"client_tls_secret_name":                   text(),
	"host_gateway_ip":                          text(),
	"enable_user_namespaces":                   boolean(),
	"app_armor_profile":                        text(appArmor),
	"workspace_default_storage_size":           text(),
	"workspace_storage_class":                  text().from(94),
	"default_runtime_class_name":               text(),
	"sa_token_ttl_secs":                        integer(math.MinInt64, math.MaxInt64),
	"provider_spiffe_workload_api_socket_path": text(socketPath),
	"sandbox_uid":                              unsigned32().from(76),
	"sandbox_gid":                              unsigned32().from(76),
	"managed_ssh_ingress": table(map[string]schema{
		"enabled": boolean(), "gateway_namespace": text(), "gateway_pod_selector": mapOf(text()),
	}).from(107),
})

func socketAddress(s string) error {
	if _, err := netip.ParseAddrPort(s); err != nil {
		return errors.New("invalid socket address syntax")
	}
	return nil
}

func notEmpty(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("must not be empty")
	}
	return nil
}

func appArmor(s string) error {
	profile, local := strings.CutPrefix(s, "Localhost/")
	if s == "" || s == "RuntimeDefault" || s == "Unconfined" || local && profile != "" {
		return nil
	}
	return fmt.Errorf("'%s' is no AppArmor profile", s)
}

func socketPath(s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return nil
	case strings.TrimSpace(s) != s:
		return errors.New("the SPIFFE socket path begins or ends with a space")
	case !path.IsAbs(s):
		return errors.New("the SPIFFE socket path is not absolute")
	case path.Dir(path.Clean(s)) == "/":
		return errors.New("the SPIFFE socket has no directory of its own")
	}
	return nil
}

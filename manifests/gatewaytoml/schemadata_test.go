package gatewaytoml

// contexts are texts with which the keys of a table, or one key, are valid. The longest path counts.
var contexts = map[string]string{
	"":                                   "",
	"openshell.gateway.oidc":             "openshell.gateway.oidc = {issuer = 'https://a', audience = 'a', admin_role = 'a', user_role = 'a'}",
	"openshell.gateway.otlp":             "openshell.gateway.otlp.endpoint = 'http://a'",
	"openshell.supervisor":               "openshell.supervisor.middleware = [{name = 'a', grpc_endpoint = 'https://a', max_body_bytes = 1}]",
	"openshell.credential_drivers.vault": "openshell = {gateway.credential_drivers = ['vault'], credential_drivers.vault = {address = 'https://a', role = 'a'}}",
	"openshell.credential_drivers.vault.token_path":          "openshell = {gateway.credential_drivers = ['vault'], credential_drivers.vault = {address = 'https://a', auth_method = 'token_file'}}",
	"openshell.credential_drivers.NAME":                      "openshell = {gateway.credential_drivers = ['NAME'], credential_drivers.NAME = {transport = 'uds', socket_path = '/var/openshell/a'}}",
	"openshell.gateway.credential_drivers":                   "openshell.credential_drivers.vault = {address = 'https://a', role = 'a'}",
	"openshell.gateway.default_credential_driver":            "openshell = {gateway.credential_drivers = ['vault'], credential_drivers.vault = {address = 'https://a', role = 'a'}}",
	"openshell.gateway.grpc_rate_limit_requests":             "openshell.gateway.grpc_rate_limit_window_seconds = 1",
	"openshell.gateway.grpc_rate_limit_window_seconds":       "openshell.gateway.grpc_rate_limit_requests = 1",
	"openshell.gateway.interceptors":                         "openshell.gateway.interceptors = [{name = 'a', grpc_endpoint = 'unix:///var/openshell/a', bindings = [{}]}]",
	"openshell.gateway.interceptors[0].tls_ca_cert_path":     "openshell.gateway.interceptors = [{name = 'a', grpc_endpoint = 'https://a'}]",
	"openshell.gateway.interceptors[0].bindings[0].service":  "openshell.gateway.interceptors = [{name = 'a', grpc_endpoint = 'unix:///var/openshell/a', bindings = [{method = 'a'}]}]",
	"openshell.gateway.interceptors[0].bindings[0].method":   "openshell.gateway.interceptors = [{name = 'a', grpc_endpoint = 'unix:///var/openshell/a', bindings = [{service = 'a'}]}]",
	"openshell.gateway.provider_profile_sources":             "openshell.gateway = {provider_profile_sources = [{type = 'interceptor', name = 'a'}], interceptors = [{name = 'a', grpc_endpoint = 'unix:///var/openshell/a'}]}",
	"openshell.supervisor.middleware[0].max_payload_bytes":   "openshell.supervisor.middleware = [{name = 'a', grpc_endpoint = 'https://a'}]",
	"openshell.drivers.kubernetes.no_proxy":                  "openshell.drivers.kubernetes.https_proxy = 'http://a:1'",
	"openshell.drivers.kubernetes.proxy_connect_by_hostname": "openshell.drivers.kubernetes.https_proxy = 'http://a:1'",
	"openshell.drivers.kubernetes.proxy_auth_secret_name":    "openshell.drivers.kubernetes = {https_proxy = 'http://a:1', topology = 'sidecar', proxy_auth_secret_key = 'a', proxy_auth_allow_insecure = true}",
	"openshell.drivers.kubernetes.proxy_auth_secret_key":     "openshell.drivers.kubernetes = {https_proxy = 'http://a:1', topology = 'sidecar', proxy_auth_secret_name = 'a', proxy_auth_allow_insecure = true}",
	"openshell.drivers.kubernetes.proxy_auth_allow_insecure": "openshell.drivers.kubernetes = {https_proxy = 'http://a:1', topology = 'sidecar', proxy_auth_secret_name = 'a', proxy_auth_secret_key = 'a'}",
}

// companions are the keys that a key needs, in addition to those that its table needs.
var companions = map[string][]string{
	"openshell.gateway.grpc_rate_limit_requests":             {"openshell.gateway.grpc_rate_limit_window_seconds"},
	"openshell.gateway.grpc_rate_limit_window_seconds":       {"openshell.gateway.grpc_rate_limit_requests"},
	"openshell.gateway.credential_drivers":                   {"openshell.credential_drivers.vault"},
	"openshell.gateway.default_credential_driver":            {"openshell.gateway.credential_drivers"},
	"openshell.gateway.provider_profile_sources[0].name":     {"openshell.gateway.interceptors"},
	"openshell.gateway.interceptors[0].bindings[0].service":  {"openshell.gateway.interceptors[0].bindings[0].method"},
	"openshell.gateway.interceptors[0].bindings[0].method":   {"openshell.gateway.interceptors[0].bindings[0].service"},
	"openshell.credential_drivers.vault.token_path":          {"openshell.credential_drivers.vault.auth_method"},
	"openshell.credential_drivers.vault.auth_method":         {"openshell.credential_drivers.vault.role"},
	"openshell.drivers.kubernetes.no_proxy":                  {"openshell.drivers.kubernetes.https_proxy"},
	"openshell.drivers.kubernetes.proxy_connect_by_hostname": {"openshell.drivers.kubernetes.https_proxy"},
	"openshell.drivers.kubernetes.proxy_auth_secret_name":    {"openshell.drivers.kubernetes.https_proxy", "openshell.drivers.kubernetes.topology", "openshell.drivers.kubernetes.proxy_auth_secret_key", "openshell.drivers.kubernetes.proxy_auth_allow_insecure"},
	"openshell.drivers.kubernetes.proxy_auth_secret_key":     {"openshell.drivers.kubernetes.https_proxy", "openshell.drivers.kubernetes.topology", "openshell.drivers.kubernetes.proxy_auth_secret_name", "openshell.drivers.kubernetes.proxy_auth_allow_insecure"},
	"openshell.drivers.kubernetes.proxy_auth_allow_insecure": {"openshell.drivers.kubernetes.https_proxy", "openshell.drivers.kubernetes.topology", "openshell.drivers.kubernetes.proxy_auth_secret_name", "openshell.drivers.kubernetes.proxy_auth_secret_key"},
}

// validValues are valid values of keys for which their type or format does not tell one.
var validValues = map[string]any{
	"openshell.gateway.mtls_auth.enabled":                           false,
	"openshell.gateway.supervisor_image":                            "ghcr.io/nvidia/a:1",
	"openshell.drivers.kubernetes.supervisor_image":                 "ghcr.io/nvidia/a:1",
	"openshell.gateway.credential_drivers":                          []any{"vault"},
	"openshell.gateway.default_credential_driver":                   "vault",
	"openshell.gateway.credential_storage.key_encryption_key_path":  "/var/openshell/a/k",
	"openshell.gateway.provider_profile_sources[0].type":            "interceptor",
	"openshell.gateway.interceptors[0].grpc_endpoint":               "unix:///var/openshell/a",
	"openshell.gateway.interceptors[0].bindings[0].rpc":             "a/b",
	"openshell.credential_drivers.vault.service_account_token_path": "/var/openshell/a",
	"openshell.credential_drivers.vault.token_path":                 "/var/openshell/a",
	"openshell.credential_drivers.NAME.transport":                   "uds",
}

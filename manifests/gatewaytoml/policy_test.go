package gatewaytoml

import (
	"strings"
	"testing"
)

// policies are the classes of texts that are rejected although a gateway starts with them, each with its reason. They are
// listed in docs/configuration.md. The message about each text of a class contains its words.
var policies = []struct {
	what, reason, words string
	texts               []string
	texts2              []string // for schema version 2, if other texts are needed there
	withoutTokens       bool
	v2                  bool // the texts are for gateways that read schema version 2
}{
	{
		what:   "A key marked *managed* below, with another value",
		reason: "the gateway's other objects depend on it",
		words:  "managed by the operator",
		texts: []string{
			"openshell.gateway.bind_address = '0.0.0.0:9999'", "openshell.gateway.server_sans = ['*.a.example.com']", "openshell.gateway.service_account_name = 'other'",
			"openshell.drivers.kubernetes.grpc_endpoint = 'https://other'", "openshell.drivers.kubernetes.client_tls_secret_name = 'other'", "openshell.drivers.kubernetes.gateway_id = 'other'",
		},
		texts2: []string{
			"openshell.gateway.compute_driver = 'docker'", "openshell.gateway.tls.key_path = '/a'", "openshell.drivers.kubernetes.service_account_name = 'other'",
			"openshell.drivers.kubernetes.namespace = 'other'", "openshell.drivers.kubernetes.gateway_id = 'other'",
		},
	},
	{
		what:   "`supervisor_image` and `sandbox_runtime_image` that are empty or not from an allowed repository",
		reason: "they run in every sandbox, with more rights than the sandbox",
		words:  "_image ",
		texts:  []string{"openshell.gateway.supervisor_image = ''", "openshell.drivers.kubernetes.supervisor_image = 'docker.io/a/b:1'"},
		texts2: []string{"openshell.drivers.kubernetes.supervisor_image = ''", "openshell.drivers.kubernetes.supervisor_image = 'docker.io/a/b:1'", "openshell.drivers.kubernetes.sandbox_runtime_image = 'docker.io/a/b:1'"},
	},
	{
		what:   "`workspace_mode` other than `shared`, `operator_namespace_label` and `operator_namespace_file`",
		reason: "the gateway would need rights in other namespaces",
		words:  "rights in other namespaces",
		texts:  []string{"openshell.drivers.kubernetes.workspace_mode = 'managed'", "openshell.drivers.kubernetes.operator_namespace_label = 'a=b'", "openshell.drivers.kubernetes.operator_namespace_file = '/a'"},
	},
	{
		what:   "`auth.allow_unauthenticated_users = true` with `oidc`",
		reason: "clients would need neither a certificate nor a token",
		words:  "neither a certificate nor a token",
		texts:  []string{"openshell.gateway = {oidc = {issuer = 'https://a', audience = 'a'}, auth.allow_unauthenticated_users = true}"},
	},
	{
		what:          "`gateway_jwt` with `spec.sandboxTokens: Disabled`",
		reason:        "the two contradict each other",
		words:         "spec.sandboxTokens",
		texts:         []string{"openshell.gateway.gateway_jwt.ttl_secs = 60"},
		withoutTokens: true,
	},
	{
		what:   "`tls.external_cert_path` and `tls.external_key_path`",
		reason: "the operator issues the gateway's certificate",
		words:  "spec.serverDnsNames",
		texts:  []string{"openshell.gateway.tls = {external_cert_path = '/etc/openshell-tls/server/tls.crt', external_key_path = '/etc/openshell-tls/server/tls.key', external_server_names = ['a']}"},
	},
	{
		what:   "`key_encryption_key_path` outside of a subdirectory of `/var/openshell`",
		reason: "the gateway may restrict only such a directory to itself, and nothing else can be written",
		words:  "/var/openshell",
		texts:  []string{"openshell.gateway.credential_storage.key_encryption_key_path = '/var/openshell/k'", "openshell.gateway.credential_storage.key_encryption_key_path = '/tmp/a/k'"},
	},
	{
		what:   "`credential_drivers = [\"kubernetes-secrets\"]`",
		reason: "the driver needs rights on all Secrets of the namespace, since Kubernetes cannot limit their creation by name, and the gateway could then read the private key of the tenant's certificate authority",
		words:  "certificate authority",
		texts:  []string{"openshell.gateway.credential_drivers = ['kubernetes-secrets', 'kubernetes-secrets']", "openshell = {gateway.credential_drivers = ['kubernetes-secrets'], credential_drivers.kubernetes-secrets.namespace = 'tenant-a'}"},
		texts2: []string{"openshell.gateway.credential_drivers = ['kubernetes-secrets']", "openshell = {gateway.credential_drivers = ['kubernetes-secrets'], credential_drivers.kubernetes-secrets.namespace = 'tenant-a'}"},
	},
	{
		what:   "`command`, `args` and `startup_timeout_secs` of a credential driver, selected or not",
		reason: "the gateway would run that program in its own container",
		words:  "in its own container",
		texts: []string{
			"openshell.credential_drivers.other.command = '/bin/sh'", "openshell.credential_drivers.other.args = ['a']",
			"openshell = {gateway.credential_drivers = ['a'], credential_drivers.a = {transport = 'uds', socket_path = '/var/openshell/a', startup_timeout_secs = 1}}",
		},
	},
	{
		what:   "`token_path` and `service_account_token_path` of a credential driver outside of `/var/openshell`, except the gateway's own token, `/var/run/secrets/kubernetes.io/serviceaccount/token`",
		reason: "the driver sends the content of the file to the address in its table",
		words:  "must be below /var/openshell",
		texts:  []string{"openshell.credential_drivers.vault.token_path = '/etc/openshell-jwt/signing.pem'", "openshell.credential_drivers.vault.service_account_token_path = '/a'"},
	},
	{
		what:   "A socket outside of `/var/openshell`, of an interceptor or a credential driver",
		reason: "nothing can listen on it: the root of the container is read-only, and the pod has no other container",
		words:  "nothing can listen",
		texts: []string{
			"openshell.gateway.interceptors = [{name = 'a', grpc_endpoint = 'unix:///run/a.sock'}]",
			"openshell = {gateway.credential_drivers = ['a'], credential_drivers.a = {transport = 'uds', socket_path = '/run/a.sock'}}",
		},
	},
	{
		what:   "`tls_ca_cert_path`, `proxy_ca_bundle` and `ca_bundle` that are neither below `/var/openshell` nor in another place of certificates in the container",
		reason: "the container has no such file",
		words:  "a file with certificates",
		texts:  []string{"openshell.gateway.interceptors = [{name = 'a', grpc_endpoint = 'https://a', tls_ca_cert_path = '/etc/ca.pem'}]"},
	},
	{
		what:   "A table that is written as an array of its values, or a value that stands for a table",
		reason: "the operator merges tables by their keys",
		words:  "must be a table",
		texts:  []string{"openshell.gateway.auth = [true]", "openshell.gateway.provider_profile_sources = [['user']]", "openshell.drivers.kubernetes = 5"},
	},
	{
		what:   "A URL in a notation that a gateway corrects: short IPv4 addresses, backslashes, or no slashes",
		reason: "the value would not be what it looks like",
		words:  "it must be",
		texts:  []string{"openshell.drivers.kubernetes.https_proxy = 'http://127.1:3128'", `openshell.gateway.oidc = {issuer = 'https:\\a', audience = 'a'}`, "openshell.gateway.oidc = {issuer = 'https:a', audience = 'a'}"},
	},
	{
		what:   "from v0.1.3 on, `auth.allow_unauthenticated_users = true`",
		reason: "gateways let clients without a certificate connect, and all of them would be administrators",
		words:  "every client that reaches the gateway would be an administrator",
		texts:  []string{"openshell.gateway.auth.allow_unauthenticated_users = true"},
		v2:     true,
	},
	{
		what:   "`mtls_auth` that does not let the client certificate authenticate users without `oidc`, or lets it with `oidc`",
		reason: "without `oidc`, no user could authenticate; with it, the certificate would replace the token",
		words:  "openshell.gateway.oidc",
		texts: []string{
			"openshell.gateway.mtls_auth.enabled = false", "openshell.gateway.mtls_auth = {}",
			"openshell.gateway = {mtls_auth.enabled = true, oidc = {issuer = 'https://a', audience = 'a'}}",
		},
		v2: true,
	},
	{
		what:   "`oidc.dangerously_allow_insecure_http = true`",
		reason: "it is for issuers in the gateway's own container, and none is there",
		words:  "none listens there",
		texts:  []string{"openshell.gateway.oidc = {issuer = 'https://a', audience = 'a', dangerously_allow_insecure_http = true}"},
		v2:     true,
	},
	{
		what:   "`allow_driver_config = true`",
		reason: "callers could choose volumes and scheduling for their sandboxes, and the gateway has no right to read the volumes that it would have to check",
		words:  "callers could then choose",
		texts:  []string{"openshell.drivers.kubernetes.allow_driver_config = true"},
		v2:     true,
	},
	{
		what:   "`resource_admission.enabled = false` and `resource_admission.required_labels`",
		reason: "sandboxes could use resources that the platform did not approve",
		words:  "approve",
		texts:  []string{"openshell.drivers.kubernetes.resource_admission.enabled = false", "openshell.drivers.kubernetes.resource_admission.required_labels = {a = 'b'}"},
		v2:     true,
	},
	{
		what:   "`sandbox_runtime.boundary_port` other than `5500`",
		reason: "the port is in the network policies that the gateway compares, and with another port it suspends the sandboxes that exist",
		words:  "suspends the sandboxes",
		texts:  []string{"openshell.drivers.kubernetes.sandbox_runtime.boundary_port = 5600"},
		v2:     true,
	},
	{
		what:   "`allowed_pod_labels` and `allowed_pod_annotations` with a domain, such as `example.com/team`",
		reason: "keys with a domain decide about networks, service meshes and rights of pods, and no list of these domains is complete; with the labels of the gateway, for example, a sandbox would receive requests to it",
		words:  "without a domain",
		texts: []string{
			"openshell.drivers.kubernetes.allowed_pod_labels = ['app.kubernetes.io/name']", "openshell.drivers.kubernetes.allowed_pod_annotations = ['a', 'k8s.v1.cni.cncf.io/networks']",
			"openshell.drivers.kubernetes.allowed_pod_annotations = ['sidecar.istio.io/inject']", "openshell.drivers.kubernetes.allowed_pod_annotations = ['k8s.ovn.org/pod-networks']",
			"openshell.drivers.kubernetes.allowed_pod_labels = ['azure.workload.identity/use']", "openshell.drivers.kubernetes.allowed_pod_labels = ['example.com/team']",
		},
		v2: true,
	},
	{
		what:   "`ocsf_log.path` outside of `/var/openshell`, or of a file or socket that the gateway uses otherwise, or above it",
		reason: "nothing else can be written, and the log would damage the database or the key",
		words:  "openshell.gateway.ocsf_log.path is",
		texts: []string{
			"openshell.gateway.ocsf_log.path = '/tmp/gateway-ocsf.jsonl'", "openshell.gateway.ocsf_log.path = '/var/openshell/openshell.db'",
			"openshell.gateway.ocsf_log.path = '/var/openshell/credentials'", "openshell.gateway.ocsf_log.path = '/var/openshell/x/../credentials/key-encryption-key.bin'",
			"openshell.gateway = {ocsf_log.path = '/var/openshell/keys/a', credential_storage.key_encryption_key_path = '/var/openshell/keys/./a'}",
			"openshell.gateway = {ocsf_log.path = '/var/openshell/keys', credential_storage.key_encryption_key_path = '/var/openshell/keys/a'}",
			"openshell.gateway = {ocsf_log.path = '/var/openshell/keys/a/b', credential_storage.key_encryption_key_path = '/var/openshell/keys/a'}",
			"openshell.gateway = {ocsf_log.path = '/var/openshell/a', interceptors = [{name = 'a', grpc_endpoint = 'unix:///var/openshell/a'}]}",
			"openshell = {gateway.ocsf_log.path = '/var/openshell/a', gateway.credential_drivers = ['vault'], credential_drivers.vault = {transport = 'uds', socket_path = '/var/openshell/a'}}",
		},
		v2: true,
	},
	{
		what:   "from v0.1.0 on, `guest_tls_ca`, and `tls.external_server_names` alone",
		reason: "they have no effect, or are about a certificate that the operator does not issue",
		words:  "remove it",
		texts:  []string{"openshell.gateway.guest_tls_ca = '/a'", "openshell.gateway.tls.external_server_names = ['a']"},
		v2:     true,
	},
	{
		what:   "from v0.1.0 on, `address` of the driver vault with `http://`, on a loopback address, too",
		reason: "nothing listens in the gateway's container",
		words:  "begins with https://",
		texts:  []string{"openshell = {gateway.credential_drivers = ['vault'], credential_drivers.vault = {address = 'http://127.0.0.1:8200', role = 'a'}}"},
		v2:     true,
	},
	{
		what:   "from v0.1.0 on, drivers outside of the gateway other than vault and kubernetes-secrets, and `credential_drivers` with white space or a name that is there twice",
		reason: "it is not certain that gateways start with them",
		words:  "openshell.gateway.credential_drivers",
		texts:  []string{"openshell = {gateway.credential_drivers = ['a'], credential_drivers.a = {transport = 'uds', socket_path = '/var/openshell/a'}}", "openshell.gateway.credential_drivers = [' vault ']"},
		v2:     true,
	},
	{
		what:   "from v0.1.0 on, image pull policies in the spelling of Kubernetes, such as `Always`",
		reason: "it is not certain that gateways accept them",
		words:  "always or if_not_present or never",
		texts:  []string{"openshell.drivers.kubernetes.image_pull_policy = 'Always'", "openshell.drivers.kubernetes.sandbox_runtime_image_pull_policy = 'IfNotPresent'"},
		v2:     true,
	},
	{
		what:   "`image_preparation_timeout_seconds` and `database_max_connections`",
		reason: "it is not known which releases have them, and a gateway does not start with a key that it does not know",
		words:  "is not a key of gateway.toml for OpenShell 0.1.3 to 0.1.5",
		texts:  []string{"openshell.gateway.image_preparation_timeout_seconds = 60", "openshell.gateway.database_max_connections = 5"},
		v2:     true,
	},
}

func TestPolicies(t *testing.T) {
	for _, policy := range policies {
		for _, text := range policy.texts {
			if policy.v2 {
				break
			}
			in := input("0.0.111", text)
			in.SandboxTokens = !policy.withoutTokens
			rejected(t, in, policy.words)
		}
		texts := policy.texts2
		if texts == nil {
			texts = policy.texts
		}
		for _, text := range texts {
			in := input(schemas[1].newest.String(), text)
			in.SandboxTokens = !policy.withoutTokens
			rejected(t, in, policy.words)
		}
	}
}

// TestTextsThatAreCorrected holds texts with which a gateway would not start, and which are accepted since what is wrong is not
// rendered.
func TestTextsThatAreCorrected(t *testing.T) {
	for _, config := range []string{"[openshell.drivers.docker]\nunknown = 1", "[openshell.drivers.vm]\nunknown = 1", "\ufeffopenshell.version = 1"} {
		file, err := New(input("0.0.71", config))
		if err != nil {
			t.Errorf("%q: %v", config, err)
		}
		if text := string(file.text); strings.Contains(text, "unknown") || strings.Contains(text, "\ufeff") {
			t.Errorf("%q is rendered:\n%s", config, text)
		}
	}
}

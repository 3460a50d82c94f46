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
	withoutTokens       bool
}{
	{
		what:   "A key marked *managed* below, with another value",
		reason: "the gateway's other objects depend on it",
		words:  "managed by the operator",
		texts: []string{
			"openshell.gateway.bind_address = '0.0.0.0:9999'", "openshell.gateway.server_sans = ['*.a.example.com']", "openshell.gateway.service_account_name = 'other'",
			"openshell.drivers.kubernetes.grpc_endpoint = 'https://other'", "openshell.drivers.kubernetes.client_tls_secret_name = 'other'", "openshell.drivers.kubernetes.gateway_id = 'other'",
		},
	},
	{
		what:   "`supervisor_image` that is empty or not from an allowed repository",
		reason: "the supervisor runs in every sandbox, with more rights than the sandbox",
		words:  "supervisor_image",
		texts:  []string{"openshell.gateway.supervisor_image = ''", "openshell.drivers.kubernetes.supervisor_image = 'docker.io/a/b:1'"},
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
		what:   "`tls_ca_cert_path` that is neither below `/var/openshell` nor in another place of certificates in the container",
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
}

func TestPolicies(t *testing.T) {
	for _, policy := range policies {
		for _, text := range policy.texts {
			in := input("0.0.111", text)
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

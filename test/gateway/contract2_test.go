package gateway

import (
	"slices"
	"strings"
	"testing"
)

// starting2 is a gateway.toml that every release 0.1.N accepts.
const starting2 = `[openshell]
version = 2
[openshell.gateway]
bind_address = "0.0.0.0:8080"
health_bind_address = "0.0.0.0:8081"
metrics_bind_address = "0.0.0.0:9090"
compute_driver = "Kubernetes"
#GATEWAY
` + identity + `[openshell.drivers.kubernetes]
grpc_endpoint = "https://gateway:8080"
#KUBERNETES
`

// described2 returns the described releases 0.1.N.
func described2() []Release {
	return slices.DeleteFunc(Releases(), func(r Release) bool { return !r.ReadsSchema2() })
}

// parse2 parses starting2 with one part replaced.
func parse2(r Release, old, replacement string) error {
	_, err := Parse(r, "/g.toml", []byte(strings.Replace(starting2, old, replacement, 1)))
	return err
}

func TestEachReleaseStartsWithItsOwnVersionOnly(t *testing.T) {
	for _, r := range Releases() {
		contents := files(t)
		contents["/1.toml"], contents["/2.toml"] = []byte(starting), []byte(starting2)
		_, err1 := Load(r, "/1.toml", mounted(contents))
		c, err2 := Load(r, "/2.toml", mounted(contents))
		if (err1 == nil) == r.ReadsSchema2() || (err2 == nil) != r.ReadsSchema2() {
			t.Errorf("%s: version 1: %v, version 2: %v", r, err1, err2)
		}
		if err2 == nil && (c.OpenShell.Gateway.HealthBindAddress.Port() != 8081 || c.OpenShell.Gateway.JWT.GatewayID != "openshell") {
			t.Errorf("%s: %+v", r, c.OpenShell.Gateway)
		}
	}
	for _, r := range []Release{Newest + 1, 2 * minor} {
		if err := parse2(r, "", ""); err == nil || !strings.Contains(err.Error(), "not described") {
			t.Errorf("%s: %v", r, err)
		}
	}
}

// TestVersion checks that a gateway reads the whole file before the version in it.
func TestVersion(t *testing.T) {
	for _, c := range []struct{ text, words string }{
		{"", "schema version is required"},
		{" \n# nothing\n", "schema version is required"},
		{strings.Replace(starting2, "version = 2", "", 1), "schema version is required; add"},
		{strings.Replace(starting2, "version = 2", "version = 1", 1), "unsupported gateway config version 1; this build requires version 2; "},
		{strings.Replace(starting2, "version = 2", "version = 3", 1), "unsupported gateway config version 3"},
		{strings.Replace(starting2, "version = 2", `version = "2"`, 1), "invalid type: string"},
		{"[openshell]\nversion = 1\n[openshell.gateway]\ncompute_drivers = ['kubernetes']", "failed to parse gateway config file '/g.toml': unknown field `compute_drivers`"},
		{"[openshell", "failed to parse gateway config file '/g.toml': "},
	} {
		for _, r := range described2() {
			if _, err := Parse(r, "/g.toml", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%s at %s: %v, want %q", c.text, r, err, c.words)
			}
		}
	}
}

// TestKeysByRelease2 checks the first and the last release that knows a key.
func TestKeysByRelease2(t *testing.T) {
	const first, second, third, sixth = firstSchema2, firstSchema2 + 1, firstSchema2 + 3, firstSchema2 + 5
	for _, c := range []struct {
		where, toml  string
		since, until Release
	}{
		{"#GATEWAY", `name = "a"`, first, Newest},
		{"#GATEWAY", `enable_websocket_tunnel = true`, second, Newest},
		{"#GATEWAY", `ocsf_log = {path = "/tmp/ocsf", rotation = "daily", schema_version = "1.3"}`, third, Newest},
		{"#GATEWAY", `guest_tls_cert = "/c"`, first, third - 1},
		{"#GATEWAY", `guest_tls_ca = "/c"`, first, Newest},
		{"#GATEWAY", `mtls_auth.enabled = false`, first, Newest},
		{"#GATEWAY", `mtls_auth.enabled = true`, third, Newest},
		{"#GATEWAY", `credential_drivers = ["kubernetes-secrets"]`, first, Newest},
		{"#GATEWAY", `oidc = {issuer = "https://idp", audience = "a", jwks_allowed_origins = ["https://keys:8443"]}`, first, Newest},
		{"#GATEWAY", `oidc = {issuer = "http://127.0.0.1:80", audience = "a", dangerously_allow_insecure_http = true}`, first, Newest},
		{"#GATEWAY", `provider_profile_sources = [{type = "user"}]`, first, Newest},
		{"#TABLES", "[openshell.drivers.docker]\nnonsense = 1", first, Newest}, // not selected
		{"#TABLES", "[[openshell.supervisor.middleware]]\nname = \"m\"\ngrpc_endpoint = \"https://m:1\"\nmax_body_bytes = 1", first, Newest},
		{"#KUBERNETES", `image_pull_policy = "if_not_present"`, first, Newest},
		{"#KUBERNETES", `supervisor_image_pull_policy = "IfNotPresent"`, first, Newest},
		{"#KUBERNETES", `sandbox_runtime.boundary_port = 1024`, first, Newest},
		{"#KUBERNETES", `resource_admission = {enabled = true, required_labels = {a = "b"}}`, first, Newest},
		{"#KUBERNETES", "https_proxy = \"https://p:1\"\nproxy_ca_bundle = \"/b\"\nproxy_auth_secret_name = \"a\"\nproxy_auth_secret_key = \"b\"", first, Newest},
		{"#KUBERNETES", `sandbox_uid = 1`, first, Newest},
		{"#KUBERNETES", `allowed_pod_labels = ["a"]`, sixth, Newest},
		{"#KUBERNETES", `allowed_pod_annotations = ["a"]`, sixth, Newest},
	} {
		for _, r := range described2() {
			err := parse2(r, c.where, c.toml)
			if want := r >= c.since && r <= c.until; (err == nil) != want {
				t.Errorf("%s at %s: accepted %v, want %v: %v", c.toml, r, err == nil, want, err)
			}
		}
	}
}

// TestKnownDriverKeys counts the keys of the driver's table.
func TestKnownDriverKeys(t *testing.T) {
	for _, r := range described2() {
		want := 36
		if r >= firstPodMetadata {
			want = 38
		}
		if known := kubernetesTable2.known(r); len(known) != want {
			t.Errorf("%s knows %d keys, want %d: %v", r, len(known), want, known)
		}
	}
}

// TestRefused2 checks texts that no release 0.1.N accepts.
func TestRefused2(t *testing.T) {
	const proxy = "https_proxy = \"http://p:1\"\n"
	for _, c := range []struct{ where, toml, words string }{
		// What version 1 has.
		{"#GATEWAY", `compute_drivers = ["kubernetes"]`, "unknown field `compute_drivers`"},
		{"#GATEWAY", `sandbox_namespace = "a"`, "unknown field `sandbox_namespace`"},
		{"#GATEWAY", `supervisor_image = "a"`, "unknown field `supervisor_image`"},
		{"#GATEWAY", `client_tls_secret_name = "a"`, "unknown field `client_tls_secret_name`"},
		{"[openshell.gateway.tls]", "[openshell.gateway.tls]\nrequire_client_auth = true", "unknown field `require_client_auth`"},
		{"ttl_secs = 60", "ttl_secs = 0", "invalid value: integer `0`"},
		{"#GATEWAY", `provider_profile_sources = [{type = "builtin"}]`, "no builtin provider profiles"},
		{"#KUBERNETES", `supervisor_sideload_method = "init-container"`, "unknown field `supervisor_sideload_method`"},
		{"#KUBERNETES", `topology = "combined"`, "unknown field `topology`"},
		{"#KUBERNETES", `sidecar.proxy_uid = 1337`, "unknown field `sidecar`"},
		{"#KUBERNETES", `app_armor_profile = "Unconfined"`, "unknown field `app_armor_profile`"},
		// What newer or no releases have.
		{"#GATEWAY", `supervisor_pool = {}`, "unknown field `supervisor_pool`"},
		{"#GATEWAY", `image_preparation_timeout_seconds = 1800`, "unknown field"},
		{"#TABLES", `[openshell.supervisor.network]`, "unknown field `network`"},
		{"#KUBERNETES", `supervisor_otlp_endpoint = "http://a"`, "unknown field"},
		{"#KUBERNETES", `sandbox_runtime.network_policy_enforced = true`, "unknown field"},
		// Values.
		{"#GATEWAY", `database_url = "sqlite:x"`, "`database_url` is not allowed in the gateway config file"},
		{"#GATEWAY", `name = ""`, "must not be empty"},
		{`"Kubernetes"`, `"docker"`, "no compute driver is named 'docker'"},
		{`"Kubernetes"`, `"a b"`, "compute_driver cannot be"},
		{"#TABLES", "[openshell.drivers]\ndocker = 1", "invalid gateway config field `openshell.drivers.docker`: expected a TOML table"},
		{`grpc_endpoint = "https://gateway:8080"`, "", "missing field `grpc_endpoint`"},
		{"#GATEWAY", `oidc = {issuer = "http://idp", audience = "a"}`, "does not use HTTPS"},
		{"#GATEWAY", `oidc = {issuer = "http://idp", audience = "a", dangerously_allow_insecure_http = true}`, "does not use HTTPS"},
		{"#GATEWAY", `oidc = {issuer = "https://idp", audience = "a", jwks_ttl_secs = 0}`, "invalid value"},
		{"#GATEWAY", `oidc = {issuer = "https://idp", audience = "a", jwks_allowed_origins = ["https://keys/path"]}`, "not an HTTPS origin"},
		{"#GATEWAY", `oidc = {issuer = "https://idp", audience = "a", user_role = ""}`, "one of the OIDC roles is empty"},
		{"#GATEWAY", `credential_drivers = []`, "credential_drivers is empty"},
		{"#GATEWAY", "credential_drivers = [\"vault\"]\n[openshell.credential_drivers.vault]\naddress = \"http://vault\"", "does not use HTTPS"},
		{"#GATEWAY", "credential_drivers = [\"kubernetes-secrets\"]\n[openshell.credential_drivers.kubernetes-secrets]\ngateway_id = \"a\"", "unknown field"},
		{"#GATEWAY", `disable_tls = true`, "cannot be verified without TLS"},
		{`client_ca_path = "/tls/ca.crt"`, "mtls_auth.enabled = true", "unknown field"}, // in the table of TLS
		{`"0.0.0.0:8081"`, `"0.0.0.0:8080"`, "its health server cannot both listen"},
		{"#GATEWAY", `grpc_rate_limit_requests = 5`, "without the other"},
		{"#TABLES", "[[openshell.supervisor.middleware]]\nname = \"m\"\ngrpc_endpoint = \"https://m\"\nmax_payload_bytes = 1\ntimeout = \"31s\"", "between 10ms and 30s"},
		{"#KUBERNETES", `image_pull_policy = "Sometimes"`, "unknown variant"},
		{"#KUBERNETES", `sandbox_runtime.boundary_port = 80`, "expected a value from 1024"},
		{"#KUBERNETES", `workspace_mode = "operator"`, "needs one source of namespaces"},
		{"#KUBERNETES", `sandbox_uid = 0`, "not between 1 and 4294967294"},
		{"#KUBERNETES", `proxy_ca_bundle = "/b"`, "no https_proxy"},
		{"#KUBERNETES", proxy + "proxy_auth_secret_name = \"a\"\nproxy_auth_secret_key = \"b\"", "without encryption"},
		{"#KUBERNETES", proxy + "proxy_auth_allow_insecure = true", "no credentials that it could apply to"},
	} {
		for _, r := range described2() {
			if err := parse2(r, c.where, c.toml); err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%s at %s: %v, want %q", c.toml, r, err, c.words)
			}
		}
	}
}

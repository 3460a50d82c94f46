package gateway

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway/testfiles"
)

// files returns the files of a gateway.
func files(t *testing.T) map[string][]byte {
	t.Helper()
	ca, err := testfiles.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	certificate, key, err := ca.Issue("server", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	signing, public, err := testfiles.TokenKeys()
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"/tls/tls.crt": certificate, "/tls/tls.key": key, "/tls/ca.crt": ca.PEM(),
		"/jwt/signing.pem": signing, "/jwt/public.pem": public, "/jwt/kid": []byte("key-1\n"),
	}
}

// mounted holds regular files by their paths.
type mounted map[string][]byte

func (m mounted) Read(path string) ([]byte, error) {
	content, ok := m[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return content, nil
}

func (m mounted) ReadRegular(path string) ([]byte, error) { return m.Read(path) }

// identity are the tables with the certificates and keys of a gateway.toml, in both schema versions.
const identity = `[openshell.gateway.tls]
cert_path = "/tls/tls.crt"
key_path = "/tls/tls.key"
client_ca_path = "/tls/ca.crt"
[openshell.gateway.gateway_jwt]
signing_key_path = "/jwt/signing.pem"
public_key_path = "/jwt/public.pem"
kid_path = "/jwt/kid"
ttl_secs = 60
#TABLES
`

// starting is a gateway.toml that every release accepts.
const starting = `[openshell.gateway]
bind_address = "0.0.0.0:8080"
health_bind_address = "0.0.0.0:8081"
metrics_bind_address = "0.0.0.0:9090"
auth.allow_unauthenticated_users = true
#GATEWAY
` + identity + `[openshell.drivers.kubernetes]
#KUBERNETES
`

// TestEachReleaseStarts with a small gateway.toml, whose addresses and paths are then known.
func TestEachReleaseStarts(t *testing.T) {
	for r := Oldest; r <= NewestSchema1; r++ {
		contents := files(t)
		contents["/etc/gateway.toml"] = []byte(starting)
		c, err := Load(r, "/etc/gateway.toml", mounted(contents))
		if err != nil {
			t.Fatalf("%s: %v", r, err)
		}
		g := c.OpenShell.Gateway
		if g.BindAddress.String() != "0.0.0.0:8080" || g.HealthBindAddress.Port() != 8081 || g.MetricsAddress.Port() != 9090 || g.JWT.GatewayID != "openshell" {
			t.Errorf("%s: %+v", r, g)
		}
	}
}

// TestKeysByRelease checks the first and the last release that knows a key.
func TestKeysByRelease(t *testing.T) {
	for _, c := range []struct {
		where, toml string
		since       Release
		until       Release
	}{
		{"#KUBERNETES", `supervisor_topology = "sidecar"`, 74, 81},
		{"#KUBERNETES", `sandbox_uid = 1000`, 76, NewestSchema1},
		{"#KUBERNETES", `sandbox_gid = 1`, 110, NewestSchema1},
		{"#KUBERNETES", `topology = "sidecar"`, 82, NewestSchema1},
		{"#KUBERNETES", `sidecar.proxy_uid = 1337`, 82, NewestSchema1},
		{"#KUBERNETES", `sidecar.proxy_uid = 999`, NewestSchema1 + 1, NewestSchema1},
		{"#KUBERNETES", `sidecar.proxy_uid = 4294967295`, 82, 109},
		{"#KUBERNETES", `workspace_storage_class = "fast"`, 94, NewestSchema1},
		{"#KUBERNETES", `gateway_id = "a"`, 107, NewestSchema1},
		{"#KUBERNETES", `https_proxy = "http://proxy:3128"`, 107, NewestSchema1},
		{"#KUBERNETES", `host_gateway_ip = "10.0.0.1"`, Oldest, NewestSchema1},
		{"#GATEWAY", `interceptors = []`, 84, NewestSchema1},
		{"#GATEWAY", `provider_profile_sources = [{type = "user"}]`, 84, NewestSchema1},
		{"#GATEWAY", `otlp.endpoint = "http://collector:4317"`, 96, NewestSchema1},
		{"#GATEWAY", `policy_validation_failure_mode = "retain_last_valid"`, 97, NewestSchema1},
		{"#GATEWAY", `credential_storage.key_encryption_key_path = "/var/k"`, 100, NewestSchema1},
		{"#GATEWAY", `credential_drivers = ["kubernetes-secrets"]`, 100, NewestSchema1},
		{"#GATEWAY", `interceptors = [{name = "q", grpc_endpoint = "http://q:1"}]`, 84, 106},
		{"#GATEWAY", `interceptors = [{name = "q", grpc_endpoint = "http://q:1", allow_insecure_transport = true}]`, 107, NewestSchema1},
		{"#TABLES", "[[openshell.supervisor.middleware]]\nname = \"m\"\ngrpc_endpoint = \"https://m:1\"\nmax_body_bytes = 1", 86, NewestSchema1},
		{"#TABLES", "[[openshell.supervisor.middleware]]\nname = \"m\"\ngrpc_endpoint = \"https://m:1\"\nmax_payload_bytes = 1", 107, NewestSchema1},
		{"#TABLES", "[[openshell.supervisor.middleware]]\nname = \"m\"\ngrpc_endpoint = \"http://m:1\"\nmax_body_bytes = 1\ntimeout = \"5s\"",
			86, 106},
		{"#TABLES", "[openshell.credential_drivers.vault]\naddress = 1", 100, NewestSchema1}, // not selected
	} {
		for r := Oldest; r <= NewestSchema1; r++ {
			_, err := Parse(r, "gateway.toml", []byte(strings.Replace(starting, c.where, c.toml, 1)))
			if want := r >= c.since && r <= c.until; (err == nil) != want {
				t.Errorf("%s at %s: accepted %v, want %v: %v", c.toml, r, err == nil, want, err)
			}
		}
	}
}

// TestRefused checks texts that no release accepts.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ where, toml, words string }{
		{"#GATEWAY", `database_url = "sqlite:x"`, "database_url is in the file"},
		{"#GATEWAY", `nonsense = 1`, "unknown field `nonsense`, expected one of `auth`"},
		{"#GATEWAY", `log_level = true`, "invalid type: boolean, expected a string\nin `log_level`"},
		{"#GATEWAY", `sa_token_ttl_secs = 600.0`, "floating point"},
		{"#GATEWAY", `ssh_session_ttl_secs = -1`, "invalid value: integer `-1`"},
		{"#GATEWAY", `mtls_auth.enabled = true`, "does not identify users by certificates"},
		{"#GATEWAY", `disable_tls = true`, "cannot be verified without TLS"},
		{"#GATEWAY", `grpc_rate_limit_requests = 5`, "without the other"},
		{"#GATEWAY", `compute_drivers = ["kubernetes", "docker"]`, "no compute driver is named"},
		{"#GATEWAY", `oidc = {issuer = "https://idp"}`, "missing field `audience`"},
		{"#GATEWAY", `oidc = {issuer = "idp", audience = "a"}`, "is not a URL"},
		{"#GATEWAY", `oidc = {issuer = "https://idp", audience = "a", admin_role = ""}`, "one of the OIDC roles is empty"},
		{"#GATEWAY", "[gateway]", "unknown field `gateway`, expected one of `openshell`"},
		{"#GATEWAY", "[openshell.gateway]", "cannot be parsed"},
		{"#KUBERNETES", `supervisor_sideload_method = "Init-Container"`, "unknown variant"},
		{"#KUBERNETES", `app_armor_profile = "Localhost/"`, "is no AppArmor profile"},
		{"#KUBERNETES", `provider_spiffe_workload_api_socket_path = "/agent.sock"`, "no directory of its own"},
		{"#KUBERNETES", `image_pull_secrets = ["a", 1]`, "invalid type: integer"},
		{`"0.0.0.0:8081"`, `"0.0.0.0:8080"`, "its health server cannot both listen on port 8080"},
		{`"0.0.0.0:9090"`, `"0.0.0.0:8081"`, "health and metrics servers cannot both listen"},
		{`"0.0.0.0:8080"`, `"here"`, "invalid socket address syntax"},
		{`"0.0.0.0:8080"`, `8080`, "invalid type"},
		{"[openshell.drivers.kubernetes]", "[openshell.drivers.docker]", "need the table openshell.drivers.kubernetes"},
		{`key_path = "/tls/tls.key"`, "", "missing field `key_path`"},
	} {
		text := strings.Replace(starting, c.where, c.toml, 1)
		for _, r := range []Release{71, 88, 100, 107, 111} {
			if _, err := Parse(r, "gateway.toml", []byte(text)); err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%s at %s: %v, want %q", c.toml, r, err, c.words)
			}
		}
	}
}

// TestRefusedByTheNewest checks texts whose keys older releases do not know.
func TestRefusedByTheNewest(t *testing.T) {
	const proxy = "https_proxy = \"http://p:1\"\n"
	for _, c := range []struct{ where, toml, words string }{
		{"#GATEWAY", `credential_drivers = []`, "credential_drivers is empty"},
		{"#GATEWAY", `credential_drivers = ["vault"]`, "missing field `address`"},
		{"#GATEWAY", `credential_drivers = ["mine"]`, "has no credential driver 'mine'"},
		{"#GATEWAY", `credential_drivers = ["a", "b"]`, "one credential driver can be enabled"},
		{"#GATEWAY", `default_credential_driver = "vault"`, "is not among the credential drivers"},
		{"#GATEWAY", `credential_storage.key_encryption_key_path = "k"`, "not an absolute path"},
		{"#GATEWAY", `credential_storage = {key_encryption_key_path = "/k", key_encryption_key_env = "K"}`, "both sources"},
		{"#GATEWAY", `provider_profile_sources = []`, "the list is empty"},
		{"#GATEWAY", `provider_profile_sources = [{type = "user"}, {type = "user"}]`, "is listed twice"},
		{"#GATEWAY", `provider_profile_sources = [{type = "interceptor", name = "x"}]`, "no interceptor 'x' provides profiles"},
		{"#KUBERNETES", `sandbox_uid = 0`, "not between 1 and 4294967294"},
		{"#KUBERNETES", `workspace_mode = "operator"`, "needs one source of namespaces"},
		{"#KUBERNETES", "workspace_mode = \"managed\"\nmanaged_ssh_ingress.enabled = true", "has no gateway_namespace"},
		{"#KUBERNETES", `https_proxy = "http://p"`, "has no port"},
		{"#KUBERNETES", `https_proxy = "http://u:p@p:1"`, "contains credentials"},
		{"#KUBERNETES", `no_proxy = "a"`, "no proxy that it could apply to"},
		{"#KUBERNETES", proxy + `proxy_auth_secret_name = "a"`, "or its key is not set"},
		{"#KUBERNETES", proxy + "proxy_auth_secret_name = \"a\"\nproxy_auth_secret_key = \"b\"\nproxy_auth_allow_insecure = true",
			"the topology would show"},
		{"#TABLES", "[[openshell.supervisor.middleware]]\nname = \"openshell/m\"\ngrpc_endpoint = \"https://m\"\nmax_body_bytes = 1", "reserved"},
		{"#TABLES", "[[openshell.supervisor.middleware]]\nname = \"m\"\ngrpc_endpoint = \"https://m\"\nmax_body_bytes = 1\nmax_payload_bytes = 1",
			"duplicate field"},
	} {
		t.Run(c.toml, func(t *testing.T) {
			text := strings.Replace(starting, c.where, c.toml, 1)
			if _, err := Parse(NewestSchema1, "gateway.toml", []byte(text)); err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%v, want %q", err, c.words)
			}
		})
	}
}

// TestMissingAndBadFiles checks the files that gateway.toml names.
func TestMissingAndBadFiles(t *testing.T) {
	for path, words := range map[string]string{
		"/etc/gateway.toml": "failed to read gateway config file '/etc/gateway.toml': No such file or directory (os error 2)",
		"/tls/tls.crt":      "TLS error: failed to open cert file: No such file or directory (os error 2)",
		"/tls/tls.key":      "TLS error: failed to open key file",
		"/tls/ca.crt":       "TLS error: failed to open cert file",
		"/jwt/signing.pem":  "failed to read sandbox JWT signing key from /jwt/signing.pem",
		"/jwt/public.pem":   "failed to read sandbox JWT public key from /jwt/public.pem",
		"/jwt/kid":          "failed to read sandbox JWT kid from /jwt/kid",
	} {
		contents := files(t)
		contents["/etc/gateway.toml"] = []byte(starting)
		delete(contents, path)
		if _, err := Load(NewestSchema1, "/etc/gateway.toml", mounted(contents)); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("without %s: %v", path, err)
		}
		if path == "/etc/gateway.toml" {
			continue
		}
		contents[path] = []byte(" \n")
		if _, err := Load(NewestSchema1, "/etc/gateway.toml", mounted(contents)); err == nil {
			t.Errorf("starts with an empty %s", path)
		}
	}
}

func TestMigrations(t *testing.T) {
	versions := func(all []Migration) (versions []int) {
		for _, m := range all {
			versions = append(versions, m.Version)
		}
		return versions
	}
	for _, c := range []struct {
		r       Release
		applied []int
		want    string
	}{
		{71, nil, "[1 4 5] <nil>"},
		{71, []int{1, 4, 5}, "[] <nil>"},
		{87, []int{1, 4, 5, 6}, "[] migration error: migration 6 was previously applied but is missing in the resolved migrations"},
		{88, []int{1, 4, 5}, "[6] <nil>"},
		{111, []int{1, 4, 5, 6}, "[] <nil>"},
		{111, []int{1, 4, 5, 6, 7}, "[] migration error: migration 7 was previously applied but is missing in the resolved migrations"},
		{firstSchema2, []int{1, 4, 5}, "[6 7] <nil>"},
		{Newest, []int{1, 4, 5, 6, 7}, "[] <nil>"},
	} {
		pending, err := Pending(c.r, c.applied)
		if got := fmt.Sprint(versions(pending), " ", err); got != c.want {
			t.Errorf("%s with %v: %s, want %s", c.r, c.applied, got, c.want)
		}
	}
}

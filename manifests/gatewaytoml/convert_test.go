package gatewaytoml

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// TestConvertRewritesATextLineByLine compares what becomes of a text with testdata/convert.
func TestConvertRewritesATextLineByLine(t *testing.T) {
	before, err := os.ReadFile("testdata/convert/before.toml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(input("0.0.111", string(before))); err != nil {
		t.Fatal(err)
	}
	converted, notes, err := Convert(string(before), true)
	if err != nil {
		t.Fatal(err)
	}
	var listed strings.Builder
	for _, note := range notes {
		fmt.Fprintf(&listed, "%s (decision: %t)\n", note, note.Decision)
	}
	for golden, got := range map[string]string{"testdata/convert/after.toml": converted, "testdata/convert/notes.txt": listed.String()} {
		CompareGolden(t, golden, got)
	}
}

// TestConvertEachKeyOfTheLedger: what becomes of each key that differs between the schema versions.
func TestConvertEachKeyOfTheLedger(t *testing.T) {
	const gateway, driver = "[openshell.gateway]\n", "\n[openshell.drivers.kubernetes]\n"
	for _, c := range []struct {
		before, after, note string
		decision            bool
	}{
		{"", "", "", false},
		{"# only a comment", "# only a comment", "", false},
		{"[openshell]\nversion = 1 # one\n", "[openshell]\nversion = 2 # one\n", "", false},
		{"[openshell]\nversion = 0", "[openshell]\nversion = 2\n", "", false},
		{"[openshell]\nversion = 2", "[openshell]\nversion = 2", "", false},
		{gateway + "compute_drivers = ['kubernetes'] # ours\n", gateway + "compute_driver = 'kubernetes' # ours\n", "", false},
		{gateway + "sandbox_namespace = 'tenant-a'\n", gateway + driver + "namespace = 'tenant-a'\n", "", false},
		{gateway + "# an image\n# of ours\n\tdefault_image = 'a' # b\nlog_level = 'info'\n", gateway + "log_level = 'info'\n" + driver + "# an image\n# of ours\n\tdefault_image = 'a' # b\n", "", false},
		{gateway + "default_image = 'a'\n[openshell.drivers.kubernetes]\nssh_socket_path = '/a'\n\n[openshell.gateway.otlp]\nendpoint = 'http://a'\n", gateway + "[openshell.drivers.kubernetes]\nssh_socket_path = '/a'\ndefault_image = 'a'\n\n[openshell.gateway.otlp]\nendpoint = 'http://a'\n", "", false},
		{gateway + "host_gateway_ip = '10.0.0.1'\nenable_user_namespaces = true\nsa_token_ttl_secs = 600\n", gateway + driver + "host_gateway_ip = '10.0.0.1'\nenable_user_namespaces = true\nsa_token_ttl_secs = 600\n", "", false},
		{gateway + "client_tls_secret_name = 'openshell-client-tls'\nservice_account_name = 'openshell-gateway-sandbox'\n", gateway + driver + "client_tls_secret_name = 'openshell-client-tls'\nservice_account_name = 'openshell-gateway-sandbox'\n", "", false},
		{"openshell.gateway.default_image = 'a'\nopenshell.drivers.kubernetes.ssh_socket_path = '/a'\n", "openshell.drivers.kubernetes.default_image = 'a'\nopenshell.drivers.kubernetes.ssh_socket_path = '/a'\n", "", false},
		{"[openshell]\ngateway.default_image = 'a'\n", "[openshell]\ndrivers.kubernetes.default_image = 'a'\n", "", false},
		{"[openshell]\ndrivers.kubernetes.ssh_socket_path = '/a'\n[openshell.gateway]\ndefault_image = 'a'\n", "[openshell]\ndrivers.kubernetes.ssh_socket_path = '/a'\ndrivers.kubernetes.default_image = 'a'\n[openshell.gateway]\n", "", false},
		{"openshell = {version = 1, gateway = {default_image = 'a', log_level = 'info'}}\n", "openshell = {drivers = {kubernetes = {default_image = 'a'}}, gateway = {log_level = 'info'}, version = 2}\n", "", false},
		{"[openshell]\ngateway = {default_image = 'a', log_level = 'info'}\n", "[openshell]\ngateway = {log_level = 'info'}\n" + driver + "default_image = 'a'\n", "", false},
		{gateway + "default_image = 'a'\n" + driver + "default_image = 'b'\n", gateway + driver + "default_image = 'b'\n", "line 2: openshell.gateway.default_image is dropped: gateways used the value of openshell.drivers.kubernetes.default_image", false},
		{gateway + "default_image = 'a'\n" + driver + "default_image = 'a'\n", gateway + driver + "default_image = 'a'\n", "", false},
		{gateway + "guest_tls_ca = 'a'\nguest_tls_cert = 'b'\nguest_tls_key = 'c'\n", gateway, "no effect on Kubernetes", false},
		{"[openshell.gateway.tls]\nrequire_client_auth = true\n", "[openshell.gateway.tls]\n", "line 2: openshell.gateway.tls.require_client_auth is dropped: it has no effect", false},
		{"[openshell.gateway.tls]\nexternal_server_names = [\n  'a',\n]\n", "[openshell.gateway.tls]\n", "no effect", false},
		{"[openshell.gateway.gateway_jwt]\nttl_secs = 0\n", "[openshell.gateway.gateway_jwt]\n", "the operator sets 3600", false},
		{"[openshell.gateway.gateway_jwt]\nttl_secs = 60\n", "[openshell.gateway.gateway_jwt]\nttl_secs = 60\n", "", false},
		{driver + "supervisor_sideload_method = 'init-container'\n", driver, "a pod of its own", false},
		{driver + "# x\ntopology = 'sidecar'\n", driver + "# x\n", "a pod of its own", false},
		{driver + "# x\ntopology = 'sidecar'\nssh_socket_path = '/a'\n", driver + "# x\n\nssh_socket_path = '/a'\n", "a pod of its own", false},
		{driver + "topology = 'sidecar'\n[openshell.drivers.kubernetes.sidecar]\nproxy_uid = 1000\n", driver, "a pod of its own", false},
		{driver + "app_armor_profile = 'Unconfined'\n", driver, "AppArmor", false},
		{driver + "image_pull_policy = 'Always'\nsupervisor_image_pull_policy = \"IfNotPresent\" # a\n", driver + "image_pull_policy = 'always'\nsupervisor_image_pull_policy = 'if_not_present' # a\n", "", false},
		{driver + "image_pull_policy = 'Never'\nsupervisor_image_pull_policy = ''\n", driver + "image_pull_policy = 'never'\n", "", false},
		{driver + "image_pull_policy = 'sometimes'\n", driver + "image_pull_policy = 'sometimes'\n", `line 3: openshell.drivers.kubernetes.image_pull_policy is "sometimes"; it must be always or if_not_present or never`, true},
		{gateway + "provider_profile_sources = [{type = 'builtin'}, {type = 'user'}]\n", gateway + "provider_profile_sources = [{type = 'user'}]\n", "openshell profile import --from DIRECTORY --global", true},
		{gateway + "provider_profile_sources = [{type = 'builtin'}]\n", gateway, "openshell provider profile export ID", true},
		{"[[openshell.gateway.provider_profile_sources]]\ntype = 'builtin'\n[[openshell.gateway.provider_profile_sources]]\ntype = 'user'\nname = 'a'\n", "[[openshell.gateway.provider_profile_sources]]\ntype = 'user'\n", "line 1: openshell.gateway.provider_profile_sources[0] is dropped", true},
		{"[openshell.gateway.oidc]\nissuer = 'http://idp.example.com'\naudience = 'a'\n", "[openshell.gateway.oidc]\nissuer = 'http://idp.example.com'\naudience = 'a'\n", "line 2: openshell.gateway.oidc.issuer", true},
		{"[openshell.gateway.oidc]\nissuer = 'https://idp.example.com'\naudience = 'a'\njwks_ttl_secs = 0\n", "[openshell.gateway.oidc]\nissuer = 'https://idp.example.com'\naudience = 'a'\n", "the default is 3600", false},
		{"[openshell.gateway.auth]\nallow_unauthenticated_users = true\n", "[openshell.gateway.auth]\n", "line 2: openshell.gateway.auth.allow_unauthenticated_users is dropped", false},
		{"[openshell.gateway.auth]\nallow_unauthenticated_users = false\n", "[openshell.gateway.auth]\nallow_unauthenticated_users = false\n", "every client that has the client certificate is an administrator", true},
		{"openshell.gateway.oidc = {issuer = 'https://a', audience = 'a'}\nopenshell.gateway.auth.allow_unauthenticated_users = false\n", "openshell.gateway.oidc = {issuer = 'https://a', audience = 'a'}\nopenshell.gateway.auth.allow_unauthenticated_users = false\n", "line 1: openshell.gateway.oidc.issuer must be the origin of its keys, too: compare it with jwks_uri in https://a/.well-known/openid-configuration", false},
		{"openshell.gateway.oidc = {issuer = 'https://a', audience = 'a', jwks_allowed_origins = ['https://b']}\n", "openshell.gateway.oidc = {issuer = 'https://a', audience = 'a', jwks_allowed_origins = ['https://b']}\n", "", false},
		{"[openshell]\nversion = 2\ngateway.default_image = 'a'\ndrivers.kubernetes.topology = 'sidecar'\ndrivers.kubernetes.image_pull_policy = 'Always'\n", "[openshell]\nversion = 2\ndrivers.kubernetes.default_image = 'a'\ndrivers.kubernetes.image_pull_policy = 'always'\n", "line 4: openshell.drivers.kubernetes.topology is dropped", false},
		{"[openshell]\nversion = 2\ngateway.mtls_auth.enabled = true\ndrivers.kubernetes.supervisor_image = 'a'\n", "[openshell]\nversion = 2\ngateway.mtls_auth.enabled = true\ndrivers.kubernetes.supervisor_image = 'a'\n", "", false},
		{gateway + "compute_drivers = ['kubernetes']\ncompute_driver = 'kubernetes'\n", gateway + "compute_driver = 'kubernetes'\n", "", false},
		{gateway + "compute_drivers = ['docker']\n", gateway + "compute_driver = 'docker'\n", `line 2: openshell.gateway.compute_driver is "docker", but it is managed by the operator and must stay "kubernetes"; remove this key`, true},
		{gateway + "bind_address = '[::]:80'\ndisable_tls = true\n", gateway + "bind_address = '[::]:80'\ndisable_tls = true\n", "openshell.gateway.disable_tls is true, but it is managed", true},
		{"[openshell.gateway.tls]\nkey_path = '/a'\n", "[openshell.gateway.tls]\nkey_path = '/a'\n", "openshell.gateway.tls.key_path is", true},
		{"[openshell.gateway.mtls_auth]\nenabled = false\n", "", "line 1: openshell.gateway.mtls_auth is dropped", false},
		{driver + "supervisor_image = 'ghcr.io/nvidia/openshell/supervisor:0.0.111'\n", driver + "supervisor_image = 'ghcr.io/nvidia/openshell/supervisor:0.0.111'\n", "must be of the same release", true},
		{gateway + "supervisor_image = 'ghcr.io/nvidia/a:1'\n", gateway + driver + "supervisor_image = 'ghcr.io/nvidia/a:1'\n", "line 2: openshell.gateway.supervisor_image is", true},
		{"[openshell.gateway]\ncredential_drivers = ['vault']\n[openshell.credential_drivers.vault]\naddress = 'http://vault'\nrole = 'a'\n", "[openshell.gateway]\ncredential_drivers = ['vault']\n[openshell.credential_drivers.vault]\naddress = 'http://vault'\nrole = 'a'\n", "line 4: openshell.credential_drivers.vault.address", true},
	} {
		converted, notes, err := Convert(c.before, true)
		if err != nil {
			t.Errorf("%q: %v", c.before, err)
			continue
		}
		if diff := cmp.Diff(c.after, converted); diff != "" {
			t.Errorf("%q: %s", c.before, diff)
		}
		checkNotes(t, c.before, notes, c.note, c.decision)
	}
	for text, want := range map[string]string{"a = ": "is not TOML in line 1", "\nopenshell.version = 3": "line 2, column 11: openshell.version is 3, and only texts of the versions 1 and 2", "openshell.version = '1'": `openshell.version is "1"`} {
		if _, _, err := Convert(text, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestConvertNotesDoNotRecommendConvert: the user ran it already.
func TestConvertNotesDoNotRecommendConvert(t *testing.T) {
	for _, text := range []string{"[openshell]\ndrivers = 5\ngateway.default_image = 'a'", "[openshell]\nversion = 2\ndrivers = 5\ngateway.default_image = 'a'"} {
		_, notes, err := Convert(text, true)
		if listed := fmt.Sprint(notes); err != nil || !strings.Contains(listed, "write default_image in [openshell.drivers.kubernetes]") || strings.Contains(listed, convertCommand) {
			t.Errorf("%q: %s (%v)", text, listed, err)
		}
	}
}

// TestConvertWithoutTokens: what the gateway issues decides what the operator accepts.
func TestConvertWithoutTokens(t *testing.T) {
	const text = "openshell.gateway.gateway_jwt.ttl_secs = 60\n"
	for tokens, decision := range map[bool]bool{true: false, false: true} {
		if _, notes, err := Convert(text, tokens); err != nil || needsDecision(notes) != decision {
			t.Errorf("tokens %t: %v (%v)", tokens, notes, err)
		}
	}
}

// TestConvertChecksForTheNewestRelease: it is the newest whose keys are known.
func TestConvertChecksForTheNewestRelease(t *testing.T) {
	if newest := schemas[1].newest; convertsTo != newest {
		t.Errorf("a converted text is checked for %s, and the keys of %s are known", convertsTo, newest)
	}
}

func checkNotes(t *testing.T, text string, notes []Note, want string, decision bool) {
	t.Helper()
	if want == "" && len(notes) == 0 {
		return
	}
	listed := fmt.Sprint(notes)
	if want == "" || !strings.Contains(listed, want) || needsDecision(notes) != decision {
		t.Errorf("%q: the notes are %s, want %q; a decision is needed: %t, want %t", text, listed, want, needsDecision(notes), decision)
	}
}

func needsDecision(notes []Note) bool {
	for _, note := range notes {
		if note.Decision {
			return true
		}
	}
	return false
}

// textsOfV1 returns texts that a gateway of 0.0.111 accepts: those of testdata, and one for each key of the schema.
func textsOfV1(t *testing.T) []string {
	t.Helper()
	var texts []string
	text, err := os.ReadFile("testdata/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ Starts, TOML string }
	if err := yaml.UnmarshalStrict(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		texts = append(texts, c.TOML)
	}
	for _, c := range TOMLCases(t) {
		texts = append(texts, c.TOML)
	}
	last := release.New(0, 0, 111)
	for _, key := range schemaKeys(t, schemaOf(1), nil, release.OldestSupported(), last) {
		name := dotted(key.path)
		c := keyCase{t, key, name, schemas[0], schemas[0].context(t, name), managedKeys(input(last.String(), ""))}
		texts = append(texts, c.with(c.valid()))
	}
	var accepted []string
	for _, text := range texts {
		if _, err := New(input(last.String(), text)); err == nil {
			accepted = append(accepted, text)
		}
	}
	return accepted
}

// FuzzConvert: a converted text is accepted or has a note, and converting it again changes nothing.
func FuzzConvert(f *testing.F) {
	for _, c := range TOMLCases(f) {
		f.Add(c.TOML)
	}
	for _, text := range []string{"[openshell]\ngateway = {default_image = 'a'}", "[[a]]\n[[a.b]]\n[openshell.gateway]\n'default_image' = \"\"\"\na\n\"\"\"", "openshell.drivers = 5\nopenshell.gateway.default_image = 'a'"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		converted, notes, err := Convert(text, true)
		if err != nil {
			return
		}
		if _, err := New(input("0.0.111", text)); err != nil {
			return
		}
		if _, err := New(input(convertsTo.String(), converted)); err != nil && !needsDecision(notes) {
			t.Errorf("%q becomes %q, which is rejected without a note: %v", text, converted, err)
		}
		if again, _, err := Convert(converted, true); err != nil || again != converted {
			t.Errorf("%q becomes %q, and that becomes %q (%v)", text, converted, again, err)
		}
	})
}

package gatewaytoml

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pelletier/go-toml/v2"
)

// at is the value at a path of a tenant's gateway.toml, nil if there is none.
func at(t *testing.T, in Input, path ...string) any {
	t.Helper()
	file, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	root := table{}
	if err := toml.Unmarshal(file.text, &root); err != nil {
		t.Fatal(err)
	}
	value = root
	for _, key := range path {
		value = value.(table)[key]
	}
	return value
}

func TestConfigIsMergedOverTheDefaults(t *testing.T) {
	in := input("0.0.71", `
[openshell.gateway]
log_level = "debug"
sandbox_namespace = "tenant-a" # as it is
[openshell.gateway.gateway_jwt]
ttl_secs = 60
[openshell.drivers.kubernetes]
default_image = "x"
`)
	for _, c := range []struct {
		want any
		path []string
	}{
		{"debug", []string{"openshell", "gateway", "log_level"}},
		{int64(60), []string{"openshell", "gateway", "gateway_jwt", "ttl_secs"}},
		{"/etc/openshell-jwt/kid", []string{"openshell", "gateway", "gateway_jwt", "kid_path"}},
		{"x", []string{"openshell", "drivers", "kubernetes", "default_image"}},
		{"/etc/openshell-tls/server/tls.crt", []string{"openshell", "gateway", "tls", "cert_path"}},
	} {
		if got := at(t, in, c.path...); got != c.want {
			t.Errorf("%v is %v, want %v", c.path, got, c.want)
		}
	}
}

func TestKeysThatTheOperatorNeedsCannotBeChanged(t *testing.T) {
	for config, word := range map[string]string{
		`openshell.gateway.bind_address = "127.0.0.1:1"`:          "openshell.gateway.bind_address",
		`openshell.gateway.tls.cert_path = "/x"`:                  "openshell.gateway.tls.cert_path",
		`openshell.gateway.server_sans = ["a.example.com"]`:       "spec.serverDnsNames",
		`openshell.gateway.sandbox_namespace = "tenant-b"`:        "tenant-b",
		`openshell.gateway.tls = 1`:                               "must be a table",
		`openshell.gateway.compute_drivers = ["docker"]`:          "compute_drivers",
		`openshell.drivers.kubernetes.service_account_name = "x"`: "service_account_name",
		`openshell.gateway.gateway_jwt.gateway_id = "somebody"`:   "gateway_id",
		`openshell.drivers.kubernetes.grpc_endpoint = "http://x"`: "grpc_endpoint",
	} {
		rejected(t, input("0.0.71", config), "spec.config", word)
	}
}

func TestWithOIDCNobodyComesInUnknown(t *testing.T) {
	const oidc = "[openshell.gateway.oidc]\nissuer = 'https://issuer.example.com'\naudience = 'a'\n"
	if got := at(t, input("0.0.71", oidc), "openshell", "gateway", "auth"); got != nil {
		t.Errorf("auth is %v", got)
	}
	if got := at(t, input("0.0.71", ""), "openshell", "gateway", "auth"); got == nil {
		t.Error("without OIDC nobody could come in")
	}
	rejected(t, input("0.0.71", oidc+"[openshell.gateway.auth]\nallow_unauthenticated_users = true\n"), "allow_unauthenticated_users")
}

func TestTokenKeysAreNotConfiguredWhereTheyAreDisabled(t *testing.T) {
	rejected(t, withoutTokens(input("0.0.71", "openshell.gateway.gateway_jwt.ttl_secs = 60")), "sandboxTokens")
}

func TestSyntaxErrorNamesLineAndColumn(t *testing.T) {
	rejected(t, input("0.0.71", "[openshell.gateway]\nlog_level = debug\n"), "line 2", "column")
	rejected(t, input("0.0.71", "a = 1\na = 2\n"), "spec.config")
}

func TestDefaultsFitTheVersion(t *testing.T) {
	driver := []string{"openshell", "drivers", "kubernetes"}
	storage := []string{"openshell", "gateway", "credential_storage"}
	for _, c := range []struct {
		version               string
		supervisor, id, store bool
	}{
		{"0.0.71", true, false, false}, {"0.0.81", true, false, false}, {"0.0.82", false, false, false}, {"0.0.99", false, false, false},
		{"0.0.100", false, false, true}, {"0.0.106", false, false, true}, {"0.0.107", false, true, true}, {"0.0.111", false, true, true},
	} {
		in := input(c.version, "")
		if is := at(t, in, append(driver[:2:2], "kubernetes", "supervisor_image")...) != nil; is != c.supervisor {
			t.Errorf("%s: supervisor_image %v, want %v", c.version, is, c.supervisor)
		}
		if is := at(t, in, append(driver[:2:2], "kubernetes", "gateway_id")...) != nil; is != c.id {
			t.Errorf("%s: the driver's gateway_id %v, want %v", c.version, is, c.id)
		}
		if is := at(t, in, storage...) != nil; is != c.store {
			t.Errorf("%s: credential_storage %v, want %v", c.version, is, c.store)
		}
	}
}

func TestSandboxTokensCanBeDisabled(t *testing.T) {
	if got := at(t, withoutTokens(input("0.0.71", "")), "openshell", "gateway", "gateway_jwt"); got != nil {
		t.Errorf("gateway_jwt is %v, want none", got)
	}
}

// FuzzConfigBecomesValuesNeverSyntax holds the merge to what it promises, whatever a tenant writes: nothing panics, what
// is accepted is written as the values that it is, and no key of ours is changed by it.
func FuzzConfigBecomesValuesNeverSyntax(f *testing.F) {
	var inputs []Input
	for _, version := range []string{"0.0.71", "0.0.87", "0.0.111", "0.1.0", "0.1.5"} {
		inputs = append(inputs, input(version, ""), withoutTokens(input(version, "")))
	}
	for i, c := range TOMLCases(f) {
		f.Add(uint8(i), c.TOML) //nolint:gosec // of no importance which input begins with which
	}
	f.Add(uint8(0), "\ufeffopenshell.version = 1")
	f.Fuzz(func(t *testing.T, which uint8, config string) {
		in := inputs[int(which)%len(inputs)]
		in.Text = config
		file, err := New(in)
		written := file.text
		if err != nil {
			if !strings.HasPrefix(err.Error(), specField) {
				t.Fatalf("%v does not name the field", err)
			}
			return
		}
		root, given := table{}, table{}
		if err := toml.Unmarshal(written, &root); err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, written)
		}
		if faults := differences(managedKeys(in), root, nil); len(faults) > 0 {
			t.Fatalf("a key of ours was changed: %v", faults)
		}
		if err := toml.Unmarshal([]byte(strings.TrimPrefix(config, "\ufeff")), &given); err != nil {
			t.Fatal("accepted, and is not TOML", err)
		}
		removeUnused(given)
		merged := merge(root, given)
		if reflect.DeepEqual(root, merged) {
			return // the usual case, told fast
		}
		if diff := cmp.Diff(root, merged, cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("what the tenant set is not what was written: %s", diff)
		}
	})
}

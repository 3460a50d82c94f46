package manifests

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pelletier/go-toml/v2"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// at is the value at a path of a tenant's gateway.toml, nil if there is none.
func at(t *testing.T, spec v1alpha1.GatewayTenantSpec, path ...string) any {
	t.Helper()
	tenant, err := tenantOf(t, spec)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	root := table{}
	if err := toml.Unmarshal(tenant.gatewayTOML, &root); err != nil {
		t.Fatal(err)
	}
	value = root
	for _, key := range path {
		value = value.(table)[key]
	}
	return value
}

func TestConfigIsMergedOverTheDefaults(t *testing.T) {
	spec := v1alpha1.GatewayTenantSpec{Config: `
[openshell.gateway]
log_level = "debug"
sandbox_namespace = "tenant-a" # as it is
[openshell.gateway.gateway_jwt]
ttl_secs = 60
[openshell.drivers.kubernetes]
default_image = "x"
`}
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
		if got := at(t, spec, c.path...); got != c.want {
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
		rejected(t, v1alpha1.GatewayTenantSpec{Config: config}, v1alpha1.ReasonInvalidConfig, "spec.config", word)
	}
}

func TestWithOIDCNobodyComesInUnknown(t *testing.T) {
	const oidc = "[openshell.gateway.oidc]\nissuer = 'https://issuer.example.com'\naudience = 'a'\n"
	if got := at(t, v1alpha1.GatewayTenantSpec{Config: oidc}, "openshell", "gateway", "auth"); got != nil {
		t.Errorf("auth is %v", got)
	}
	if got := at(t, v1alpha1.GatewayTenantSpec{}, "openshell", "gateway", "auth"); got == nil {
		t.Error("without OIDC nobody could come in")
	}
	rejected(t, v1alpha1.GatewayTenantSpec{Config: oidc + "[openshell.gateway.auth]\nallow_unauthenticated_users = true\n"}, v1alpha1.ReasonInvalidConfig, "allow_unauthenticated_users")
}

func TestTokenKeysAreNotConfiguredWhereTheyAreDisabled(t *testing.T) {
	rejected(t, v1alpha1.GatewayTenantSpec{SandboxTokens: v1alpha1.SandboxTokensDisabled, Config: "openshell.gateway.gateway_jwt.ttl_secs = 60"}, v1alpha1.ReasonInvalidConfig, "sandboxTokens")
}

func TestSyntaxErrorNamesLineAndColumn(t *testing.T) {
	rejected(t, v1alpha1.GatewayTenantSpec{Config: "[openshell.gateway]\nlog_level = debug\n"}, v1alpha1.ReasonInvalidConfig, "line 2", "column")
	rejected(t, v1alpha1.GatewayTenantSpec{Config: "a = 1\na = 2\n"}, v1alpha1.ReasonInvalidConfig, "spec.config")
}

func TestDefaultsFitTheVersion(t *testing.T) {
	const repository = "ghcr.io/nvidia/openshell/gateway:"
	driver := []string{"openshell", "drivers", "kubernetes"}
	storage := []string{"openshell", "gateway", "credential_storage"}
	for _, c := range []struct {
		version               string
		supervisor, id, store bool
	}{
		{"0.0.71", true, false, false}, {"0.0.81", true, false, false}, {"0.0.82", false, false, false}, {"0.0.99", false, false, false},
		{"0.0.100", false, false, true}, {"0.0.106", false, false, true}, {"0.0.107", false, true, true}, {"0.0.111", false, true, true},
	} {
		spec := v1alpha1.GatewayTenantSpec{Image: repository + c.version}
		if is := at(t, spec, append(driver[:2:2], "kubernetes", "supervisor_image")...) != nil; is != c.supervisor {
			t.Errorf("%s: supervisor_image %v, want %v", c.version, is, c.supervisor)
		}
		if is := at(t, spec, append(driver[:2:2], "kubernetes", "gateway_id")...) != nil; is != c.id {
			t.Errorf("%s: the driver's gateway_id %v, want %v", c.version, is, c.id)
		}
		if is := at(t, spec, storage...) != nil; is != c.store {
			t.Errorf("%s: credential_storage %v, want %v", c.version, is, c.store)
		}
	}
}

func TestSandboxTokensCanBeDisabled(t *testing.T) {
	if got := at(t, v1alpha1.GatewayTenantSpec{SandboxTokens: v1alpha1.SandboxTokensDisabled}, "openshell", "gateway", "gateway_jwt"); got != nil {
		t.Errorf("gateway_jwt is %v, want none", got)
	}
}

// FuzzConfigBecomesValuesNeverSyntax holds the merge to what it promises, whatever a tenant writes: nothing panics, what
// is accepted is written as the values that it is, and no key of ours is changed by it.
func FuzzConfigBecomesValuesNeverSyntax(f *testing.F) {
	var tenants []Tenant
	for _, version := range []string{"0.0.71", "0.0.87", "0.0.111"} {
		for _, tokens := range []v1alpha1.SandboxTokens{v1alpha1.SandboxTokensEnabled, v1alpha1.SandboxTokensDisabled} {
			tenant, err := tenantOf(f, v1alpha1.GatewayTenantSpec{Image: "ghcr.io/nvidia/openshell/gateway:" + version, SandboxTokens: tokens})
			if err != nil {
				f.Fatal(err)
			}
			tenants = append(tenants, tenant)
		}
	}
	for i, c := range tomlCases(f) {
		f.Add(uint8(i), c.TOML) //nolint:gosec // of no importance which tenant begins with which
	}
	f.Add(uint8(0), "\ufeffopenshell.version = 1")
	f.Fuzz(func(t *testing.T, which uint8, config string) {
		tenant := tenants[int(which)%len(tenants)]
		err := tenant.configure(config)
		written := tenant.gatewayTOML
		if err != nil {
			if !errors.As(err, new(*RejectedError)) {
				t.Fatalf("%v says neither the field nor the way out", err)
			}
			return
		}
		root, given := table{}, table{}
		if err := toml.Unmarshal(written, &root); err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, written)
		}
		if faults := keepsOwn(ownConfig(tenant), root, nil); len(faults) > 0 {
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

package gatewaytoml

import (
	"maps"
	"slices"
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// schemaData is what tests know of one schema version. Contexts, companions and valid values take precedence over those of
// schemadata_test.go.
type schemaData struct {
	version        int
	oldest, newest release.Version // that read it, as far as their keys are known
	cases          string          // the file with texts
	contexts       map[string]string
	companions     map[string][]string
	validValues    map[string]any
}

// all returns the releases that read the schema version, oldest first.
func (s schemaData) all() []release.Version {
	var all []release.Version
	for version := s.oldest; !s.newest.Less(version); version.Patch++ {
		all = append(all, version)
	}
	return all
}

const (
	proxyOfV2   = "openshell.drivers.kubernetes = {https_proxy = 'http://a:1', "
	secretsOfV2 = "openshell = {gateway.credential_drivers = ['kubernetes-secrets'], credential_drivers.kubernetes-secrets = {transport = 'uds', socket_path = '/var/openshell/a'}}"
)

var schemas = []schemaData{
	{version: 1, oldest: release.OldestSupported(), newest: release.New(0, 0, 111), cases: "contract.yaml"},
	{
		version: 2, oldest: release.New(0, 1, 0), newest: release.New(0, 1, 5), cases: "contract2.yaml",
		contexts: map[string]string{
			"openshell.credential_drivers.kubernetes-secrets":        secretsOfV2,
			"openshell.gateway.ocsf_log":                             "openshell.gateway.ocsf_log.path = '/var/openshell/a'",
			"openshell.drivers.kubernetes.proxy_ca_bundle":           proxyOfV2 + "}",
			"openshell.drivers.kubernetes.proxy_auth_secret_name":    proxyOfV2 + "proxy_auth_secret_key = 'a', proxy_auth_allow_insecure = true}",
			"openshell.drivers.kubernetes.proxy_auth_secret_key":     proxyOfV2 + "proxy_auth_secret_name = 'a', proxy_auth_allow_insecure = true}",
			"openshell.drivers.kubernetes.proxy_auth_allow_insecure": proxyOfV2 + "proxy_auth_secret_name = 'a', proxy_auth_secret_key = 'a'}",
		},
		companions: map[string][]string{
			"openshell.drivers.kubernetes.proxy_ca_bundle":           {"openshell.drivers.kubernetes.https_proxy"},
			"openshell.drivers.kubernetes.proxy_auth_secret_name":    {"openshell.drivers.kubernetes.https_proxy", "openshell.drivers.kubernetes.proxy_auth_secret_key", "openshell.drivers.kubernetes.proxy_auth_allow_insecure"},
			"openshell.drivers.kubernetes.proxy_auth_secret_key":     {"openshell.drivers.kubernetes.https_proxy", "openshell.drivers.kubernetes.proxy_auth_secret_name", "openshell.drivers.kubernetes.proxy_auth_allow_insecure"},
			"openshell.drivers.kubernetes.proxy_auth_allow_insecure": {"openshell.drivers.kubernetes.https_proxy", "openshell.drivers.kubernetes.proxy_auth_secret_name", "openshell.drivers.kubernetes.proxy_auth_secret_key"},
		},
		validValues: map[string]any{
			"openshell.gateway.mtls_auth.enabled":                       true,
			"openshell.gateway.auth.allow_unauthenticated_users":        false,
			"openshell.drivers.kubernetes.sandbox_runtime_image":        "ghcr.io/nvidia/a:1",
			"openshell.credential_drivers.kubernetes-secrets.transport": "uds",
		},
	},
}

// TestDriverKeys: the table of the driver has the 36 keys that the sources list, and two more from 0.1.5 on.
func TestDriverKeys(t *testing.T) {
	driver := fieldsOf(schemaOf(2).Field(0).Type)["drivers"].Type.Field(0).Type
	known := map[string]int{}
	for _, version := range schemas[1].all() {
		for _, field := range fieldsOf(driver) {
			if isKnown(field, version) {
				known[version.String()]++
			}
		}
	}
	if want := map[string]int{"0.1.0": 36, "0.1.1": 36, "0.1.2": 36, "0.1.3": 36, "0.1.4": 36, "0.1.5": 38}; !maps.Equal(known, want) {
		t.Errorf("the driver has %v keys, want %v", known, want)
	}
	for _, removed := range []string{"supervisor_sideload_method", "topology", "sidecar", "app_armor_profile", "supervisor_topology"} {
		if slices.Contains(keysOfTable(release.New(0, 1, 5), driver), removed) {
			t.Errorf("the driver still has %s", removed)
		}
	}
}

// TestReleasesThatAuthenticateUsersByCertificate: the schema and the contract agree on them.
func TestReleasesThatAuthenticateUsersByCertificate(t *testing.T) {
	field, has := fieldAt(schemaOf(2), []string{"openshell", "gateway", "mtls_auth"})
	for _, version := range schemas[1].all() {
		if contract := release.Of(version); !has || isKnown(field, version) != contract.CertificateUsers || contract.Schema != 2 {
			t.Errorf("%s: the table is known: %t, and the contract is %+v", version, isKnown(field, version), contract)
		}
	}
}

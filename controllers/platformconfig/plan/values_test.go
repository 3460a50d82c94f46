package plan

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
)

// TestValuesDecideWhetherAnEntryIsApplied, not the hash and managedFields, which always say here that nothing has changed.
func TestValuesDecideWhetherAnEntryIsApplied(t *testing.T) {
	const text = `- name: a
  gateway:
    serverDnsNames: [a.example.com]
    config: "openshell.gateway.log_level = 'debug'"
    suspend: false
    sandboxTokens: ""
    storage: {size: 2Gi}
    network: {allowedClients: [{podSelector: {}, namespaceSelector: {matchLabels: {team: b}}}]}
`
	const fields = `"f:serverDnsNames":{},"f:config":{},"f:suspend":{},"f:sandboxTokens":{},"f:storage":{"f:size":{}},"f:network":{"f:allowedClients":{}}`
	for what, c := range map[string]struct {
		change  func(tenant *v1alpha1.GatewayTenant)
		fields  string // in addition
		differs bool
	}{
		"nothing":                       {func(*v1alpha1.GatewayTenant) {}, "", false},
		"a field that the entry leaves": {func(tenant *v1alpha1.GatewayTenant) { tenant.Spec.Image = "x:1" }, "", false},
		"a part that the entry leaves":  {func(tenant *v1alpha1.GatewayTenant) { tenant.Spec.Storage.StorageClassName = "fast" }, "", false},
		"other labels and annotations":  {func(tenant *v1alpha1.GatewayTenant) { tenant.Labels["x"], tenant.Annotations["x"] = "x", "x" }, "", false},
		"a text":                        {func(tenant *v1alpha1.GatewayTenant) { tenant.Spec.Config = "x = 2\n" }, "", true},
		"a list":                        {func(tenant *v1alpha1.GatewayTenant) { tenant.Spec.ServerDNSNames = []string{"evil.example"} }, "", true},
		"a longer list": {func(tenant *v1alpha1.GatewayTenant) {
			tenant.Spec.ServerDNSNames = []string{"a.example.com", "evil.example"}
		}, "", true},
		"no list":                     {func(tenant *v1alpha1.GatewayTenant) { tenant.Spec.ServerDNSNames = nil }, "", true},
		"a part":                      {func(tenant *v1alpha1.GatewayTenant) { tenant.Spec.Storage.Size = "3Gi" }, "", true},
		"a value that is unset":       {func(tenant *v1alpha1.GatewayTenant) { tenant.Spec.Suspend = true }, "", true},
		"another value that is unset": {func(tenant *v1alpha1.GatewayTenant) { tenant.Spec.SandboxTokens = "Disabled" }, "", true},
		"an item of a list":           {func(tenant *v1alpha1.GatewayTenant) { tenant.Spec.Network.AllowedClients[0].PodSelector = nil }, "", true},
		"a selector": {func(tenant *v1alpha1.GatewayTenant) {
			tenant.Spec.Network.AllowedClients[0].NamespaceSelector = &metav1.LabelSelector{}
		}, "", true},
		"a list that is emptied":          {func(tenant *v1alpha1.GatewayTenant) { tenant.Spec.Network.AllowedClients = nil }, "", true},
		"the label":                       {func(tenant *v1alpha1.GatewayTenant) { tenant.Labels = nil }, "", true},
		"the source":                      {func(tenant *v1alpha1.GatewayTenant) { tenant.Annotations[v1alpha1.AnnotationSource] = "x/y" }, "", true},
		"a field under the bridge's name": {func(tenant *v1alpha1.GatewayTenant) { tenant.Spec.Telemetry = "Disabled" }, `,"f:telemetry":{}`, true},
		"a field that was applied before": {func(tenant *v1alpha1.GatewayTenant) { tenant.Spec.Image = "x:1" }, `,"f:image":{}`, true},
	} {
		tenant := bridgedIn("a")
		tenant.Spec = v1alpha1.GatewayTenantSpec{
			ServerDNSNames: []string{"a.example.com"}, Config: "openshell.gateway.log_level = 'debug'", Storage: v1alpha1.Storage{Size: "2Gi"},
			Network: v1alpha1.Network{AllowedClients: []v1alpha1.AllowedClient{{PodSelector: &metav1.LabelSelector{}, NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "b"}}}}},
		}
		source := read(t, text)
		if len(source.Entries) != 1 {
			t.Fatalf("the entry is refused: %+v", source.Refusals)
		}
		work := Work{Entry: source.Entries[0], Origin: origin}
		hash, err := apply.Hash(work.Tenant())
		if err != nil {
			t.Fatal(err)
		}
		tenant.Annotations[apply.AnnotationHash] = hash
		metadata := `"f:metadata":{"f:labels":{"f:` + v1alpha1.LabelSource + `":{}},"f:annotations":{"f:` + v1alpha1.AnnotationSource + `":{},"f:` + apply.AnnotationHash + `":{}}}`
		tenant.ManagedFields[0].FieldsV1 = metav1.NewFieldsV1(`{` + metadata + `,"f:spec":{` + fields + c.fields + `}}`)
		if c.change(tenant); work.Differs(tenant) != c.differs {
			t.Errorf("%s: differs %v, want %v", what, !c.differs, c.differs)
		}
	}
}

// TestNamesOfNoneAreAValue: an entry with an empty list of names differs from a GatewayTenant with some.
func TestNamesOfNoneAreAValue(t *testing.T) {
	work := Work{Entry: entries.Entry{Namespace: "a", Spec: map[string]any{"serverDnsNames": []any{}}}, Origin: origin}
	tenant := bridgedIn("a")
	if work.Differs(tenant) {
		t.Error("it differs from a GatewayTenant without names")
	}
	if tenant.Spec.ServerDNSNames = []string{"evil.example"}; !work.Differs(tenant) {
		t.Error("it does not differ from a GatewayTenant with names")
	}
}

func BenchmarkDiffers(b *testing.B) {
	work := Work{Entry: entries.Entry{Namespace: "a", Spec: map[string]any{"serverDnsNames": []any{"a.example.com"}, "image": newImage}}, Origin: origin}
	tenant := applied()
	for b.Loop() {
		work.Differs(tenant)
	}
}

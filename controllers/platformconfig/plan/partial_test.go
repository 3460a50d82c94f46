package plan

import (
	"reflect"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
)

// applied returns a GatewayTenant of which the bridge applied names, a size and a class, and another manager a client.
func applied() *v1alpha1.GatewayTenant {
	tenant := bridgedIn("a")
	tenant.Generation = 1
	tenant.Spec.ServerDNSNames = []string{"live.example.com"}
	tenant.Spec.Storage = v1alpha1.Storage{Size: "2Gi", StorageClassName: "slow", WhenDeleted: v1alpha1.WhenDeletedDelete}
	tenant.Spec.Network.AllowedClients = []v1alpha1.AllowedClient{{PodSelector: &metav1.LabelSelector{}}}
	tenant.ManagedFields[0].FieldsV1 = metav1.NewFieldsV1(`{"f:spec":{"f:serverDnsNames":{},"f:storage":{"f:size":{},"f:storageClassName":{}}}}`)
	return tenant
}

const newImage = "ghcr.io/nvidia/openshell/gateway:0.0.72"

// TestRejectedFieldLeavesTheRestOfItsEntry, with the values that the bridge applied before.
func TestRejectedFieldLeavesTheRestOfItsEntry(t *testing.T) {
	liveNames, liveStorage := []any{"live.example.com"}, map[string]any{"size": "2Gi", "storageClassName": "slow"}
	for what, c := range map[string]struct {
		gateway, words string // what the entry sets in addition to the image
		names, storage any    // that are applied
	}{
		"a bad name":                  {"serverDnsNames: ['a b'], storage: {size: 3Gi, storageClassName: slow}", `gateway.serverDnsNames[0]: "a b"`, liveNames, map[string]any{"size": "3Gi", "storageClassName": "slow"}},
		"names of the wrong type":     {"serverDnsNames: 7, storage: {storageClassName: slow}", "gateway.serverDnsNames is a number", liveNames, map[string]any{"storageClassName": "slow"}},
		"no names":                    {"storage: {storageClassName: slow}", "gateway.serverDnsNames is missing", liveNames, map[string]any{"storageClassName": "slow"}},
		"a size of the wrong type":    {"serverDnsNames: [], storage: {size: 5}", "gateway.storage.size is a number", []any{}, liveStorage},
		"an unknown field":            {"serverDnsNames: [], storage: {siz: 5Gi}", "gateway.storage.siz is an unknown field; did you mean size?", []any{}, liveStorage},
		"null":                        {"serverDnsNames: [], storage: null", "gateway.storage is null", []any{}, liveStorage},
		"null within a list":          {"serverDnsNames: [~], storage: {storageClassName: slow}", "gateway.serverDnsNames[0] is null; leave it out, or give it a value", liveNames, map[string]any{"storageClassName": "slow"}},
		"null within a field":         {"serverDnsNames: [], storage: {storageClassName: slow}, network: {allowedClients: }", "gateway.network.allowedClients is null; leave it out, or give it a value", []any{}, map[string]any{"storageClassName": "slow"}},
		"null deep within a field":    {"serverDnsNames: [], storage: {storageClassName: slow}, network: {allowedClients: [{podSelector: {}}, {podSelector: null}]}", "gateway.network.allowedClients[1].podSelector is null; leave it out, or give it a value", []any{}, map[string]any{"storageClassName": "slow"}},
		"a bad network":               {"serverDnsNames: [], storage: {storageClassName: slow}, network: {allowedClients: [{podSelector: {matchLabels: {'-': x}}}]}", "gateway.network", []any{}, map[string]any{"storageClassName": "slow"}},
		"another class":               {"serverDnsNames: [], storage: {size: 5Gi, storageClassName: fast}", `gateway.storage.storageClassName: "fast" differs from "slow", and the storage class of a volume cannot be changed; write "slow"`, []any{}, liveStorage},
		"a class that is removed":     {"serverDnsNames: [], storage: {size: 5Gi}", `gateway.storage.storageClassName is removed`, []any{}, liveStorage},
		"storage that is removed":     {"serverDnsNames: []", `gateway.storage.storageClassName is removed`, []any{}, liveStorage},
		"a bad name, and its class":   {"serverDnsNames: ['a b'], storage: {storageClassName: fast}", `"fast" differs from "slow"`, liveNames, liveStorage},
		"a bad name, and bad storage": {"serverDnsNames: ['a b'], storage: []", "gateway.storage is a list and must be a mapping", liveNames, liveStorage},
	} {
		source := read(t, "- name: a\n  gateway: {image: '"+newImage+"', "+c.gateway+"}\n")
		snapshot := Snapshot{Tenants: map[string]*v1alpha1.GatewayTenant{"a": applied()}, Namespaces: map[string]Presence{"a": Present}}
		plan := Compare([]entries.Source{source}, snapshot, DefaultGuard)
		if len(plan.Apply) != 1 || len(plan.Rows) != 1 || plan.Rows[0].State != Refused {
			t.Errorf("%s: %+v, want one row Refused and one apply", what, plan)
			continue
		}
		want := map[string]any{"image": newImage, "serverDnsNames": c.names, "storage": c.storage}
		if spec := plan.Apply[0].Spec; !reflect.DeepEqual(spec, want) {
			t.Errorf("%s: applied is %v, want %v", what, spec, want)
		}
		message := plan.Rows[0].Message
		for _, words := range []string{c.words, "entry 0, line 1", "): line ", "; the rest of the entry is applied"} {
			if strings.Count(message, words) != 1 {
				t.Errorf("%s: %q, want %q once", what, message, words)
			}
		}
	}
}

// TestEmptyListOfClientsSurvives in what is applied of an entry, and in what is kept when the entry's network is rejected: without
// it, the gateway would be open to all.
func TestEmptyListOfClientsSurvives(t *testing.T) {
	tenant := applied()
	tenant.Spec.Network = v1alpha1.Network{AllowedClients: []v1alpha1.AllowedClient{}}
	tenant.ManagedFields[0].FieldsV1 = metav1.NewFieldsV1(`{"f:spec":{"f:serverDnsNames":{},"f:network":{"f:allowedClients":{}},"f:storage":{"f:storageClassName":{}}}}`)
	for network, refused := range map[string]bool{"{allowedClients: []}": false, "{allowedClients: 7}": true} {
		source := read(t, "- {name: a, gateway: {serverDnsNames: [], storage: {storageClassName: slow}, network: "+network+"}}")
		snapshot := Snapshot{Tenants: map[string]*v1alpha1.GatewayTenant{"a": tenant}, Namespaces: map[string]Presence{"a": Present}}
		plan := Compare([]entries.Source{source}, snapshot, DefaultGuard)
		if len(plan.Apply) != 1 || (plan.Rows[0].State == Refused) != refused {
			t.Errorf("%s: %+v", network, plan)
			continue
		}
		want := map[string]any{"allowedClients": []any{}}
		if spec := plan.Apply[0].Tenant().Object["spec"].(map[string]any); !reflect.DeepEqual(spec["network"], want) {
			t.Errorf("%s: the network that is applied is %v, want %v", network, spec["network"], want)
		}
	}
}

// TestRejectedEntryAppliesNothing where a field that others depend on is rejected too, or where no GatewayTenant of the
// bridge exists.
func TestRejectedEntryAppliesNothing(t *testing.T) {
	const badName = "- {name: a, gateway: {serverDnsNames: ['a b']}}\n"
	none := func() *v1alpha1.GatewayTenant { return nil }
	bridged := func() *v1alpha1.GatewayTenant { return applied() }
	for what, c := range map[string]struct {
		text   string
		tenant func() *v1alpha1.GatewayTenant
	}{
		"no GatewayTenant":      {badName, none},
		"a hand-made one":       {badName, func() *v1alpha1.GatewayTenant { return &v1alpha1.GatewayTenant{} }},
		"a bad image, too":      {"- {name: a, gateway: {serverDnsNames: ['a b'], image: 'docker.io/x:1'}}", bridged},
		"an unknown field, too": {"- {name: a, gateway: {serverDnsNames: ['a b'], imag: x}}", bridged},
		"a bad config":          {"- {name: a, gateway: {serverDnsNames: [], config: 'a ='}}", bridged},
		"listed twice":          {badName + badName, bridged},
	} {
		snapshot := Snapshot{Tenants: map[string]*v1alpha1.GatewayTenant{}, Namespaces: map[string]Presence{"a": Present}}
		if tenant := c.tenant(); tenant != nil {
			snapshot.Tenants["a"] = tenant
		}
		plan := Compare([]entries.Source{read(t, c.text)}, snapshot, DefaultGuard)
		if len(plan.Apply) > 0 || len(plan.Rows) == 0 || plan.Rows[0].State != Refused || strings.Contains(plan.Rows[0].Message, "the rest") {
			t.Errorf("%s: %+v", what, plan)
		}
	}
}

// rejected returns what the API server reports about fields.
func rejected(fields ...string) []Fault {
	var faults []Fault
	for _, field := range fields {
		faults = append(faults, Fault{field, `Invalid value: "x": must be otherwise`})
	}
	return faults
}

func TestFieldsThatTheAPIServerRejectsLeaveTheRest(t *testing.T) {
	entry := read(t, "- name: a\n  gateway:\n    serverDnsNames: []\n    storage: {size: 1 GB, storageClassName: slow}\n    image: "+newImage+"\n").Entries[0]
	for what, c := range map[string]struct {
		faults []Fault
		tenant *v1alpha1.GatewayTenant
		words  string // empty if nothing is applied
	}{
		"a size":                    {rejected("spec.storage.size"), applied(), `line 4: gateway.storage.size: Invalid value: "x": must be otherwise; correct it`},
		"a size and names":          {rejected("spec.storage.size", "spec.serverDnsNames[0]"), applied(), "line 3: gateway.serverDnsNames[0]: "},
		"a size and an image":       {rejected("spec.storage.size", "spec.image"), applied(), ""},
		"the spec as a whole":       {rejected("spec"), applied(), ""},
		"no field":                  {rejected(), applied(), ""},
		"a field that sounds alike": {rejected("spec.storageClass"), applied(), ""},
		"no GatewayTenant":          {rejected("spec.storage.size"), nil, ""},
	} {
		rest, is := Work{Entry: entry}.WithoutFaults(c.tenant, c.faults)
		if is != (c.words != "") || !strings.Contains(rest.Message(), c.words) {
			t.Errorf("%s: the rest is applied: %v; %q, want %q", what, is, rest.Message(), c.words)
		}
		if is && !reflect.DeepEqual(rest.Spec["storage"], map[string]any{"size": "2Gi", "storageClassName": "slow"}) {
			t.Errorf("%s: the storage is %v", what, rest.Spec["storage"])
		}
		if _, again := rest.WithoutFaults(c.tenant, rejected("spec.storage.size")); is && again {
			t.Errorf("%s: a kept field is kept again", what)
		}
	}
	if entry.Spec["storage"].(map[string]any)["size"] != "1 GB" {
		t.Errorf("the entry itself was changed: %v", entry.Spec)
	}
}

package plan

import (
	"strings"
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
)

// generated returns a source of a ConfigMap that a generator named.
func generated(t *testing.T, configMap, sourceName, text string) entries.Source {
	t.Helper()
	source := read(t, text)
	source.Origin, source.Name = "platform/"+configMap, "platform/"+configMap
	if sourceName != "" {
		source.Name = "platform/" + sourceName
	}
	return source
}

// TestGeneratedConfigMapReplacesTheOneBeforeIt: its tenants continue, and what it lists no more goes, but only if both have the
// same source name.
func TestGeneratedConfigMapReplacesTheOneBeforeIt(t *testing.T) {
	from := func(source string) *v1alpha1.GatewayTenant {
		tenant := bridgedIn("a")
		tenant.Annotations[v1alpha1.AnnotationSource] = source
		return tenant
	}
	both, others := entryFor("a")+entryFor("other"), entryFor("other")
	for what, c := range map[string]struct {
		sources []entries.Source
		tenant  *v1alpha1.GatewayTenant
		want    string
		words   string
	}{
		"it lists the tenant":            {[]entries.Source{generated(t, "config-2", "", both)}, from("platform/config-1"), "Applied+apply", ""},
		"it lists it, with a name":       {[]entries.Source{generated(t, "config-2", "team", both)}, from("platform/team"), "Applied+apply", ""},
		"both exist for a while":         {[]entries.Source{generated(t, "config-1", "team", both), generated(t, "config-2", "team", both)}, from("platform/team"), "Refused", "platform/config-1 and platform/config-2"},
		"the former still lists it":      {[]entries.Source{generated(t, "config-1", "team", both), generated(t, "config-2", "team", others)}, from("platform/team"), "Applied+apply", ""},
		"it does not list it":            {[]entries.Source{generated(t, "config-2", "team", others)}, from("platform/team"), "delete", ""},
		"it does not list it, nameless":  {[]entries.Source{generated(t, "config-2", "", others)}, from("platform/config-1"), "Kept", "kubectl delete gatewaytenant openshell-gateway -n a"},
		"it names the one before it":     {[]entries.Source{generated(t, "config-2", "config-1", others)}, from("platform/config-1"), "delete", ""},
		"it is not there yet":            {[]entries.Source{read(t, others)}, from("platform/team"), "Kept", entries.AnnotationSourceName},
		"it cannot be read":              {[]entries.Source{generated(t, "config-2", "team", "- {")}, from("platform/team"), "Kept", "platform/config-2 cannot be read"},
		"another generator's removes it": {[]entries.Source{generated(t, "config-2", "other-team", others)}, from("platform/team"), "Kept", ""},
	} {
		snapshot := Snapshot{
			Tenants:    map[string]*v1alpha1.GatewayTenant{"a": c.tenant, "other": bridgedIn("other")},
			Namespaces: map[string]Presence{"a": Present, "other": Present},
		}
		plan := Compare(c.sources, snapshot, DefaultGuard)
		var words strings.Builder
		for _, row := range plan.Rows {
			if row.Namespace == "a" {
				words.WriteString(row.Message)
			}
		}
		if got := outcome(plan); got != c.want || !strings.Contains(words.String(), c.words) {
			t.Errorf("%s: %s (%s), want %s (%s)", what, got, words.String(), c.want, c.words)
		}
		for _, work := range plan.Apply {
			if work.Namespace == "a" && work.Tenant().GetAnnotations()[v1alpha1.AnnotationSource] != c.sources[0].Name {
				t.Errorf("%s: the GatewayTenant records %v", what, work.Tenant().GetAnnotations())
			}
		}
	}
}

// TestReservedNamespacesGetNoNewTenant, and keep one that exists.
func TestReservedNamespacesGetNoNewTenant(t *testing.T) {
	reserved := func(namespace string) bool { return namespace == "a" }
	for what, c := range map[string]struct {
		tenant *v1alpha1.GatewayTenant
		want   string
	}{"none": {nil, "Refused"}, "bridged": {bridgedIn("a"), "Applied+apply"}, "hand-made": {&v1alpha1.GatewayTenant{}, "Conflict"}} {
		for _, presence := range []Presence{Absent, Present} {
			snapshot := Snapshot{Tenants: map[string]*v1alpha1.GatewayTenant{}, Namespaces: map[string]Presence{"a": presence}, Reserved: reserved}
			if c.tenant != nil {
				snapshot.Tenants["a"] = c.tenant
			}
			want := c.want
			if presence == Absent && c.tenant != nil {
				want = "Waiting"
			}
			if got := outcome(Compare([]entries.Source{read(t, entryFor("a"))}, snapshot, DefaultGuard)); got != want {
				t.Errorf("%s, %v: %s, want %s", what, presence, got, want)
			}
		}
	}
}

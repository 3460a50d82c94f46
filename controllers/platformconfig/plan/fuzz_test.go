package plan

import (
	"slices"
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
)

// FuzzSourceNeverRemovesUnread passes any text to the parser. It must not panic, and what it cannot read removes nothing.
func FuzzSourceNeverRemovesUnread(f *testing.F) {
	for _, seed := range []string{
		"[]", "", "null", "- {name: a, gateway: {serverDnsNames: []}}", "- {name: a, gateway: {serverDnsNames: [], imag: x}}",
		"- &a {name: a, gateway: {serverDnsNames: []}}\n- *a", "- <<: {name: a}\n  gateway: {}", "- <<: {name: a, gateway: {serverDnsNames: []}}", "- &n {name: *n}", "- {name: &x a, gateway: {serverDnsNames: [*x]}}", "- {name: a, ? [1] : 2}", "- !!binary x", "[", "---\n---",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		source := read(t, text)
		snapshot := Snapshot{Tenants: map[string]*v1alpha1.GatewayTenant{}, Namespaces: map[string]Presence{"a": Present, "b": Present, "c": Present}}
		for namespace := range snapshot.Namespaces {
			snapshot.Tenants[namespace] = bridgedIn(namespace)
		}
		plan := Compare([]entries.Source{source}, snapshot, DefaultGuard)
		if source.Err != nil && len(plan.Delete)+len(plan.Apply)+len(plan.Release) > 0 {
			t.Errorf("%q cannot be read (%v), and the plan is %+v", text, source.Err, plan)
		}
		if len(plan.Delete) == 3 && !source.Empty {
			t.Errorf("%q removes all", text)
		}
		for _, tenant := range plan.Delete {
			if slices.Contains(source.Namespaces(), tenant.Namespace) || slices.Contains(source.Namespaces(), "") {
				t.Errorf("%q removes %s, which it lists or may list", text, tenant.Namespace)
			}
		}
	})
}

package plan

import (
	"slices"
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
)

// TestStages: if gateway.toml were written before the claim and the operator ended in between, the gateway could create a key whose
// path no claim records.
func TestStages(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*fixture)
		ref    observe.Ref
		want   Stage
	}{
		{"the claim exists", func(*fixture) {}, claim, ClaimStage},
		{"the claim does not exist", func(f *fixture) { f.cluster.Delete(claim) }, claim, FoundationStage},
		{"gateway.toml exists", func(*fixture) {}, configMap, ConfigStage},
		{"gateway.toml does not exist", func(f *fixture) { f.cluster.Delete(configMap) }, configMap, FoundationStage},
		{"gateway.toml exists, and the gateway does not", func(f *fixture) { f.cluster.Delete(statefulSet) }, configMap, FoundationStage},
		{"the Service", func(f *fixture) { f.cluster.Delete(service) }, service, FoundationStage},
		{"the StatefulSet", func(*fixture) {}, statefulSet, WorkloadStage},
		{"a leftover", (*fixture).leaveRole, observe.Leftovers[0], CleanupStage},
		{"certgen", func(*fixture) {}, certgenJob, CertgenStage},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newServingTenant(t)
			f.tenant.Spec.Image = otherImage // changes the claim, gateway.toml and the StatefulSet
			f.certificates.Findings = newTenant(t).certificates.Findings
			test.change(f)
			steps := f.plan().Steps
			i := slices.IndexFunc(steps, func(step Step) bool { return step.Object == test.ref })
			if i < 0 {
				t.Fatalf("no step is planned for %s %s", test.ref.Kind, test.ref.Name)
			}
			if got := steps[i]; got.Stage != test.want {
				t.Errorf("stage %d, want stage %d", got.Stage, test.want)
			}
		})
	}
}

// TestBindingsOfOtherRolesAreRecreated, since the role of a binding cannot be changed.
func TestBindingsOfOtherRolesAreRecreated(t *testing.T) {
	for _, ref := range []observe.Ref{certgenRole, observe.Binding("tenant-a")} {
		f := newServingTenant(t)
		f.cluster.Set(ref, "another", "roleRef", "name")
		if steps := f.plan().Steps; len(steps) != 1 || steps[0].Action != Recreate {
			t.Errorf("%s: planned: %q", ref.Kind, f.steps())
		}
	}
}

// TestRejectedTenantKeepsItsCertificates: certgen needs nothing then, since nothing else is applied.
func TestRejectedTenantKeepsItsCertificates(t *testing.T) {
	f := newServingTenant(t)
	f.certificates.Findings = newTenant(t).certificates.Findings
	f.cluster.Delete(certgenRole)
	f.tenant.Spec.Image, f.certificates.ServerNames = "docker.io/evil/x:1", []string{"openshell-gateway"}
	if steps := f.plan().Steps; len(steps) != 1 || steps[0].Object != certgenJob || len(steps[0].Requires) > 0 {
		t.Errorf("planned: %q", f.steps())
	}
}

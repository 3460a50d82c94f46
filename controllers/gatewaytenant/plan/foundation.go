package plan

import (
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// waitsForSlot is what the steps of a held rollout wait for.
const waitsForSlot = "a rollout slot"

// addFoundation adds the objects that wait for nothing. An existing claim comes first: what a pod reads when it starts must not
// change before the claim records what it follows from, such as where a key is on the volume.
func (p *Plan) addFoundation(in Input) {
	for _, desired := range p.Objects.Foundation {
		stage, requires := FoundationStage, []Stage(nil)
		switch {
		case desired.GetKind() == "PersistentVolumeClaim" && in.Observed.Volume.Claim != nil:
			stage = ClaimStage
		case manifests.GoesWithThePod(desired):
			requires = []Stage{ClaimStage}
		}
		step, needed := in.apply(desired, stage, requires...)
		if !needed {
			continue
		}
		if p.Held && manifests.GoesWithThePod(desired) {
			step.Waits = waitsForSlot
		}
		if step.Live != nil && step.Blocked == nil && bindsAnotherRole(desired, step.Live) {
			step.Action, step.Reason = Recreate, "it binds another role, which cannot be changed"
		}
		p.Steps = append(p.Steps, step)
	}
}

// bindsAnotherRole reports whether a RoleBinding exists with another role, as an earlier control plane's does.
func bindsAnotherRole(desired *unstructured.Unstructured, live metav1.Object) bool {
	binding, is := live.(*rbacv1.RoleBinding)
	if !is {
		return false
	}
	role, _, _ := unstructured.NestedStringMap(desired.Object, "roleRef")
	return binding.RoleRef != rbacv1.RoleRef{APIGroup: role["apiGroup"], Kind: role["kind"], Name: role["name"]}
}

// mayIssue reports whether certgen's ServiceAccount and RoleBinding are applied. Those of a previous tenant or control plane do not
// count.
func (p *Plan) mayIssue(in Input) bool {
	for _, desired := range p.Objects.Foundation {
		if desired.GetName() != manifests.CertgenName {
			continue
		}
		live, exists := in.Observed.Objects[observe.RefOf(desired)]
		if !exists || !isAsApplied(desired, live) {
			return false
		}
	}
	return true
}

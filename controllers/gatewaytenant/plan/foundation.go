package plan

import (
	"errors"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// waitsForSlot is what the steps of a held rollout wait for.
const waitsForSlot = "a rollout slot"

// addFoundation adds the objects that need nothing, or only the claim.
func (p *Plan) addFoundation(in Input) {
	for _, desired := range p.Objects.Foundation {
		if desired.GetKind() == claimRef.Kind && in.Observed.Volume.Claim != nil {
			p.addClaim(in, desired)
			continue
		}
		step, needed := in.apply(desired, FoundationStage)
		if !needed {
			continue
		}
		if p.Tenant.GoesWithThePod(desired) {
			if step.Live != nil && in.Observed.StatefulSet != nil {
				step.Stage = ConfigStage
			}
			if p.Held {
				step.Waits = waitsForSlot
			}
		}
		if step.Live != nil && step.Blocked == nil && bindsAnotherRole(desired, step.Live) {
			step.Action, step.Reason = Recreate, "it binds another role, which cannot be changed"
		}
		p.Steps = append(p.Steps, step)
	}
}

// addClaim adds the steps for an existing claim. Its annotations come first, with the size that it has: what a pod reads when it
// starts must not change before the claim records what it follows from, such as where a key is on the volume. The size comes last,
// since a quota or a storage class may refuse it, and nothing depends on it.
func (p *Plan) addClaim(in Input, desired *unstructured.Unstructured) {
	kept := manifests.WithSizeOf(desired, in.Observed.Volume.Claim)
	step, needed := in.apply(kept, ClaimStage)
	if removed, is := errors.AsType[*BeingRemovedError](step.Blocked); is && in.Observed.StatefulSet != nil {
		step.Blocked = &BeingRemovedError{Object: removed.Object, Consequence: fmt.Sprintf("the claim and its data go when the pod that uses it ends, so the operator does not replace the pod; "+
			"to keep the data, run before that: kubectl patch pv $(kubectl get pvc %s -n %s -o jsonpath={.spec.volumeName}) "+
			`-p '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}'`, claimRef.Name, in.GatewayTenant.Namespace)}
	}
	if needed {
		p.Steps = append(p.Steps, step)
	}
	if equality.Semantic.DeepEqual(kept, desired) || step.Blocked != nil {
		return
	}
	if growth, grows := in.apply(desired, GrowthStage); grows {
		if growth.Reason = "its volume grows"; needed {
			growth.Waits = "the update of its annotations"
		}
		p.Steps = append(p.Steps, growth)
	}
}

// bindsAnotherRole reports whether a binding exists with another role, as an earlier control plane's does.
func bindsAnotherRole(desired *unstructured.Unstructured, live metav1.Object) bool {
	var is rbacv1.RoleRef
	switch binding := live.(type) {
	case *rbacv1.RoleBinding:
		is = binding.RoleRef
	case *rbacv1.ClusterRoleBinding:
		is = binding.RoleRef
	default:
		return false
	}
	role, _, _ := unstructured.NestedStringMap(desired.Object, "roleRef")
	return is != rbacv1.RoleRef{APIGroup: role["apiGroup"], Kind: role["kind"], Name: role["name"]}
}

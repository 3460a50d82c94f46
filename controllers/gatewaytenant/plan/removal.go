package plan

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Removal returns the steps for a GatewayTenant that no longer exists. The garbage collector deletes the objects that it owned.
// The ClusterRoleBinding is cluster-scoped, so a GatewayTenant cannot own it.
func Removal(binding metav1.Object) []Step {
	if binding.GetDeletionTimestamp() != nil || !apply.AppliedBy(binding, manifests.Manager) {
		return nil // it is being removed, or belongs to another manager
	}
	return []Step{{
		Action: Delete, Object: observe.Ref{Kind: "ClusterRoleBinding", Name: binding.GetName()}, Live: binding, Stage: CleanupStage,
		Reason: "its GatewayTenant does not exist any more",
	}}
}

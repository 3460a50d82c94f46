package diagnose

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// OtherPod returns the problem of a StatefulSet that cannot create its pod because another pod has the name, and why that pod stays
// if it is being deleted. A StatefulSet adopts a pod that has its labels and no controller, so the problem is not immediate.
func OtherPod(pod *corev1.Pod, set metav1.Object) []Problem {
	found := Problem{
		Reason: v1alpha1.ReasonConflict, Since: pod.CreationTimestamp,
		Message: "another pod has this name and does not belong to the gateway's StatefulSet, which therefore cannot create its own",
		Remedy:  fmt.Sprintf("if nothing needs that pod: kubectl delete pod %s -n %s; the gateway's pod follows, and its volume claim is not affected", pod.Name, pod.Namespace),
	}
	if created := set.GetCreationTimestamp(); found.Since.Before(&created) {
		found.Since = created
	}
	if controller := metav1.GetControllerOf(pod); controller != nil {
		found.Message += fmt.Sprintf("; it is controlled by %s %s", controller.Kind, controller.Name)
		if controller.Kind != "StatefulSet" || controller.Name != manifests.GatewayName { // otherwise the garbage collector deletes it
			found.Remedy = fmt.Sprintf("delete %s %s or rename its pod; the gateway's pod follows, and its volume claim is not affected", controller.Kind, controller.Name)
		}
	}
	all := []Problem{found}
	if pod.DeletionTimestamp != nil {
		all = []Problem{heldByFinalizers(pod), silentNode(pod), found}
	}
	return slices.DeleteFunc(all, Problem.IsZero)
}

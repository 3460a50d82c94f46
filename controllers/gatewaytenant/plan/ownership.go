package plan

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// CheckOwnership returns an error if desired must not be applied over live. Live is nil if the object does not exist. Owners are
// the uids of the GatewayTenant and of its StatefulSet, either of which may own live. An object without a controller is adopted if
// it has OpenShell's label, since it belongs to a gateway that existed before the operator. The error is a ConflictError or a
// BeingRemovedError.
func CheckOwnership(desired *unstructured.Unstructured, live metav1.Object, owners ...types.UID) error {
	if live == nil {
		return nil
	}
	object := apply.Describe(desired)
	if live.GetDeletionTimestamp() != nil {
		return &BeingRemovedError{Object: object, Removal: message.Removal(desired.GetKind(), live)}
	}
	controller := metav1.GetControllerOf(live)
	switch {
	case controller != nil && slices.Contains(owners, controller.UID):
		return nil
	case manifests.OfFormer(live, owners...):
		return &BeingRemovedError{Object: object} // the garbage collector deletes it
	case controller != nil:
		return &ConflictError{Object: object, Why: fmt.Sprintf("is controlled by %s %s; delete that, or move it to another namespace", controller.Kind, controller.Name)}
	case apply.AppliedBy(live, manifests.Manager):
		return nil // even if its labels were changed
	case live.GetLabels()[manifests.LabelName] != manifests.AppName:
		return &ConflictError{Object: object, Why: fmt.Sprintf("is somebody else's; label it %s=%s to hand it over to the gateway, or make it under another name", manifests.LabelName, manifests.AppName)}
	}
	if release := live.GetAnnotations()[observe.AnnotationHelmRelease]; release != "" {
		return &ConflictError{Object: object, Why: fmt.Sprintf("is of the Helm release %s; run helm uninstall %[1]s -n %s: its volume and its Secrets stay, and are taken over", release, desired.GetNamespace())}
	}
	return nil
}

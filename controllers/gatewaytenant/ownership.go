package gatewaytenant

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// conflictError says that an object with a name of ours is somebody else's, and what can be done.
type conflictError struct {
	object, whose string
	unseen        bool // its end is no event
}

func (e *conflictError) Error() string {
	return fmt.Sprintf("%s is there already and %s", e.object, e.whose)
}

// leavingError says that an object is still being removed. Its end is an event, so there is nothing to retry.
type leavingError struct{ object string }

func (e *leavingError) Error() string { return e.object + " is still being removed" }

// annotationHelmRelease is Helm's, on all that a release made.
const annotationHelmRelease = "meta.helm.sh/release-name"

// Ours tells whether we may apply desired over live (nil: absent), for a GatewayTenant and what it has made, which may own
// it. An object without a controller is taken over if it bears OpenShell's label: then it is a gateway's that was there
// before the operator.
func Ours(desired *unstructured.Unstructured, live metav1.Object, owners ...types.UID) error {
	if live == nil {
		return nil
	}
	if live.GetDeletionTimestamp() != nil {
		return &leavingError{apply.Describe(desired)}
	}
	controller := metav1.GetControllerOf(live)
	switch {
	case controller != nil && slices.Contains(owners, controller.UID):
		return nil
	case manifests.OfFormer(live, owners...):
		return &leavingError{apply.Describe(desired)} // the garbage collector takes it
	case controller != nil:
		return &conflictError{object: apply.Describe(desired), whose: fmt.Sprintf("is controlled by %s %s; delete that, or move it to another namespace", controller.Kind, controller.Name)}
	case apply.AppliedBy(live, manifests.Manager):
		return nil // whatever labels it bears by now
	case live.GetLabels()[manifests.LabelName] != manifests.AppName:
		return &conflictError{object: apply.Describe(desired), whose: fmt.Sprintf("is somebody else's; label it %s=%s to hand it over to the gateway, or make it under another name", manifests.LabelName, manifests.AppName)}
	}
	if release := live.GetAnnotations()[annotationHelmRelease]; release != "" {
		return &conflictError{object: apply.Describe(desired), whose: fmt.Sprintf("is of the Helm release %s; run helm uninstall %[1]s -n %s: its volume and its Secrets stay, and are taken over", release, desired.GetNamespace())}
	}
	return nil
}

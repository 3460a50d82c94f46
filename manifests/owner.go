package manifests

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// Owner returns the owner reference that makes the GatewayTenant with a uid the controller of an object. It does not block the
// owner's deletion, which would need a right on the owner's finalizers.
func Owner(uid types.UID) metav1.OwnerReference {
	controller := true
	return metav1.OwnerReference{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: "GatewayTenant", Name: v1alpha1.Name, UID: uid, Controller: &controller,
	}
}

// OfFormer reports whether the controller of an object is a GatewayTenant that is not one of the present owners, so it was deleted.
func OfFormer(object metav1.Object, owners ...types.UID) bool {
	controller := metav1.GetControllerOf(object)
	return controller != nil && controller.Kind == "GatewayTenant" && controller.Name == v1alpha1.Name && !slices.Contains(owners, controller.UID)
}

// namespaceOwner returns the owner reference to a namespace, for cluster-scoped objects: a namespaced object cannot own them.
func namespaceOwner(namespace string, uid types.UID) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: "v1", Kind: "Namespace", Name: namespace, UID: uid}
}

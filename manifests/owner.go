package manifests

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// Owner makes a tenant's GatewayTenant, which has this uid, the controller of an object. It never blocks its owner's
// deletion: saying so would need a right on the owner's finalizers.
func Owner(uid types.UID) metav1.OwnerReference {
	controller := true
	return metav1.OwnerReference{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: "GatewayTenant", Name: v1alpha1.Name, UID: uid, Controller: &controller,
	}
}

// OfFormer tells whether an object is controlled by a GatewayTenant that is none of its owners now, and so is no more.
func OfFormer(object metav1.Object, owners ...types.UID) bool {
	controller := metav1.GetControllerOf(object)
	return controller != nil && controller.Kind == "GatewayTenant" && controller.Name == v1alpha1.Name && !slices.Contains(owners, controller.UID)
}

// namespaceOwner makes the tenant's namespace the owner of a cluster-scoped object, which a namespaced object cannot be.
func namespaceOwner(namespace string, uid types.UID) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: "v1", Kind: "Namespace", Name: namespace, UID: uid}
}

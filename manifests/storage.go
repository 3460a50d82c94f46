package manifests

import (
	"bytes"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// CheckStorage rejects a spec.storage that the existing volume cannot become. The claim then keeps the size and class that
// it has, and the rest of the spec does not depend on it. The error is a [*RejectedError].
func (t Tenant) CheckStorage(volume Volume) error {
	claim := volume.Claim
	if claim == nil {
		return nil
	}
	const reason = v1alpha1.ReasonInvalidStorage
	if size := t.storage.Size; size != "" {
		wanted, err := resource.ParseQuantity(size)
		if err != nil {
			return reject(reason, "spec.storage.size", size, "is not a quantity: %v; give one such as 5Gi", err)
		}
		if tooSmall(wanted, claim) {
			least, capacity := sizesOf(claim)
			if capacity.Cmp(least) < 0 {
				least = capacity
			}
			return reject(reason, "spec.storage.size", size, "is less than the %s of the claim %s, and a volume cannot shrink; request at least that size", least.String(), ClaimName)
		}
	}
	if class := t.storage.StorageClassName; class != "" && !hasClass(claim, class) {
		has := "no storage class"
		if claim.Spec.StorageClassName != nil {
			has = fmt.Sprintf("the class %q", *claim.Spec.StorageClassName)
		}
		return reject(reason, "spec.storage.storageClassName", class, "cannot be the class of the claim %s, which has %s and cannot change it; leave it out, or delete the claim to begin with an empty volume", ClaimName, has)
	}
	return nil
}

// tooSmall reports whether a size is below what a claim requests and below what its volume has. As long as a claim is not
// bound, its size cannot change anyway, and nothing is too small.
func tooSmall(wanted resource.Quantity, claim *corev1.PersistentVolumeClaim) bool {
	requested, capacity := sizesOf(claim)
	return claim.Status.Phase == corev1.ClaimBound && wanted.Cmp(requested) < 0 && wanted.Cmp(capacity) < 0
}

// hasClass reports whether a claim has a storage class, or may still get it.
func hasClass(claim *corev1.PersistentVolumeClaim, class string) bool {
	if claim.Spec.StorageClassName == nil {
		return claim.Status.Phase != corev1.ClaimBound && claim.Status.Phase != corev1.ClaimLost
	}
	return *claim.Spec.StorageClassName == class
}

// sizesOf returns what a claim requests and what its volume has.
func sizesOf(claim *corev1.PersistentVolumeClaim) (requested, capacity resource.Quantity) {
	requested = claim.Spec.Resources.Requests[corev1.ResourceStorage]
	capacity, reported := claim.Status.Capacity[corev1.ResourceStorage]
	if !reported {
		return requested, requested
	}
	return requested, capacity
}

// request returns the size that an existing claim is to request: that of the spec if the volume has to grow for it. The API
// server accepts no other change, and none to a claim that is not bound. A request above what the volume has may be lowered
// as long as it stays above that.
func (t Tenant) request(claim *corev1.PersistentVolumeClaim) resource.Quantity {
	requested, capacity := sizesOf(claim)
	wanted, err := resource.ParseQuantity(t.storage.Size)
	if err != nil || wanted.Cmp(requested) == 0 || wanted.Cmp(capacity) <= 0 || claim.Status.Phase != corev1.ClaimBound {
		return requested
	}
	return wanted
}

// SizeDiffers returns why the claim does not request spec.storage.size and what to do, empty if it does or if the size is
// rejected.
func (t Tenant) SizeDiffers(volume Volume) string {
	claim := volume.Claim
	wanted, err := resource.ParseQuantity(t.storage.Size)
	if err != nil || claim == nil || claim.DeletionTimestamp != nil || tooSmall(wanted, claim) {
		return ""
	}
	request := t.request(claim)
	if wanted.Cmp(request) == 0 {
		return ""
	}
	_, capacity := sizesOf(claim)
	is := fmt.Sprintf("spec.storage.size is %s and the claim %s requests %s", wanted.String(), ClaimName, request.String())
	switch {
	case claim.Status.Phase == corev1.ClaimLost:
		return is + ": the claim has lost its volume, so its size cannot change; restore the volume, or delete the claim to begin with an empty one"
	case claim.Status.Phase != corev1.ClaimBound:
		return is + ": the size of a claim cannot change before it is bound; the operator changes it then"
	case request.Cmp(capacity) > 0:
		return fmt.Sprintf("%s: its volume still has %s, and a request can only be lowered to more than that; to cancel the expansion, set spec.storage.size to a little more than %[2]s", is, capacity.String())
	}
	return fmt.Sprintf("%s: its volume has %s, so it need not grow; set spec.storage.size to %s, or to more than %[2]s to grow the volume", is, capacity.String(), request.String())
}

// claim returns the claim of the gateway's volume. The StatefulSet could create it from its template, but a claim that is
// created here records from the start which version uses it, and can grow. Fields that a claim cannot change keep their
// values.
func claim(t Tenant, volume Volume, held bool) *coreac.PersistentVolumeClaimApplyConfiguration {
	claim := template[coreac.PersistentVolumeClaimApplyConfiguration]("persistentvolumeclaim")
	claim.WithAnnotations(map[string]string{annotationHighestVersion: t.highest(volume, held).String()})
	if path := t.recordedKeyPath(volume); path != "" {
		claim.WithAnnotations(map[string]string{annotationKeyPath: path})
	}
	if values, unknown := t.keptValues(volume); unknown == "" {
		claim.WithAnnotations(map[string]string{annotationGatewayID: values.GatewayID, annotationSideloadMethod: values.SideloadMethod})
	}
	live, class := volume.Claim, t.storage.StorageClassName
	if class != "" && (live == nil || hasClass(live, class)) {
		claim.Spec.WithStorageClassName(class)
	}
	if live == nil {
		if size, err := resource.ParseQuantity(t.storage.Size); err == nil {
			claim.Spec.Resources.WithRequests(corev1.ResourceList{corev1.ResourceStorage: size})
		}
		return claim
	}
	claim.Spec.AccessModes = live.Spec.AccessModes
	if claim.Spec.StorageClassName == nil && namedClass(live) {
		claim.Spec.StorageClassName = live.Spec.StorageClassName
	}
	claim.Spec.Resources.WithRequests(live.Spec.Resources.Requests)
	if size := t.request(live); !size.Equal(live.Spec.Resources.Requests[corev1.ResourceStorage]) {
		claim.Spec.Resources.WithRequests(corev1.ResourceList{corev1.ResourceStorage: size})
	}
	return claim
}

// WithSizeOf returns a rendered claim with the size that the existing claim requests.
func WithSizeOf(rendered *unstructured.Unstructured, live *corev1.PersistentVolumeClaim) *unstructured.Unstructured {
	size, sized := live.Spec.Resources.Requests[corev1.ResourceStorage]
	if !sized {
		return rendered
	}
	kept := rendered.DeepCopy()
	if err := unstructured.SetNestedField(kept.Object, size.String(), "spec", "resources", "requests", string(corev1.ResourceStorage)); err != nil {
		panic(err) // rendered by this package: cannot fail
	}
	return kept
}

// namedClass reports whether the operator has set the claim's storage class. Such a class cannot be removed. A default that
// the cluster chose is not set by the operator.
func namedClass(live *corev1.PersistentVolumeClaim) bool {
	return slices.ContainsFunc(live.ManagedFields, func(entry metav1.ManagedFieldsEntry) bool {
		return entry.Manager == Manager && entry.FieldsV1 != nil && bytes.Contains(entry.FieldsV1.GetRawBytes(), []byte(`"f:storageClassName"`))
	})
}

// claimOwner returns the claim's owner references: the GatewayTenant, if the claim is deleted with it.
func claimOwner(t Tenant) []metav1.OwnerReference {
	if t.storage.WhenDeleted == v1alpha1.WhenDeletedDelete {
		return []metav1.OwnerReference{Owner(t.UID)}
	}
	return nil
}

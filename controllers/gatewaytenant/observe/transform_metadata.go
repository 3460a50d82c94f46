package observe

import (
	"slices"
	"strings"
	"unique"

	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// LabelPodSecurity is the label of a namespace that sets which pods are rejected in it.
const LabelPodSecurity = "pod-security.kubernetes.io/enforce"

// AnnotationHelmRelease is Helm's, on all objects of a release.
const AnnotationHelmRelease = "meta.helm.sh/release-name"

// How much is kept of what other clients write. Each bound exceeds what any status shows, and every value that is compared: a
// value that was truncated equals none of those.
const (
	maxMessage          = 2 << 10 // bytes of a message
	maxName             = 512     // bytes of a name, a reason, a uid or an image
	maxContainers       = 8       // of a pod
	maxInitContainers   = 4       // of a pod, of those that have not completed
	maxFinalizers       = 4       // of an object that is being deleted
	maxSecretAnnotation = 16 << 10
	maxFileKeys         = 32 // of a ConfigMap, each of at most 253 bytes
	maxRequests         = 8  // of a volume claim: if it has more, only the size is kept
)

// first returns at most n bytes of the beginning of a text, without keeping the rest in memory.
func first(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(strings.Clone(text[:n]), "")
}

// last returns at most n bytes of the end of a text, without keeping the rest in memory.
func last(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(strings.Clone(text[len(text)-n:]), "")
}

// appLabels is all that is kept of labels: it shows whether an object belongs to a gateway.
var appLabels = map[string]string{manifests.LabelName: manifests.AppName}

// annotationsKept are the annotations of an object that the operator reads.
var annotationsKept = append(slices.Clone(manifests.ObjectAnnotations), AnnotationHelmRelease)

// keepMetadata keeps the parts of an object's metadata that the operator reads.
func keepMetadata(object any) (any, error) {
	metadata, err := meta.Accessor(object)
	if err != nil {
		return object, nil //nolint:nilerr // an object without metadata
	}
	kept := map[string]string(nil)
	if metadata.GetLabels()[manifests.LabelName] == manifests.AppName {
		kept = appLabels
	}
	metadata.SetLabels(kept)
	metadata.SetAnnotations(apply.TrimAnnotations(metadata.GetAnnotations(), annotationsKept...))
	metadata.SetOwnerReferences(trimmedOwners(metadata.GetOwnerReferences()))
	metadata.SetFinalizers(keptFinalizers(metadata))
	apply.CompactHash(metadata)
	return object, nil
}

// keptFinalizers returns the first finalizers of an object that is being deleted. Before that they do not matter.
func keptFinalizers(object metav1.Object) []string {
	if object.GetDeletionTimestamp() == nil {
		return nil
	}
	var kept []string
	all := object.GetFinalizers()
	for _, finalizer := range all[:min(len(all), maxFinalizers)] {
		kept = append(kept, first(finalizer, maxName))
	}
	return kept
}

// restoring is all that is kept of the annotations of a namespace into which a backup is being restored.
var restoring = map[string]string{v1alpha1.AnnotationRestore: v1alpha1.RestoreInProgress}

// keepNamespace keeps of a namespace's metadata which Pod Security level it enforces, and whether a backup is being restored
// into it.
func keepNamespace(object any) (any, error) {
	if namespace, ok := object.(*metav1.PartialObjectMetadata); ok {
		annotations := map[string]string(nil)
		if v1alpha1.Restoring(namespace) {
			annotations = restoring
		}
		namespace.ManagedFields, namespace.Annotations, namespace.OwnerReferences, namespace.Finalizers = nil, annotations, nil, nil
		level, exists := namespace.Labels[LabelPodSecurity]
		if namespace.Labels = nil; exists {
			namespace.Labels = map[string]string{LabelPodSecurity: level}
		}
	}
	return object, nil
}

// keepTenant keeps the parts of a GatewayTenant's metadata that the operator reads.
func keepTenant(object any) (any, error) {
	if tenant, ok := object.(*v1alpha1.GatewayTenant); ok {
		labels := map[string]string(nil)
		if source, has := tenant.Labels[v1alpha1.LabelSource]; has {
			labels = map[string]string{v1alpha1.LabelSource: source}
		}
		tenant.Labels, tenant.Finalizers = labels, nil
		tenant.Annotations = apply.TrimAnnotations(tenant.Annotations, manifests.TenantAnnotations...)
		tenant.OwnerReferences = trimmedOwners(tenant.OwnerReferences)
	}
	return object, nil
}

// keepRoleBinding keeps the role of a binding, which is immutable, and drops its subjects.
func keepRoleBinding(object any) (any, error) {
	if binding, ok := object.(*rbacv1.RoleBinding); ok {
		binding.Subjects = nil
		binding.RoleRef = keptRole(binding.RoleRef)
	}
	return object, nil
}

// keptRole returns a role that all tenants share.
func keptRole(role rbacv1.RoleRef) rbacv1.RoleRef {
	return unique.Make(rbacv1.RoleRef{APIGroup: first(role.APIGroup, maxName), Kind: first(role.Kind, maxName), Name: first(role.Name, maxName)}).Value()
}

// keepSubjects keeps all subjects of a binding, because one is removed by its index.
func keepSubjects(object any) (any, error) {
	if binding, ok := object.(*rbacv1.ClusterRoleBinding); ok {
		binding.Labels, binding.Annotations, binding.OwnerReferences, binding.Finalizers, binding.ManagedFields = nil, nil, nil, nil, nil
	}
	return object, nil
}

// keepCRD drops the schemas, which are nearly all of a CRD.
func keepCRD(object any) (any, error) {
	crd, ok := object.(*apiextensionsv1.CustomResourceDefinition)
	if !ok {
		return object, nil
	}
	kept := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: crd.Name, UID: crd.UID, ResourceVersion: crd.ResourceVersion, DeletionTimestamp: crd.DeletionTimestamp}}
	for _, version := range crd.Spec.Versions {
		kept.Spec.Versions = append(kept.Spec.Versions, apiextensionsv1.CustomResourceDefinitionVersion{Name: version.Name, Served: version.Served})
	}
	for _, condition := range crd.Status.Conditions {
		if condition.Type == apiextensionsv1.Established {
			kept.Status.Conditions = []apiextensionsv1.CustomResourceDefinitionCondition{{Type: condition.Type, Status: condition.Status}}
		}
	}
	return kept, nil
}

// trimmedOwners keeps the first owner, by which an object's fields are compacted, and the controller.
func trimmedOwners(owners []metav1.OwnerReference) []metav1.OwnerReference {
	var kept []metav1.OwnerReference
	for i, owner := range owners {
		isController := owner.Controller != nil && *owner.Controller
		if i > 0 && !isController {
			continue
		}
		kept = append(kept, trimmedOwner(owner))
		if isController { // the API server allows one
			break
		}
	}
	return kept
}

func trimmedOwner(owner metav1.OwnerReference) metav1.OwnerReference {
	return metav1.OwnerReference{
		APIVersion: first(owner.APIVersion, maxName), Kind: first(owner.Kind, maxName), Name: first(owner.Name, maxName),
		UID: types.UID(first(string(owner.UID), maxName)), Controller: owner.Controller, BlockOwnerDeletion: owner.BlockOwnerDeletion,
	}
}

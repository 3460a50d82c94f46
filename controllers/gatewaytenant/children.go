package gatewaytenant

import (
	"reflect"
	"slices"
	"sync/atomic"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/namedcache"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// childKey names an object of a tenant within its namespace.
type childKey struct{ kind, name string }

// child is one object of a tenant: what is kept of it and where from.
type child struct {
	childKey
	object    client.Object            // an empty one, of the type that is cached
	transform toolscache.TransformFunc // drops what need not be kept
}

// children are the namespaced objects that a gateway is made of. For most of them metadata is enough: it tells whether
// the object is there, whose it is, and through managedFields whether it still is as it was applied.
var children = []child{
	metadataOf(corev1.SchemeGroupVersion.WithKind("ServiceAccount"), manifests.GatewayName),
	metadataOf(corev1.SchemeGroupVersion.WithKind("ServiceAccount"), manifests.SandboxName),
	metadataOf(corev1.SchemeGroupVersion.WithKind("ServiceAccount"), manifests.CertgenName),
	metadataOf(rbacv1.SchemeGroupVersion.WithKind("RoleBinding"), manifests.SandboxName),
	metadataOf(rbacv1.SchemeGroupVersion.WithKind("RoleBinding"), manifests.CertgenName),
	metadataOf(corev1.SchemeGroupVersion.WithKind("ConfigMap"), manifests.ConfigName),
	metadataOf(networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy"), manifests.SandboxSSHName),
	metadataOf(networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy"), manifests.SandboxSSHLabelName),
	clientsPolicy,
	metadataOf(corev1.SchemeGroupVersion.WithKind("Service"), manifests.GatewayName),
	{childKey{"PersistentVolumeClaim", manifests.ClaimName}, &corev1.PersistentVolumeClaim{}, keepClaim},
	{childKey{"Job", manifests.CertgenName}, &batchv1.Job{}, keepJob},
	{childKey{"StatefulSet", manifests.GatewayName}, &appsv1.StatefulSet{}, keepStatefulSet},
	{childKey{"Secret", manifests.CAName}, &corev1.Secret{}, keepSecret},
	{childKey{"Secret", manifests.ServerTLSName}, &corev1.Secret{}, keepSecret},
	{childKey{"Secret", manifests.ClientTLSName}, &corev1.Secret{}, keepSecret},
	{childKey{"Secret", manifests.TokenKeysName}, &corev1.Secret{}, keepSecret},
}

// clientsPolicy is there only when the tenant asks for it.
var clientsPolicy = metadataOf(networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy"), manifests.ClientsName)

func metadataOf(gvk schema.GroupVersionKind, name string) child {
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(gvk)
	return child{childKey{gvk.Kind, name}, object, keepAll}
}

// keepStatefulSet drops the spec, but for the gateway's image and the hash of its gateway.toml: whether it is as it should be
// is in the metadata. Of the status, it drops what is not looked at.
func keepStatefulSet(object any) (any, error) {
	if set, ok := object.(*appsv1.StatefulSet); ok {
		image, hash := gatewayImage(set), set.Spec.Template.Annotations[manifests.AnnotationConfigHash]
		set.Spec, set.Status = appsv1.StatefulSetSpec{}, trimmedStatefulSetStatus(set.Status)
		if hash != "" {
			set.Spec.Template.Annotations = map[string]string{manifests.AnnotationConfigHash: hash}
		}
		set.Spec.Template.Spec.Containers = []corev1.Container{{Name: manifests.GatewayName, Image: image}}
	}
	return object, nil
}

// gatewayImage is the image of the gateway in a StatefulSet, empty if it has none.
func gatewayImage(set *appsv1.StatefulSet) string {
	for _, container := range set.Spec.Template.Spec.Containers {
		if container.Name == manifests.GatewayName {
			return first(container.Image, maxName)
		}
	}
	return ""
}

// keepClaim drops what of a claim is neither kept as it is nor looked at. Its size takes 1 KiB, and is that of most others.
func keepClaim(object any) (any, error) {
	if claim, ok := object.(*corev1.PersistentVolumeClaim); ok {
		size := corev1.VolumeResourceRequirements{Requests: claim.Spec.Resources.Requests}
		if len(size.Requests) > maxRequests {
			size.Requests = corev1.ResourceList{corev1.ResourceStorage: size.Requests[corev1.ResourceStorage]}
		}
		if last := lastSize.Load(); last != nil && reflect.DeepEqual(*last, size) {
			size = *last
		} else {
			lastSize.Store(&size)
		}
		claim.Spec = corev1.PersistentVolumeClaimSpec{AccessModes: claim.Spec.AccessModes, Resources: size, StorageClassName: claim.Spec.StorageClassName}
		capacity := size.Requests // that of most volumes; a map of its own takes memory
		if is := claim.Status.Capacity[corev1.ResourceStorage]; !is.Equal(size.Requests[corev1.ResourceStorage]) {
			capacity = nil
			if !is.IsZero() {
				capacity = corev1.ResourceList{corev1.ResourceStorage: is}
			}
		}
		claim.Status = corev1.PersistentVolumeClaimStatus{Phase: claim.Status.Phase, Capacity: capacity}
	}
	return object, nil
}

// lastSize is that of the claim that was seen last. It is shared, and must not be changed.
var lastSize atomic.Pointer[corev1.VolumeResourceRequirements]

// keepJob drops the spec, as of a StatefulSet, and what of the status is not looked at.
func keepJob(object any) (any, error) {
	if job, ok := object.(*batchv1.Job); ok {
		job.Spec, job.Status = batchv1.JobSpec{}, trimmedJob(job.Status)
	}
	return object, nil
}

// watchedChildren are these, and what an earlier control plane may have left beside them.
func watchedChildren() []child {
	return append(append(slices.Clone(children), leftovers...), otherWorkload)
}

// childCaches makes a cache for each child, filled from the given namespaces or, if there are none, from all.
func childCaches(mgr manager.Manager, namespaces namedcache.Namespaces) (map[childKey]cache.Cache, error) {
	caches := make(map[childKey]cache.Cache, len(children))
	for _, c := range watchedChildren() {
		named, err := namedcache.New(mgr, c.object, c.name, c.kept(), namespaces)
		if err != nil {
			return nil, err
		}
		caches[c.childKey] = named
	}
	return caches, nil
}

// kept returns the transform of the child's cache. Of a Secret, certificates.Transform decides which metadata is kept.
func (c child) kept() toolscache.TransformFunc {
	if _, is := c.object.(*corev1.Secret); is {
		return compacted(c.transform)
	}
	return compacted(keepMetadata, c.transform)
}

// compacted drops what each of drops does, and keeps once what is left and equal in many objects.
func compacted(drops ...toolscache.TransformFunc) toolscache.TransformFunc {
	compactor := apply.NewCompactor(manifests.Manager, manifests.BridgeManager)
	return func(object any) (any, error) {
		for _, drop := range drops {
			var err error
			if object, err = drop(object); err != nil {
				return nil, err
			}
		}
		if metadata, err := meta.Accessor(object); err == nil {
			compactor.Compact(metadata)
		}
		return object, nil
	}
}

// ours is all that is kept of labels: it tells whether an object is a gateway's.
var ours = map[string]string{manifests.LabelName: manifests.AppName}

// keepMetadata drops what of an object's metadata is not looked at, such as other labels, and annotations that are
// neither the operator's own nor the one by which Helm knows what a release made.
func keepMetadata(object any) (any, error) {
	metadata, err := meta.Accessor(object)
	if err != nil {
		return object, nil //nolint:nilerr // what is no object has no metadata
	}
	kept := map[string]string(nil)
	if metadata.GetLabels()[manifests.LabelName] == manifests.AppName {
		kept = ours
	}
	metadata.SetLabels(kept)
	metadata.SetAnnotations(apply.TrimAnnotations(metadata.GetAnnotations(), annotationsKept...))
	metadata.SetOwnerReferences(trimmedOwners(metadata.GetOwnerReferences()))
	metadata.SetFinalizers(nil)
	apply.CompactHash(metadata)
	return object, nil
}

// annotationsKept are those of an object's annotations that are looked at.
var annotationsKept = append(slices.Clone(manifests.ObjectAnnotations), annotationHelmRelease)

// keepAll drops nothing.
func keepAll(object any) (any, error) { return object, nil }

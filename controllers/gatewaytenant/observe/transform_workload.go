package observe

import (
	"reflect"
	"slices"
	"sync/atomic"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// keepStatefulSet keeps of the spec only the gateway's image, the hash and the key of its gateway.toml and a number of replicas other than the one
// that is applied, since the metadata shows whether the rest is as it was applied. It drops the parts of the status that the operator does not use.
func keepStatefulSet(object any) (any, error) {
	if set, ok := object.(*appsv1.StatefulSet); ok {
		image, annotations := gatewayImage(set), map[string]string{}
		for _, name := range []string{manifests.AnnotationConfigHash, manifests.AnnotationConfigKey} {
			if value, has := set.Spec.Template.Annotations[name]; has {
				annotations[name] = first(value, maxName)
			}
		}
		replicas := set.Spec.Replicas
		if replicas != nil && *replicas == 1 {
			replicas = nil
		}
		set.Spec, set.Status = appsv1.StatefulSetSpec{Replicas: replicas}, trimmedStatefulSetStatus(set.Status)
		if len(annotations) > 0 {
			set.Spec.Template.Annotations = annotations
		}
		set.Spec.Template.Spec.Containers = []corev1.Container{{Name: manifests.GatewayName, Image: image}}
	}
	return object, nil
}

// gatewayImage returns the image of the gateway in a StatefulSet. It is empty if there is no such container.
func gatewayImage(set *appsv1.StatefulSet) string {
	for _, container := range set.Spec.Template.Spec.Containers {
		if container.Name == manifests.GatewayName {
			return first(container.Image, maxName)
		}
	}
	return ""
}

// keepClaims returns a transform that keeps the size, the class and the state of claims. The size of the last one is shared by all
// that have the same, since it takes most of the memory of a claim, and must not be modified.
func keepClaims() toolscache.TransformFunc {
	var last atomic.Pointer[corev1.VolumeResourceRequirements]
	return func(object any) (any, error) {
		claim, ok := object.(*corev1.PersistentVolumeClaim)
		if !ok {
			return object, nil
		}
		size := &corev1.VolumeResourceRequirements{Requests: claim.Spec.Resources.Requests}
		if len(size.Requests) > maxRequests {
			size.Requests = corev1.ResourceList{corev1.ResourceStorage: size.Requests[corev1.ResourceStorage]}
		}
		if shared := last.Load(); shared != nil && reflect.DeepEqual(shared, size) {
			size = shared
		} else {
			last.Store(size)
		}
		claim.Spec = corev1.PersistentVolumeClaimSpec{AccessModes: claim.Spec.AccessModes, Resources: *size, StorageClassName: claim.Spec.StorageClassName}
		claim.Status = corev1.PersistentVolumeClaimStatus{Phase: claim.Status.Phase, Capacity: keptCapacity(claim.Status.Capacity, size.Requests)}
		return claim, nil
	}
}

// keptCapacity returns the size of a volume. For most volumes it is what the claim requests, and a map of its own takes memory.
func keptCapacity(capacity, requests corev1.ResourceList) corev1.ResourceList {
	is := capacity[corev1.ResourceStorage]
	switch {
	case is.Equal(requests[corev1.ResourceStorage]):
		return requests
	case is.IsZero():
		return nil
	}
	return corev1.ResourceList{corev1.ResourceStorage: is}
}

// keepJob drops the spec, as keepStatefulSet does, and the parts of the status that the operator does not use.
func keepJob(object any) (any, error) {
	if job, ok := object.(*batchv1.Job); ok {
		job.Spec, job.Status = batchv1.JobSpec{}, trimmedJob(job.Status)
	}
	return object, nil
}

// trimmedJob keeps how many pods of a Job run and have failed, and whether it has ended or is suspended.
func trimmedJob(is batchv1.JobStatus) batchv1.JobStatus {
	kept := batchv1.JobStatus{StartTime: is.StartTime, Active: is.Active, Failed: is.Failed, Succeeded: is.Succeeded}
	for _, want := range []batchv1.JobConditionType{batchv1.JobComplete, batchv1.JobFailed, batchv1.JobSuspended} {
		if i := slices.IndexFunc(is.Conditions, func(c batchv1.JobCondition) bool { return c.Type == want && c.Status == corev1.ConditionTrue }); i >= 0 {
			condition := is.Conditions[i]
			kept.Conditions = append(kept.Conditions, batchv1.JobCondition{
				Type: want, Status: corev1.ConditionTrue, LastTransitionTime: condition.LastTransitionTime,
				Reason: first(condition.Reason, maxName), Message: first(condition.Message, maxMessage),
			})
		}
	}
	return kept
}

// trimmedStatefulSetStatus drops the parts of a StatefulSet's status that can hold arbitrary text.
func trimmedStatefulSetStatus(is appsv1.StatefulSetStatus) appsv1.StatefulSetStatus {
	is.Conditions, is.CollisionCount = nil, nil
	is.CurrentRevision, is.UpdateRevision = first(is.CurrentRevision, maxName), first(is.UpdateRevision, maxName)
	return is
}

// keepSecret keeps of a Secret what certificates.Transform does, with bounded owners and annotations. The longest annotation
// names a handful of certificate authorities.
func keepSecret(object any) (any, error) {
	transformed, err := certificates.Transform(object)
	if err != nil {
		return nil, err
	}
	if secret, ok := transformed.(*corev1.Secret); ok {
		for i, owner := range secret.OwnerReferences { // Transform has kept only the relevant ones
			secret.OwnerReferences[i] = trimmedOwner(owner)
		}
		secret.Finalizers = keptFinalizers(secret)
		for name, value := range secret.Annotations {
			if len(value) > maxSecretAnnotation {
				secret.Annotations[name] = first(value, maxSecretAnnotation)
			}
		}
	}
	return transformed, nil
}

package gatewaytenant

import (
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// How much is kept of what other clients write. Each bound is more than any status shows, and more than any value that is
// compared has: a value that was cut equals none of those.
const (
	maxMessage          = 2 << 10 // of a message
	maxName             = 512     // of a name, a reason, a uid or an image
	maxContainers       = 8       // of a pod
	maxInitContainers   = 4       // of a pod, of those that have not completed
	maxFinalizers       = 4       // of a pod
	maxSecretAnnotation = 16 << 10
	maxRequests         = 8 // of a volume claim: if it has more, only the size is kept
)

// first returns at most n bytes of the beginning of a text, without keeping the rest of it in memory.
func first(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(strings.Clone(text[:n]), "")
}

// last returns at most n bytes of the end of a text, without keeping the rest of it in memory.
func last(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(strings.Clone(text[len(text)-n:]), "")
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

// trimmedConditions keeps those of a pod's conditions that have these types.
func trimmedConditions(conditions []corev1.PodCondition, types ...corev1.PodConditionType) []corev1.PodCondition {
	var kept []corev1.PodCondition
	for _, want := range types {
		if i := slices.IndexFunc(conditions, func(c corev1.PodCondition) bool { return c.Type == want }); i >= 0 {
			is := conditions[i]
			kept = append(kept, corev1.PodCondition{
				Type: is.Type, Status: corev1.ConditionStatus(first(string(is.Status), maxName)), LastTransitionTime: is.LastTransitionTime,
				Reason: first(is.Reason, maxName), Message: first(is.Message, maxMessage),
			})
		}
	}
	return kept
}

// trimNotReady keeps of a pod that is not ready what explains why it is not.
func trimNotReady(kept, pod *corev1.Pod) {
	kept.Spec.NodeName, kept.Spec.RestartPolicy = first(pod.Spec.NodeName, maxName), pod.Spec.RestartPolicy
	for _, finalizer := range pod.Finalizers[:min(len(pod.Finalizers), maxFinalizers)] {
		kept.Finalizers = append(kept.Finalizers, first(finalizer, maxName))
	}
	kept.Spec.InitContainers, kept.Spec.Containers = trimmedSpecs(pod.Spec.InitContainers), trimmedSpecs(pod.Spec.Containers)
	kept.Status.StartTime = pod.Status.StartTime
	kept.Status.Reason, kept.Status.Message = first(pod.Status.Reason, maxName), first(pod.Status.Message, maxMessage)
	kept.Status.Conditions = trimmedConditions(pod.Status.Conditions, corev1.PodReady, corev1.ContainersReady, corev1.PodScheduled, corev1.DisruptionTarget)
	for i := range pod.Status.InitContainerStatuses {
		is := &pod.Status.InitContainerStatuses[i]
		if completed := is.State.Terminated != nil && is.Ready; !completed && len(kept.Status.InitContainerStatuses) < maxInitContainers {
			kept.Status.InitContainerStatuses = append(kept.Status.InitContainerStatuses, trimmedContainer(is, false))
		}
	}
}

// trimmedSpecs keeps of containers whether they are sidecars, and how much memory they may use.
func trimmedSpecs(containers []corev1.Container) []corev1.Container {
	var kept []corev1.Container
	for i := range containers {
		is := &containers[i]
		if len(kept) >= maxContainers && is.Name != manifests.GatewayName {
			continue
		}
		one := corev1.Container{Name: first(is.Name, maxName), RestartPolicy: is.RestartPolicy}
		if limit, has := is.Resources.Limits[corev1.ResourceMemory]; has {
			one.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: limit}
		}
		kept = append(kept, one)
	}
	return kept
}

// trimmedEvent keeps what an Event reports, and when it did so first and last. Newer clients leave both timestamps empty and
// give the times in other fields.
func trimmedEvent(event *corev1.Event, about types.UID) corev1.Event {
	begin, last := event.FirstTimestamp, event.LastTimestamp
	if begin.IsZero() {
		begin = metav1.NewTime(event.EventTime.Time)
	}
	switch {
	case !last.IsZero():
	case event.Series != nil:
		last = metav1.NewTime(event.Series.LastObservedTime.Time)
	default:
		last = metav1.NewTime(event.EventTime.Time)
	}
	return corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: first(event.Name, maxName)},
		InvolvedObject: corev1.ObjectReference{UID: about, FieldPath: first(event.InvolvedObject.FieldPath, maxName)},
		Reason:         first(event.Reason, maxName), Message: first(event.Message, maxMessage), FirstTimestamp: begin, LastTimestamp: last,
	}
}

// trimmedContainer keeps what a container runs and, unless its pod is ready, why it does not.
func trimmedContainer(is *corev1.ContainerStatus, podReady bool) corev1.ContainerStatus {
	kept := corev1.ContainerStatus{Name: first(is.Name, maxName), Image: first(is.Image, maxName), Ready: is.Ready || podReady}
	if podReady {
		return kept
	}
	kept.State.Running, kept.Started, kept.RestartCount = is.State.Running, is.Started, is.RestartCount
	if waiting := is.State.Waiting; waiting != nil {
		kept.State.Waiting = &corev1.ContainerStateWaiting{Reason: first(waiting.Reason, maxName), Message: first(waiting.Message, maxMessage)}
	}
	kept.State.Terminated = trimmedEnd(is.State.Terminated)
	kept.LastTerminationState.Terminated = trimmedEnd(is.LastTerminationState.Terminated)
	return kept
}

// trimmedEnd keeps how a container ended. The end of its termination message says most.
func trimmedEnd(is *corev1.ContainerStateTerminated) *corev1.ContainerStateTerminated {
	if is == nil {
		return nil
	}
	return &corev1.ContainerStateTerminated{
		ExitCode: is.ExitCode, Signal: is.Signal, Reason: first(is.Reason, maxName), Message: last(is.Message, maxMessage),
		StartedAt: is.StartedAt, FinishedAt: is.FinishedAt,
	}
}

// trimmedJob keeps when a Job started, how many pods of it run and have failed, and whether it has ended.
func trimmedJob(is batchv1.JobStatus) batchv1.JobStatus {
	kept := batchv1.JobStatus{StartTime: is.StartTime, Active: is.Active, Failed: is.Failed, Succeeded: is.Succeeded}
	for _, want := range []batchv1.JobConditionType{batchv1.JobComplete, batchv1.JobFailed} {
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

// keepTenant drops what of a GatewayTenant's metadata is not looked at.
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

// keepSubjects keeps all subjects of a binding, because one is removed by its index.
func keepSubjects(object any) (any, error) {
	if binding, ok := object.(*rbacv1.ClusterRoleBinding); ok {
		binding.Labels, binding.Annotations, binding.OwnerReferences, binding.Finalizers, binding.ManagedFields = nil, nil, nil, nil, nil
	}
	return object, nil
}

// keepSecret keeps of a Secret what certificates.Transform does, with bounded owners and annotations. The longest annotation
// names 32 certificate authorities.
func keepSecret(object any) (any, error) {
	stripped, err := certificates.Transform(object)
	if err != nil {
		return nil, err
	}
	if secret, ok := stripped.(*corev1.Secret); ok {
		for i, owner := range secret.OwnerReferences { // Strip has left those that count
			secret.OwnerReferences[i] = trimmedOwner(owner)
		}
		for name, value := range secret.Annotations {
			if len(value) > maxSecretAnnotation {
				secret.Annotations[name] = first(value, maxSecretAnnotation)
			}
		}
	}
	return stripped, nil
}

package observe

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// keepPod keeps the owner of a pod, the revision and the gateway.toml that it runs, whether it is ready or being evicted and, if it is not ready, why.
func keepPod(object any) (any, error) {
	if pod, ok := object.(*corev1.Pod); ok {
		return trimmedPod(pod), nil
	}
	return object, nil
}

// trimmedPod is a copy of what keepPod keeps.
func trimmedPod(pod *corev1.Pod) *corev1.Pod {
	kept := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
		OwnerReferences: trimmedOwners(pod.OwnerReferences), CreationTimestamp: pod.CreationTimestamp, DeletionTimestamp: pod.DeletionTimestamp,
	}}
	if revision, has := pod.Labels[appsv1.ControllerRevisionHashLabelKey]; has {
		kept.Labels = map[string]string{appsv1.ControllerRevisionHashLabelKey: revision}
	}
	if key, has := pod.Annotations[manifests.AnnotationConfigKey]; has {
		kept.Annotations = map[string]string{manifests.AnnotationConfigKey: first(key, maxName)}
	}
	kept.Status.Phase = corev1.PodPhase(first(string(pod.Status.Phase), maxName))
	if diagnose.IsReady(pod) {
		if kept.Status.Conditions = trimmedConditions(pod.Status.Conditions, corev1.DisruptionTarget); len(kept.Status.Conditions) > 0 {
			kept.Spec.NodeName = first(pod.Spec.NodeName, maxName)
		}
		kept.Status.Conditions = append(kept.Status.Conditions, corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue})
	} else {
		trimNotReady(kept, pod)
	}
	for i := range pod.Status.ContainerStatuses {
		if is := &pod.Status.ContainerStatuses[i]; len(kept.Status.ContainerStatuses) < maxContainers || is.Name == manifests.GatewayName {
			kept.Status.ContainerStatuses = append(kept.Status.ContainerStatuses, trimmedContainer(is, diagnose.IsReady(pod)))
		}
		if len(kept.Status.ContainerStatuses) > maxContainers {
			break
		}
	}
	return kept
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
	kept.Finalizers = keptFinalizers(pod)
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

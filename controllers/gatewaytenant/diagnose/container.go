package diagnose

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// slowStart is how much longer than other problems a container may take to become ready, and an init container to complete.
const slowStart = 5 * time.Second

// container is the status of one container of a pod, with what else is needed to explain it.
type container struct {
	*corev1.ContainerStatus
	pod     *corev1.Pod
	init    bool // an init container, which may be a sidecar
	sidecar bool // an init container that keeps running
}

// containersOf returns the containers of a pod: first the init containers in their order, then the gateway, then the others.
func containersOf(pod *corev1.Pod) []container {
	var all []container
	for i := range pod.Status.InitContainerStatuses {
		is := &pod.Status.InitContainerStatuses[i]
		sidecar := slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool {
			return c.Name == is.Name && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
		})
		all = append(all, container{is, pod, true, sidecar})
	}
	var others []container
	for i := range pod.Status.ContainerStatuses {
		one := container{ContainerStatus: &pod.Status.ContainerStatuses[i], pod: pod}
		if one.Name == manifests.GatewayName {
			all = append(all, one)
		} else {
			others = append(others, one)
		}
	}
	return append(all, others...)
}

// title returns how messages name the container.
func (c *container) title() string {
	switch {
	case c.sidecar:
		return "sidecar container " + c.Name
	case c.init:
		return "init container " + c.Name
	}
	return "container " + c.Name
}

// restarts reports whether the kubelet starts the container again if it has ended with that exit code.
func (c *container) restarts(code int32) bool {
	switch {
	case c.pod.Status.Phase == corev1.PodFailed || c.pod.Status.Phase == corev1.PodSucceeded:
		return false
	case c.sidecar || c.pod.Spec.RestartPolicy == corev1.RestartPolicyAlways || c.pod.Spec.RestartPolicy == "":
		return !c.init || c.sidecar || code != 0
	}
	return c.pod.Spec.RestartPolicy == corev1.RestartPolicyOnFailure && code != 0
}

// lastEnd returns how the container ended last, or nil if it has not ended.
func (c *container) lastEnd() *corev1.ContainerStateTerminated {
	if c.State.Terminated != nil {
		return c.State.Terminated
	}
	return c.LastTerminationState.Terminated
}

// wasReady reports whether a running container has been ready since its last start. How it ended before that explains nothing then.
// A kubelet sets the pod to not ready when the container ends, or when its readiness probe has failed several times.
func (c *container) wasReady() bool {
	const afterStart = 4 * time.Second
	ready := Condition(c.pod, corev1.PodReady)
	return ready != nil && ready.LastTransitionTime.Sub(c.State.Running.StartedAt.Time) > afterStart
}

// isStarting reports whether a container waits for its first start, as each container does.
func isStarting(waiting *corev1.ContainerStateWaiting) bool {
	return waiting.Reason == "ContainerCreating" || waiting.Reason == "PodInitializing"
}

// memoryLimit returns the container's memory limit as part of a message. It is empty if the limit is not known.
func (c *container) memoryLimit() string {
	for _, spec := range slices.Concat(c.pod.Spec.InitContainers, c.pod.Spec.Containers) {
		if limit, has := spec.Resources.Limits[corev1.ResourceMemory]; has && spec.Name == c.Name {
			return " of " + limit.String()
		}
	}
	return ""
}

// TerminationMessage returns the message with which the gateway of a pod ended last. It is empty if the gateway has not ended, and
// while it runs: the message of an earlier end does not show what the gateway has written since.
func TerminationMessage(pod *corev1.Pod) string {
	if pod == nil {
		return ""
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.Name != manifests.GatewayName || c.Ready {
			continue
		}
		if ended := c.State.Terminated; ended != nil {
			return ended.Message
		}
		if ended := c.LastTerminationState.Terminated; ended != nil && c.State.Running == nil {
			return ended.Message
		}
	}
	return ""
}

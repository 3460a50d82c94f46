package main

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// container is one of the containers of a pod: an init container by its index, or the first container.
type container int

const first container = -1

// spec returns the container in the spec of a pod.
func (c container) spec(pod *corev1.Pod) *corev1.Container {
	if c == first {
		return &pod.Spec.Containers[0]
	}
	return &pod.Spec.InitContainers[c]
}

// status returns the container in the status of a pod, or nil if that has none yet.
func (c container) status(status *corev1.PodStatus) *corev1.ContainerStatus {
	switch {
	case c == first && len(status.ContainerStatuses) > 0:
		return &status.ContainerStatuses[0]
	case c != first && len(status.InitContainerStatuses) > int(c):
		return &status.InitContainerStatuses[c]
	}
	return nil
}

// brokenInit returns the first init container that does not succeed, as the tag of its image says; -1 if all succeed.
func brokenInit(pod *corev1.Pod) int {
	return slices.IndexFunc(pod.Spec.InitContainers, func(c corev1.Container) bool {
		return neverPulls(c.Image) || crashes(c.Image) || hangs(c.Image)
	})
}

// runInit runs an init container that does not succeed.
func (k *kubelet) runInit(pod *corev1.Pod, m *memory, index int) (*corev1.PodStatus, time.Duration) {
	which, image := container(index), pod.Spec.InitContainers[index].Image
	switch {
	case neverPulls(image):
		return k.pull(pod, m, which, image)
	case crashes(image):
		return k.terminate(pod, m, which, end{code: 1, message: crashesByTag})
	}
	return initializing(pod, which), 0
}

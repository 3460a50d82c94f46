package gatewaytenant

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// terminationMessage returns the whole message with which a pod's gateway ended last, empty if it did not or is ready.
func terminationMessage(pod *corev1.Pod) string {
	if pod == nil {
		return ""
	}
	for _, container := range pod.Status.ContainerStatuses {
		if container.Name != manifests.GatewayName || container.Ready {
			continue
		}
		if ended := container.State.Terminated; ended != nil {
			return ended.Message
		}
		if ended := container.LastTerminationState.Terminated; ended != nil && container.State.Running == nil {
			return ended.Message
		}
	}
	return ""
}

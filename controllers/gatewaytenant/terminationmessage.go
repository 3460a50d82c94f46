package gatewaytenant

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// terminationMessage returns the message with which a pod's gateway ended last. It is empty if the gateway did not end, and
// while it runs: an earlier end does not tell what the gateway has written since.
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

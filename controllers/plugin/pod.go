package plugin

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
)

// podObject describes the gateway's pod.
func podObject(pod *corev1.Pod, now time.Time) Object {
	object := Object{Kind: "Pod", Name: pod.Name, State: Working, Message: strings.ToLower(string(pod.Status.Phase))}
	if diagnose.IsReady(pod) {
		object.State, object.Message = Good, "ready"
	}
	problem := diagnose.PodProblem(pod, now)
	switch {
	case problem != "":
		object.State, object.Message = Bad, problem
	case pod.DeletionTimestamp != nil:
		object.State, object.Message = Working, "is being deleted"
		return object
	}
	for _, container := range pod.Status.ContainerStatuses {
		object.Message += fmt.Sprintf(", %s", count(int(container.RestartCount), "restart", "restarts"))
	}
	return object
}

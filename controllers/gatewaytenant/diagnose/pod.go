package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
)

// Pod returns why a pod does not do its work, as far as the pod itself shows it. The most important problem comes first. All are
// returned, since one that is reported only after some time must not hide the others until then.
func Pod(pod *corev1.Pod) []Problem {
	all := []Problem{lostNode(pod), taintedNode(pod), silentNode(pod), heldByFinalizers(pod), Eviction(pod)}
	if pod.DeletionTimestamp == nil { // how the containers of a deleted pod end explains nothing
		containers := containersOf(pod)
		for i := range containers {
			all = append(all, containers[i].problem())
		}
		all = append(all, failed(pod), unscheduled(pod))
		for i := range containers {
			all = append(all, containers[i].notReady())
		}
		all = append(all, gated(pod))
	}
	return slices.DeleteFunc(all, Problem.IsZero)
}

// PodProblem returns the message of the problem that is reported of a pod. It is empty if there is none.
func PodProblem(pod *corev1.Pod, now time.Time) string {
	found, _ := FirstDue(Pod(pod), Grace, now)
	return message.Truncate(found.Message, message.MaxLength)
}

// failed returns why a pod has failed as a whole, such as that its node has no room for it.
func failed(pod *corev1.Pod) Problem {
	if pod.Status.Phase != corev1.PodFailed {
		return Problem{}
	}
	return Problem{
		Reason: v1alpha1.ReasonPodFailed, Remedy: describePod(pod),
		Message: message.WithDetail(fmt.Sprintf("the pod failed (%s)", pod.Status.Reason), message.Normalize(pod.Status.Message)),
	}
}

// gated returns which readiness gate keeps a pod from being ready.
func gated(pod *corev1.Pod) Problem {
	condition := Condition(pod, corev1.PodReady)
	if condition == nil || condition.Reason != "ReadinessGatesNotReady" {
		return Problem{}
	}
	return Problem{
		Reason: v1alpha1.ReasonPodNotReady, Since: condition.LastTransitionTime,
		Message: "a readiness gate is not ready: " + message.Normalize(condition.Message), Remedy: describePod(pod),
	}
}

// heldByFinalizers returns the problem of a deleted pod that stays because of its finalizers.
func heldByFinalizers(pod *corev1.Pod) Problem {
	if pod.DeletionTimestamp == nil || len(pod.Finalizers) == 0 {
		return Problem{}
	}
	return Problem{
		Reason: v1alpha1.ReasonPodStuck, Since: *pod.DeletionTimestamp,
		Message: "the pod is deleted, but stays because of its finalizers " + strings.Join(pod.Finalizers, ", ") + "; a new pod starts only after that",
		Remedy:  fmt.Sprintf("let their controllers remove them, or see: kubectl get pod %s -n %s -o yaml", pod.Name, pod.Namespace),
	}
}

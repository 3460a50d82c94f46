package diagnose

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
)

// disruption returns the reason why the cluster has decided to end a pod. It is empty if the cluster has not.
func disruption(pod *corev1.Pod) string {
	if is := Condition(pod, corev1.DisruptionTarget); is != nil && is.Status == corev1.ConditionTrue {
		return is.Reason
	}
	return ""
}

// evictions has the description of an eviction for each reason of a pod's condition DisruptionTarget.
var evictions = map[string]string{
	"EvictionByEvictionAPI":  "the pod was evicted from node %s, as kubectl drain does",
	"PreemptionByScheduler":  "the pod was removed from node %s to make room for a pod with a higher priority",
	"DeletionByTaintManager": "the pod was removed from node %s, which has a NoExecute taint that the pod does not tolerate",
	"TerminationByKubelet":   "the pod was ended by the kubelet of node %s",
	"DeletionByPodGC":        "the pod was removed, since node %s no longer exists",
}

// Eviction returns the problem of a pod that the cluster ends.
func Eviction(pod *corev1.Pod) Problem {
	is := Condition(pod, corev1.DisruptionTarget)
	if is == nil || is.Status != corev1.ConditionTrue || pod.DeletionTimestamp == nil && pod.Status.Phase != corev1.PodFailed {
		return Problem{}
	}
	format, known := evictions[is.Reason]
	if !known {
		format = "the pod was removed from node %s (" + strings.ReplaceAll(is.Reason, "%", "%%") + ")"
	}
	found := Problem{
		Reason: v1alpha1.ReasonPodEvicted, Message: fmt.Sprintf(format, pod.Spec.NodeName),
		Remedy: "a new pod starts as soon as a node takes it; " + describePod(pod),
	}
	if is.Reason == "TerminationByKubelet" || !known {
		found.Message = message.WithDetail(found.Message, message.Normalize(is.Message))
	}
	return found
}

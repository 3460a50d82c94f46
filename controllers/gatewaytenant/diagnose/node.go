package diagnose

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// slowCleanup is how much longer than other problems the cleanup after a pod that has ended may last before it is reported.
const slowCleanup = 20 * time.Second

// slowKubelet is how much longer than other problems it may last until a kubelet reports about a new pod: one that starts many
// pods, or lacks CPU, takes so long. A node that does not report at all counts as lost only after 50 seconds.
const slowKubelet = 20 * time.Second

// maxSilence is how long a node may take to confirm that a pod has ended that was deleted because of a taint. Kubernetes also
// regards a node as lost that does not report for so long.
const maxSilence = 50 * time.Second

// lostNode returns the problem of a pod whose node does not report, as the node controller has marked the pod.
func lostNode(pod *corev1.Pod) Problem {
	if !markedByNodeController(pod) {
		return Problem{}
	}
	return Problem{
		Reason: v1alpha1.ReasonNodeLost, Remedy: restoreNode(pod),
		Message: fmt.Sprintf("node %s is lost: it is not ready or does not report, so the state of the gateway there is unknown", pod.Spec.NodeName),
	}
}

// taintedNode returns the problem of a pod that was deleted because of a taint, and whose node has not confirmed its end for long.
// The node controller sets such a taint on a lost node, but people also set taints on nodes that work.
func taintedNode(pod *corev1.Pod) Problem {
	if pod.DeletionTimestamp == nil || len(pod.Finalizers) > 0 || hasEnded(pod) || disruption(pod) != "DeletionByTaintManager" {
		return Problem{}
	}
	return Problem{
		Reason: v1alpha1.ReasonNodeLost, Remedy: restoreNode(pod), Since: metav1.NewTime(pod.DeletionTimestamp.Add(maxSilence)),
		Message: fmt.Sprintf("the pod was deleted because of a taint, and node %s has not confirmed for %d seconds that it has ended", pod.Spec.NodeName, int(maxSilence.Seconds())),
	}
}

// silentNode returns the problem of a pod that its node does not start, or does not finish removing.
func silentNode(pod *corev1.Pod) Problem {
	node, scheduled := pod.Spec.NodeName, Condition(pod, corev1.PodScheduled)
	switch {
	case node == "":
	case pod.DeletionTimestamp != nil && len(pod.Finalizers) == 0 && hasEnded(pod):
		return Problem{
			Reason: v1alpha1.ReasonPodStuck, Remedy: describePod(pod), Since: metav1.NewTime(pod.DeletionTimestamp.Add(slowCleanup)),
			Message: fmt.Sprintf("the pod has ended, but node %s does not finish its cleanup, such as to unmount volumes, "+
				"and a new pod starts only after that", node),
		}
	case pod.DeletionTimestamp != nil && len(pod.Finalizers) == 0:
		found := Problem{
			Reason: v1alpha1.ReasonPodStuck, Since: *pod.DeletionTimestamp,
			Message: fmt.Sprintf("the pod is deleted, but node %s has not confirmed that it has ended, and a new pod starts only after that", node),
			Remedy:  fmt.Sprintf("it may only be slow; see: kubectl describe node %s; and: kubectl describe pod %s -n %s", node, pod.Name, pod.Namespace),
		}
		if hasLostNode(pod) {
			found.Reason, found.Remedy = v1alpha1.ReasonNodeLost, restoreNode(pod)
		}
		return found
	case pod.DeletionTimestamp == nil && pod.Status.StartTime == nil && scheduled != nil && scheduled.Status == corev1.ConditionTrue:
		return Problem{
			Reason: v1alpha1.ReasonNodeLost, Remedy: restoreNode(pod), Since: metav1.NewTime(scheduled.LastTransitionTime.Add(slowKubelet)),
			Message: fmt.Sprintf("the pod is assigned to node %s, but the kubelet there does not start it", node),
		}
	}
	return Problem{}
}

// hasLostNode reports whether a deleted pod shows that its node is lost, and not only slow: the node controller has marked the
// pod, the garbage collector has deleted it, or no kubelet has accepted it. A deletion because of a taint is no such sign, since
// people also set taints on nodes that work.
func hasLostNode(pod *corev1.Pod) bool {
	return markedByNodeController(pod) || disruption(pod) == "DeletionByPodGC" || pod.Status.StartTime == nil && len(pod.Status.ContainerStatuses) == 0
}

// hasEnded reports whether the kubelet has reported that all containers of a pod have ended.
func hasEnded(pod *corev1.Pod) bool {
	if len(pod.Status.ContainerStatuses) == 0 {
		return pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
	}
	return !slices.ContainsFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return c.State.Terminated == nil })
}

// markedByNodeController reports whether the node controller has set a pod to not ready because its node does not report.
// It leaves the rest of the status as the kubelet wrote it last: the containers are ready, and no reason is given.
func markedByNodeController(pod *corev1.Pod) bool {
	if pod.Status.Reason == "NodeLost" {
		return true
	}
	ready, containers := Condition(pod, corev1.PodReady), Condition(pod, corev1.ContainersReady)
	return ready != nil && ready.Status != corev1.ConditionTrue && ready.Reason == "" &&
		containers != nil && containers.Status == corev1.ConditionTrue && pod.Status.Phase == corev1.PodRunning
}

// restoreNode returns what to do about a pod on a node that does not report. Deleting it by force lets a new pod write to
// the volume while the previous pod may still do so.
func restoreNode(pod *corev1.Pod) string {
	return fmt.Sprintf("bring the node back (kubectl describe node %[1]s); if it is shut down and stays so, release the pod and its volume: "+
		"kubectl taint node %[1]s node.kubernetes.io/out-of-service=nodeshutdown:NoExecute; only if you know that the gateway no longer "+
		"runs there, since two gateways that write to one volume can destroy its database: kubectl delete pod %[2]s -n %[3]s --grace-period=0 --force",
		pod.Spec.NodeName, pod.Name, pod.Namespace)
}

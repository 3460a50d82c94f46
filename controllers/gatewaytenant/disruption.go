package gatewaytenant

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// slowCleanup is how much longer a node may clean up after a pod that has ended than other problems may last unreported.
const slowCleanup = 20 * time.Second

// slowKubelet is how much longer than another problem a kubelet may take until it reports about a new pod: one that starts many
// pods, or lacks CPU, takes so long. A node that does not report at all counts as lost only after 50 seconds.
const slowKubelet = 20 * time.Second

// silence is how long a node may take to confirm that a pod has ended which was deleted because of a taint: a node that does not
// report for so long counts as lost in Kubernetes, too.
const silence = 50 * time.Second

// conditionOf returns a condition of a pod, nil if it has none of this type.
func conditionOf(pod *corev1.Pod, condition corev1.PodConditionType) *corev1.PodCondition {
	if i := slices.IndexFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == condition }); i >= 0 {
		return &pod.Status.Conditions[i]
	}
	return nil
}

// lostNode returns the trouble of a pod whose node does not report, as the node controller has marked it in the pod.
func lostNode(pod *corev1.Pod) trouble {
	if !markedByNodeController(pod) {
		return trouble{}
	}
	return trouble{
		reason: v1alpha1.ReasonNodeLost, remedy: withoutNode(pod),
		words: fmt.Sprintf("node %s is lost: it is not ready or does not report, so the state of the gateway there is unknown", pod.Spec.NodeName),
	}
}

// taintedNode returns the trouble of a pod that was deleted because of a taint, and whose node has not confirmed its end for long.
// The node controller sets such a taint on a lost node, but people also set taints on nodes that work.
func taintedNode(pod *corev1.Pod) trouble {
	if pod.DeletionTimestamp == nil || len(pod.Finalizers) > 0 || hasEnded(pod) || disruption(pod) != "DeletionByTaintManager" {
		return trouble{}
	}
	return trouble{
		reason: v1alpha1.ReasonNodeLost, remedy: withoutNode(pod), since: metav1.NewTime(pod.DeletionTimestamp.Add(silence)),
		words: fmt.Sprintf("the pod was deleted because of a taint, and node %s has not confirmed for %d seconds that it has ended", pod.Spec.NodeName, int(silence.Seconds())),
	}
}

// silentNode returns the trouble of a pod that its node does not start, or does not finish removing.
func silentNode(pod *corev1.Pod) trouble {
	node, scheduled := pod.Spec.NodeName, conditionOf(pod, corev1.PodScheduled)
	switch {
	case node == "":
	case pod.DeletionTimestamp != nil && len(pod.Finalizers) == 0 && hasEnded(pod):
		return trouble{
			reason: v1alpha1.ReasonPodStuck, remedy: describePod(pod), since: metav1.NewTime(pod.DeletionTimestamp.Add(slowCleanup)),
			words: fmt.Sprintf("the pod has ended, but node %s does not finish its cleanup, such as to unmount volumes, "+
				"and a new pod starts only after that", node),
		}
	case pod.DeletionTimestamp != nil && len(pod.Finalizers) == 0:
		found := trouble{
			reason: v1alpha1.ReasonPodStuck, since: *pod.DeletionTimestamp,
			words:  fmt.Sprintf("the pod is deleted, but node %s has not confirmed that it has ended, and a new pod starts only after that", node),
			remedy: fmt.Sprintf("it may only be slow; see: kubectl describe node %s; and: kubectl describe pod %s -n %s", node, pod.Name, pod.Namespace),
		}
		if hasLostNode(pod) {
			found.reason, found.remedy = v1alpha1.ReasonNodeLost, withoutNode(pod)
		}
		return found
	case pod.DeletionTimestamp == nil && pod.Status.StartTime == nil && scheduled != nil && scheduled.Status == corev1.ConditionTrue:
		return trouble{
			reason: v1alpha1.ReasonNodeLost, remedy: withoutNode(pod), since: metav1.NewTime(scheduled.LastTransitionTime.Add(slowKubelet)),
			words: fmt.Sprintf("the pod is assigned to node %s, but the kubelet there does not start it", node),
		}
	}
	return trouble{}
}

// hasLostNode reports whether a deleted pod shows that its node is lost, and not only slow: the node controller has marked the
// pod, the garbage collector has deleted it, or no kubelet has accepted it. A deletion because of a taint is no such sign, since
// people also set taints on nodes that work.
func hasLostNode(pod *corev1.Pod) bool {
	return markedByNodeController(pod) || disruption(pod) == "DeletionByPodGC" || pod.Status.StartTime == nil && len(pod.Status.ContainerStatuses) == 0
}

// disruption returns why the cluster has decided to end a pod, empty if it has not.
func disruption(pod *corev1.Pod) string {
	if is := conditionOf(pod, corev1.DisruptionTarget); is != nil && is.Status == corev1.ConditionTrue {
		return is.Reason
	}
	return ""
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
	ready, containers := conditionOf(pod, corev1.PodReady), conditionOf(pod, corev1.ContainersReady)
	return ready != nil && ready.Status != corev1.ConditionTrue && ready.Reason == "" &&
		containers != nil && containers.Status == corev1.ConditionTrue && pod.Status.Phase == corev1.PodRunning
}

// withoutNode returns what to do about a pod on a node that does not report. Deleting it by force lets a new pod write to
// the volume while the previous pod may still do so.
func withoutNode(pod *corev1.Pod) string {
	return fmt.Sprintf("bring the node back (kubectl describe node %[1]s); if it is shut down and stays so, release the pod and its volume: "+
		"kubectl taint node %[1]s node.kubernetes.io/out-of-service=nodeshutdown:NoExecute; only if you know that the gateway no longer "+
		"runs there, since two gateways that write to one volume can destroy its database: kubectl delete pod %[2]s -n %[3]s --grace-period=0 --force",
		pod.Spec.NodeName, pod.Name, pod.Namespace)
}

// heldByFinalizers returns the trouble of a deleted pod that stays because of its finalizers.
func heldByFinalizers(pod *corev1.Pod) trouble {
	if pod.DeletionTimestamp == nil || len(pod.Finalizers) == 0 {
		return trouble{}
	}
	return trouble{
		reason: v1alpha1.ReasonPodStuck, since: *pod.DeletionTimestamp,
		words:  "the pod is deleted, but stays because of its finalizers " + strings.Join(pod.Finalizers, ", ") + "; a new pod starts only after that",
		remedy: fmt.Sprintf("let their controllers remove them, or see: kubectl get pod %s -n %s -o yaml", pod.Name, pod.Namespace),
	}
}

// evictions has the description of an eviction for each reason of a pod's condition DisruptionTarget.
var evictions = map[string]string{
	"EvictionByEvictionAPI":  "the pod was evicted from node %s, as kubectl drain does",
	"PreemptionByScheduler":  "the pod was removed from node %s to make room for a pod with a higher priority",
	"DeletionByTaintManager": "the pod was removed from node %s, which has a NoExecute taint that the pod does not tolerate",
	"TerminationByKubelet":   "the pod was ended by the kubelet of node %s",
	"DeletionByPodGC":        "the pod was removed, since node %s no longer exists",
}

// eviction returns the trouble of a pod that the cluster ends by itself.
func eviction(pod *corev1.Pod) trouble {
	is := conditionOf(pod, corev1.DisruptionTarget)
	if is == nil || is.Status != corev1.ConditionTrue || pod.DeletionTimestamp == nil && pod.Status.Phase != corev1.PodFailed {
		return trouble{}
	}
	format, known := evictions[is.Reason]
	if !known {
		format = "the pod was removed from node %s (" + strings.ReplaceAll(is.Reason, "%", "%%") + ")"
	}
	found := trouble{
		reason: v1alpha1.ReasonPodEvicted, words: fmt.Sprintf(format, pod.Spec.NodeName),
		remedy: "a new pod starts as soon as a node takes it; " + describePod(pod),
	}
	if is.Reason == "TerminationByKubelet" || !known {
		found.words = said("%s: %s", found.words, normalise(is.Message))
	}
	return found
}

// evicted records evictions by namespace until the gateway is ready again. A pod may no longer exist when its tenant is
// reconciled, and no other object has the reason.
type evicted struct{ of sync.Map }

// ofPod maps a pod to its tenant, and records its eviction.
func (e *evicted) ofPod(_ context.Context, object client.Object) []reconcile.Request {
	if pod, ok := object.(*corev1.Pod); ok {
		if found := eviction(pod); found != (trouble{}) {
			e.of.Store(pod.Namespace, found)
		}
	}
	return tenantIn(object.GetNamespace())
}

// last returns the eviction of the gateway's last pod, zero if it was not evicted.
func (e *evicted) last(namespace string) trouble {
	found, ok := e.of.Load(namespace)
	if !ok {
		return trouble{}
	}
	return found.(trouble)
}

func (e *evicted) forget(namespace string) { e.of.Delete(namespace) }

package status

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/workload"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// available reports on the StatefulSet and its pod: the StatefulSet must be the one that was rendered, and its pod must run it and
// be ready. Until a pod has been ready once, it is being started; later, something is wrong with it. While an update of the
// StatefulSet waits or fails, the pod that runs counts, and the condition Ready reports the rest.
func available(in Input) metav1.Condition {
	const condition, pod = v1alpha1.ConditionAvailable, manifests.PodName
	before := meta.FindStatusCondition(in.GatewayTenant.Status.Conditions, condition)
	is, set := in.Observed, in.Observed.StatefulSet
	starting := conditionFalse(condition, v1alpha1.ReasonRollingOut, "pod "+pod+" is being started")
	switch {
	case in.restoring() && (set == nil || !workload.Serves(set)): // what keeps it from serving may be what the backup has yet to bring
		return conditionFalse(condition, v1alpha1.ReasonRestoring, "the gateway does not serve, and a backup is being restored")
	case set == nil && in.Plan.Rejected != nil:
		return conditionUnknown(condition, v1alpha1.ReasonNotReconciled, "nothing runs: no spec was accepted so far")
	case set == nil && in.paused():
		return conditionFalse(condition, v1alpha1.ReasonSuspended, "nothing runs, and while spec.suspend is true, nothing will")
	case set == nil && in.Plan.AdoptionRefused && in.Err != nil:
		return conditionFalse(condition, reasonOf(in.Err), "nothing runs: the operator creates nothing as long as another owner has an object of the gateway; the condition Ready names it")
	case set == nil && !in.Plan.Certificates.Complete:
		return conditionFalse(condition, v1alpha1.ReasonWaitingForCertificates, "the StatefulSet waits for its Secrets")
	case set == nil && in.Err != nil && in.workloadIsUndone():
		return conditionFalse(condition, reasonOf(in.Err), "nothing runs: the StatefulSet is not created as long as something that the gateway needs cannot be applied or is missing; the condition Ready names it")
	case set == nil || !in.isAsRendered():
		return starting
	case in.podIsBeingReplaced():
		return conditionFalse(condition, v1alpha1.ReasonRollingOut, in.replacement())
	case !is.Problem.IsZero():
		return problem(before, in)
	case !workload.RolledOut(set):
		return starting
	case set.Status.ReadyReplicas > 0:
		return conditionTrue(condition, v1alpha1.ReasonAvailable, "pod "+pod+" is ready")
	case is.Pod != nil && is.Pod.DeletionTimestamp != nil:
		return conditionFalse(condition, v1alpha1.ReasonRollingOut, "pod "+pod+" is being deleted, and a new one starts when it has ended")
	case diagnose.RestartingWithoutError(is.Pod) != "":
		return conditionFalse(condition, v1alpha1.ReasonRollingOut, diagnose.RestartingWithoutError(is.Pod)+" ended without an error and is being started again")
	case is.Pod == nil || is.Pod.Status.Phase != corev1.PodRunning: // another pod than the one that was ready
	case before != nil && (before.Status == metav1.ConditionTrue || before.Reason == v1alpha1.ReasonPodNotReady):
		return conditionFalse(condition, v1alpha1.ReasonPodNotReady, "pod "+pod+" was ready and is no longer; see: kubectl describe pod "+pod+" -n "+in.Plan.Tenant.Namespace)
	}
	return starting
}

// isAsRendered reports whether the StatefulSet is the one that was rendered or, where it was not changed, the last one that was.
func (in Input) isAsRendered() bool {
	if in.Plan.Rejected != nil || in.paused() || in.Plan.Held || in.incomplete() || in.workloadIsUndone() || !in.Plan.RepairAt.IsZero() {
		return true
	}
	return in.Plan.Objects.Gateway != nil && apply.MatchesLastApplied(in.Plan.Objects.Gateway, in.Observed.StatefulSet)
}

// workloadIsUndone reports whether the StatefulSet should have been changed and was not.
func (in Input) workloadIsUndone() bool {
	return in.Plan.AdoptionRefused || slices.Contains(in.Undone, observe.Workload)
}

// podIsBeingReplaced reports whether the pod is about to be replaced by one of the StatefulSet's present template. What is wrong
// with the pod does not matter then, unless it prevents its removal.
func (in Input) podIsBeingReplaced() bool {
	pod, is := in.Observed.Pod, in.Observed.Problem
	stays := is.Reason == v1alpha1.ReasonNodeLost || is.Reason != "" && pod != nil && pod.DeletionTimestamp != nil
	return pod != nil && workload.IsOutdated(pod, in.Observed.StatefulSet) && !stays
}

// replacement describes what a pod is replaced by.
func (in Input) replacement() string {
	for _, container := range in.Observed.Pod.Status.ContainerStatuses {
		if image := in.Plan.Tenant.Image; image != "" && container.Image != image {
			return fmt.Sprintf("pod %s is being replaced: %s by %s", manifests.PodName, container.Image, image)
		}
	}
	return "pod " + manifests.PodName + " is being replaced"
}

// problem reports what is wrong with the gateway's pod, and what to do.
func problem(before *metav1.Condition, in Input) metav1.Condition {
	is := in.Observed.Problem
	beginning, end := truncate("pod "+manifests.PodName+": "+is.Message), "; "+is.Remedy
	if in.Plan.Slot == plan.SlotInUse {
		end += "; until it serves, it occupies one of the platform's rollout slots"
	}
	text := message.WithDetail(beginning, is.Output) + end
	if before != nil && before.Reason == is.Reason && before.ObservedGeneration == in.GatewayTenant.Generation &&
		strings.HasPrefix(before.Message, beginning) && strings.HasSuffix(before.Message, end) {
		// Only numbers in a log may differ from crash to crash. A kubelet has a registry's message only while it tries.
		again := is.Reason == v1alpha1.ReasonCrashLoop && message.EqualExceptNumbers(before.Message, text)
		if again || is.Reason == v1alpha1.ReasonImagePullFailed && is.Output == "" {
			text = before.Message
		}
	}
	return conditionFalse(v1alpha1.ConditionAvailable, is.Reason, text)
}

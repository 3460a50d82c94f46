package gatewaytenant

import (
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/workload"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// statusOf says where a tenant stands after a pass. It depends on nothing but its arguments; only the times of
// conditions that change are those of now.
func statusOf(gt *v1alpha1.GatewayTenant, p pass) v1alpha1.GatewayTenantStatus {
	status := *gt.Status.DeepCopy()
	status.ObservedGeneration = gt.Generation
	switch {
	case p.rejected != nil:
		// What ran before goes on running, so what the status says of it stays.
		set(&status, no(v1alpha1.ConditionAccepted, p.rejected.Reason, p.rejected.Message))
		if p.cutShort() {
			keep(&status, gt, p)
			break
		}
		set(&status, available(meta.FindStatusCondition(gt.Status.Conditions, v1alpha1.ConditionAvailable), p))
		if p.objects.Certgen != nil {
			certificatesStatus(&status, p)
		} else {
			set(&status, unknown(v1alpha1.ConditionCertificatesReady, v1alpha1.ReasonNotReconciled, "the spec was rejected"))
		}
	case p.cutShort() && p.seen.live != nil && gt.Status.ObservedGeneration == gt.Generation && meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionAccepted) != nil:
		keep(&status, gt, p)
	case p.seen.live == nil || p.cutShort():
		set(&status, yes(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "the spec is valid"))
		notSeen(&status, v1alpha1.ReasonNotReconciled, errorMessage(p.err))
	default:
		if status.Image = p.tenant.Image; p.held {
			status.Image = p.seen.volume.Image
		} else {
			status.Version = p.tenant.Version.String()
		}
		status.Endpoint = p.tenant.Endpoint()
		set(&status, accepted(p))
		certificatesStatus(&status, p)
		set(&status, available(meta.FindStatusCondition(gt.Status.Conditions, v1alpha1.ConditionAvailable), p))
	}
	if p.seen.live != nil && !p.cutShort() {
		setWarning(&status, p)
	}
	ready := readyOf(status, p)
	set(&status, ready)
	progress(&status, ready, p)
	setGeneration(&status)
	return status
}

// cutShort reports whether an error ended the reconcile before anything was rendered. The certificates were not inspected then,
// and nothing was compared with what should exist.
func (p *pass) cutShort() bool {
	return p.err != nil && p.objects.Foundation == nil && p.objects.Certgen == nil
}

// accepted says whether all of a spec is applied, or all but its storage.
func accepted(p pass) metav1.Condition {
	if p.rejectedStorage != nil {
		return no(v1alpha1.ConditionAccepted, p.rejectedStorage.Reason, p.storageMessage())
	}
	return yes(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "the spec is valid")
}

// storageMessage says why spec.storage is rejected, and that nothing else is.
func (p *pass) storageMessage() string {
	if p.suspended {
		return p.rejectedStorage.Message
	}
	return p.rejectedStorage.Message + "; the rest of the spec is applied"
}

// starting is how much longer it is not worth a write that a new gateway has its certificates: nearly every one serves a
// moment later, and that is written.
func starting(before, after v1alpha1.GatewayTenantStatus, set *appsv1.StatefulSet, grace time.Duration, now time.Time) time.Duration {
	was, is := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionReady), meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionReady)
	waited := was != nil && (was.Reason == v1alpha1.ReasonIssuing || was.Reason == v1alpha1.ReasonWaitingForCertificates)
	if !waited || is.Reason != v1alpha1.ReasonRollingOut || before.ObservedGeneration != after.ObservedGeneration {
		return 0
	}
	if set == nil {
		return grace // it was made in this pass
	}
	return grace - now.Sub(set.CreationTimestamp.Time)
}

// available looks at the StatefulSet and its pod: it must be the one that was rendered, and its pod must run it and be
// ready. Until it has been ready once, a pod that is not is being started; later, something is wrong with it.
func available(before *metav1.Condition, p pass) metav1.Condition {
	const condition, pod = v1alpha1.ConditionAvailable, manifests.PodName
	statefulSet := p.seen.statefulSet
	switch {
	case statefulSet == nil && p.rejected != nil:
		return unknown(condition, v1alpha1.ReasonNotReconciled, "nothing runs: no spec was accepted so far")
	case statefulSet == nil && p.suspended:
		return no(condition, v1alpha1.ReasonSuspended, "nothing runs, and while spec.suspend is true, nothing will")
	case statefulSet == nil && !p.certificates.Complete:
		return no(condition, v1alpha1.ReasonWaitingForCertificates, "the StatefulSet waits for its Secrets")
	case statefulSet == nil || !asAsked(p):
		return no(condition, v1alpha1.ReasonRollingOut, "pod "+pod+" is being started")
	case beingReplaced(p):
		return no(condition, v1alpha1.ReasonRollingOut, replacing(pod, p))
	case !p.seen.trouble.IsZero():
		return troubled(before, p)
	case !workload.RolledOut(statefulSet):
		return no(condition, v1alpha1.ReasonRollingOut, "pod "+pod+" is being started")
	case statefulSet.Status.ReadyReplicas > 0:
		return yes(condition, v1alpha1.ReasonAvailable, "pod "+pod+" is ready")
	case p.seen.pod != nil && p.seen.pod.DeletionTimestamp != nil:
		return no(condition, v1alpha1.ReasonRollingOut, "pod "+pod+" is being deleted, and a new one starts when it has ended")
	case diagnose.RestartingWithoutError(p.seen.pod) != "":
		return no(condition, v1alpha1.ReasonRollingOut, diagnose.RestartingWithoutError(p.seen.pod)+" ended without an error and is being started again")
	case p.seen.pod == nil || p.seen.pod.Status.Phase != corev1.PodRunning: // it is another pod than the one that was ready
	case before != nil && (before.Status == metav1.ConditionTrue || before.Reason == v1alpha1.ReasonPodNotReady):
		return no(condition, v1alpha1.ReasonPodNotReady, "pod "+pod+" was ready and is no longer; see: kubectl describe pod "+pod+" -n "+p.tenant.Namespace)
	}
	return no(condition, v1alpha1.ReasonRollingOut, "pod "+pod+" is being started")
}

// beingReplaced reports whether the pod is about to be replaced by one that runs what the StatefulSet asks for. What is wrong
// with it no longer matters then, unless it keeps the pod from going.
func beingReplaced(p pass) bool {
	pod, is := p.seen.pod, p.seen.trouble
	stays := is.Reason == v1alpha1.ReasonNodeLost || is.Reason != "" && pod != nil && pod.DeletionTimestamp != nil
	return pod != nil && former(pod, p.seen.statefulSet) && !stays
}

// replacing says what a pod is replaced by.
func replacing(pod string, p pass) string {
	for _, container := range p.seen.pod.Status.ContainerStatuses {
		if image := p.tenant.Image; image != "" && container.Image != image {
			return fmt.Sprintf("pod %s is being replaced: %s by %s", pod, container.Image, image)
		}
	}
	return "pod " + pod + " is being replaced"
}

// troubled returns what is wrong with the gateway's pod, and what to do.
func troubled(before *metav1.Condition, p pass) metav1.Condition {
	is := p.seen.trouble
	beginning, end := message.Truncate("pod "+manifests.PodName+": "+is.Message, message.MaxLength), "; "+is.Remedy
	if p.rejected == nil && !p.suspended && workload.Rolling(p.seen.statefulSet) {
		end += "; until it serves, it occupies one of the platform's rollout slots"
	}
	text := message.WithDetail(beginning, is.Output) + end
	if before != nil && before.Reason == is.Reason && before.ObservedGeneration == p.generation &&
		strings.HasPrefix(before.Message, beginning) && strings.HasSuffix(before.Message, end) {
		// Of a log, nothing but numbers may differ at each crash. A kubelet reports a registry's message at the attempt only.
		again := is.Reason == v1alpha1.ReasonCrashLoop && message.EqualExceptNumbers(before.Message, text)
		if again || is.Reason == v1alpha1.ReasonImagePullFailed && is.Output == "" {
			text = before.Message
		}
	}
	return no(v1alpha1.ConditionAvailable, is.Reason, text)
}

// asAsked tells whether the StatefulSet is the one that was rendered or, where nothing of the spec is
// applied, the last one that was.
func asAsked(p pass) bool {
	return p.rejected != nil || p.suspended || p.held || p.cutShort() || p.objects.Gateway != nil && apply.MatchesLastApplied(p.objects.Gateway, p.seen.statefulSet)
}

// readyOf sums up: what went wrong while applying, or else the first condition that is not true.
func readyOf(status v1alpha1.GatewayTenantStatus, p pass) metav1.Condition {
	err := p.err
	if p.suspended {
		return unknown(v1alpha1.ConditionReady, v1alpha1.ReasonSuspended, "spec.suspend is true: nothing of this gateway is changed, repaired or renewed")
	}
	held := p.cutShort() && meta.IsStatusConditionFalse(status.Conditions, v1alpha1.ConditionAccepted) // as the last reconcile found
	if err != nil && p.rejected == nil && !held {                                                      // else that is the reason
		return no(v1alpha1.ConditionReady, reasonOf(err), errorMessage(err))
	}
	for _, name := range []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionCertificatesReady, v1alpha1.ConditionAvailable} {
		if c := meta.FindStatusCondition(status.Conditions, name); c.Status != metav1.ConditionTrue {
			return no(v1alpha1.ConditionReady, c.Reason, c.Message)
		}
	}
	if ready := distributing(status, p); ready != nil {
		return *ready
	}
	return yes(v1alpha1.ConditionReady, v1alpha1.ReasonReady, "the gateway serves")
}

func reasonOf(err error) string {
	switch {
	case errors.As(err, new(*conflictError)):
		return v1alpha1.ReasonConflict
	case errors.As(err, new(*leavingError)):
		return v1alpha1.ReasonWaitingForRemoval
	case errors.As(err, new(*missingAPIError)):
		return v1alpha1.ReasonSandboxAPIMissing
	}
	return v1alpha1.ReasonApplyFailed
}

// progress sets what kstatus looks for: Stalled when only somebody else can help, Reconciling on the way to Ready.
func progress(status *v1alpha1.GatewayTenantStatus, ready metav1.Condition, p pass) {
	err := p.err
	isReady := ready.Status == metav1.ConditionTrue
	stalled := !isReady && !p.suspended && (ready.Reason == v1alpha1.ReasonSecretBlocked || errors.As(err, new(*conflictError)) || errors.As(err, new(*missingAPIError)) ||
		!meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionAccepted) && (p.rejectedStorage == nil || err == nil))
	only := func(while bool, condition string) {
		if while {
			set(status, yes(condition, ready.Reason, ready.Message))
		} else {
			meta.RemoveStatusCondition(&status.Conditions, condition)
		}
	}
	only(stalled, v1alpha1.ConditionStalled)
	only(!isReady && !stalled && !p.suspended, v1alpha1.ConditionReconciling)
}

func yes(condition, reason, message string) metav1.Condition {
	return metav1.Condition{Type: condition, Status: metav1.ConditionTrue, Reason: reason, Message: message}
}

func no(condition, reason, message string) metav1.Condition {
	return metav1.Condition{Type: condition, Status: metav1.ConditionFalse, Reason: reason, Message: message}
}

func unknown(condition, reason, message string) metav1.Condition {
	return metav1.Condition{Type: condition, Status: metav1.ConditionUnknown, Reason: reason, Message: message}
}

// notSeen says that the certificates and the workload were not looked at.
func notSeen(status *v1alpha1.GatewayTenantStatus, reason, message string) {
	set(status, unknown(v1alpha1.ConditionCertificatesReady, reason, message))
	set(status, unknown(v1alpha1.ConditionAvailable, reason, message))
}

// keep leaves what the status reports of the certificates, and reports the workload as it was observed. What was not observed is
// unknown if the status reports nothing about it.
func keep(status *v1alpha1.GatewayTenantStatus, gt *v1alpha1.GatewayTenant, p pass) {
	before := meta.FindStatusCondition(gt.Status.Conditions, v1alpha1.ConditionAvailable)
	if p.seen.live != nil && p.seen.statefulSet != nil {
		set(status, available(before, p))
	} else if before == nil {
		set(status, unknown(v1alpha1.ConditionAvailable, v1alpha1.ReasonNotReconciled, errorMessage(p.err)))
	}
	if meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionCertificatesReady) == nil {
		set(status, unknown(v1alpha1.ConditionCertificatesReady, v1alpha1.ReasonNotReconciled, errorMessage(p.err)))
	}
}

func set(status *v1alpha1.GatewayTenantStatus, condition metav1.Condition) {
	meta.SetStatusCondition(&status.Conditions, condition)
}

// setGeneration says of every condition which generation it speaks of.
func setGeneration(status *v1alpha1.GatewayTenantStatus) {
	for i := range status.Conditions {
		status.Conditions[i].ObservedGeneration = status.ObservedGeneration
	}
}

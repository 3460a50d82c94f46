package status

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
)

// outcome is what follows from the reason of the condition Ready.
type outcome struct {
	// stalled reports whether only a user or another controller can help, so that the condition Stalled is set instead of
	// Reconciling.
	stalled bool
	// waits reports whether an event ends this state, so that no retry is needed.
	waits bool
	// event is the type of the Event that reports the state. It is empty if none does.
	event string
	// progressing reports whether every gateway is in this state while it starts.
	progressing bool
}

// outcomes has the reasons that differ from failed.
var outcomes = map[string]outcome{
	v1alpha1.ReasonReady:                  {event: corev1.EventTypeNormal},
	v1alpha1.ReasonIssuing:                {progressing: true},
	v1alpha1.ReasonWaitingForCertificates: {progressing: true},
	v1alpha1.ReasonRollingOut:             {progressing: true},
	v1alpha1.ReasonSuspended:              {event: corev1.EventTypeNormal},
	v1alpha1.ReasonRestoring:              {event: corev1.EventTypeNormal},
	v1alpha1.ReasonDistributing:           {event: corev1.EventTypeNormal},
	v1alpha1.ReasonWaitingForRemoval:      {event: corev1.EventTypeNormal, waits: true},
	v1alpha1.ReasonConflict:               {event: corev1.EventTypeWarning, stalled: true, waits: true},
	v1alpha1.ReasonSandboxAPIMissing:      {event: corev1.EventTypeWarning, stalled: true, waits: true},
	v1alpha1.ReasonSecretBlocked:          {event: corev1.EventTypeWarning, stalled: true},
	v1alpha1.ReasonPreflightRunning:       {waits: true},
	v1alpha1.ReasonPreflightFailed:        {event: corev1.EventTypeWarning, stalled: true, waits: true},
	v1alpha1.ReasonPreflightBlocked:       {event: corev1.EventTypeWarning, waits: true},
}

// failed is the outcome of all other reasons: the operator tries again, and a Warning reports it.
var failed = outcome{event: corev1.EventTypeWarning}

func outcomeOf(reason string) outcome {
	if is, listed := outcomes[reason]; listed {
		return is
	}
	return failed
}

// reasonOf returns the reason of the condition Ready for an error.
func reasonOf(err error) string {
	switch {
	case plan.IsConflict(err):
		return v1alpha1.ReasonConflict
	case plan.IsBeingRemoved(err):
		return v1alpha1.ReasonWaitingForRemoval
	case plan.IsMissingAPI(err):
		return v1alpha1.ReasonSandboxAPIMissing
	}
	return cmp.Or(plan.PreflightReason(err), v1alpha1.ReasonApplyFailed)
}

// Retry reports whether the operator has to try again after an error, since no event will follow. If several errors were joined,
// one of them is enough.
func Retry(err error) bool {
	return err != nil && slices.ContainsFunc(flatten(err), func(one error) bool {
		return !outcomeOf(reasonOf(one)).waits || plan.IsUncachedConflict(one)
	})
}

// EventType returns the type of the Event that reports a change of the condition Ready. It is empty if no Event does. Normal
// progress is only in the status, to save requests.
func EventType(ready *metav1.Condition) string { return outcomeOf(ready.Reason).event }

// IsProgressing reports whether the reason of the condition Ready is one that every gateway has while it starts.
func IsProgressing(reason string) bool { return outcomeOf(reason).progressing }

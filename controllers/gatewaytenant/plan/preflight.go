package plan

import (
	"errors"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// preflightRetry is how long after its end a preflight that could not run is repeated.
const preflightRetry = 5 * time.Minute

// PreflightError reports that the gateway is not replaced, because the preflight of its next gateway.toml has not succeeded. Its end is
// an event.
type PreflightError struct {
	// Reason is ReasonPreflightRunning, ReasonPreflightFailed or ReasonPreflightBlocked.
	Reason  string
	Message string
}

func (e *PreflightError) Error() string { return e.Message }

// checkPreflight returns why the preflight does not allow the gateway to be replaced yet. It is nil if it does, or if none is needed.
func (p *Plan) checkPreflight(in Input) *PreflightError {
	if !p.needsPreflight(in) || p.preflightSucceeded(in) {
		return nil
	}
	job, found, previous := in.Observed.Preflight, in.Observed.PreflightProblem, previousPreflight(in)
	exists := job != nil && (job.DeletionTimestamp != nil || p.isPresentPreflight(job))
	if isVoid(in) {
		found = diagnose.Problem{}
	}
	switch {
	case exists && found.Reason == v1alpha1.ReasonPreflightFailed:
		return &PreflightError{found.Reason, found.Description() + "; the gateway that runs is not changed; correct spec.config or spec.image; " + p.confirmPreflight()}
	case exists && found.IsZero() && previous != nil && previous.Reason == v1alpha1.ReasonPreflightFailed:
		return previous // the pod of the Job was not read again since the operator started
	case !in.Observed.Volume.Serves:
		return nil // a restart interrupts no client
	case exists && !found.IsZero():
		return p.blockedPreflight(found.Description())
	case previous != nil && previous.Reason == v1alpha1.ReasonPreflightBlocked:
		return previous // while it is repeated
	}
	if why := p.stuckPreflight(in, job); why != "" {
		return p.blockedPreflight(why)
	}
	if in.AssumePreflight {
		return nil
	}
	return &PreflightError{v1alpha1.ReasonPreflightRunning, "the gateway that runs is not replaced before the preflight of the next gateway.toml has succeeded"}
}

func (p *Plan) blockedPreflight(why string) *PreflightError {
	return &PreflightError{v1alpha1.ReasonPreflightBlocked, fmt.Sprintf("the next gateway.toml could not be checked: %s; the gateway that runs is not changed, and the preflight is repeated every %.0f minutes; %s",
		why, preflightRetry.Minutes(), p.confirmPreflight())}
}

// confirmPreflight returns how to replace a gateway without a preflight that succeeds.
func (p *Plan) confirmPreflight() string {
	return fmt.Sprintf("to replace the gateway nevertheless, run: kubectl annotate --overwrite gwt %s -n %s %s=%s",
		v1alpha1.Name, p.Tenant.Namespace, v1alpha1.AnnotationConfirmPreflight, p.Objects.Preflight.GetAnnotations()[manifests.AnnotationWish])
}

// previousPreflight returns the result of the preflight of the present spec that the status reports. It is nil if there is none.
func previousPreflight(in Input) *PreflightError {
	is := meta.FindStatusCondition(in.GatewayTenant.Status.Conditions, v1alpha1.ConditionReady)
	if is == nil || is.ObservedGeneration != in.GatewayTenant.Generation || is.Reason != v1alpha1.ReasonPreflightFailed && is.Reason != v1alpha1.ReasonPreflightBlocked {
		return nil
	}
	return &PreflightError{is.Reason, is.Message}
}

// stuckPreflight returns which other client has kept the Job from running or from being removed for diagnose.Grace. It is empty if none
// has.
func (p *Plan) stuckPreflight(in Input, job *batchv1.Job) string {
	if job == nil {
		return ""
	}
	if job.DeletionTimestamp != nil {
		return p.afterGrace(in, job.DeletionTimestamp.Time, "Job "+job.Name+" "+message.Removal("Job", job))
	}
	if suspended := diagnose.JobCondition(job, batchv1.JobSuspended); suspended != nil {
		return p.afterGrace(in, suspended.LastTransitionTime.Time, "Job "+job.Name+" is suspended by another client, such as a queue without room for it")
	}
	return ""
}

// assumesPreflight reports whether the steps follow from a preflight that has not succeeded yet.
func (p *Plan) assumesPreflight(in Input) bool {
	return in.AssumePreflight && p.Preflight == nil && p.needsPreflight(in) && !p.preflightSucceeded(in)
}

// needsPreflight reports whether the next gateway.toml has to be checked. Without a rollout slot, that waits. If the StatefulSet was
// rendered with it before, another client has changed the StatefulSet, and what is restored was checked before.
func (p *Plan) needsPreflight(in Input) bool {
	set := in.Observed.StatefulSet
	return set != nil && !p.Held && p.Objects.NeedsPreflight(p.Tenant, in.Observed.Volume) && !isAsApplied(p.Objects.Gateway, set)
}

// preflightSucceeded reports whether the present preflight has succeeded.
func (p *Plan) preflightSucceeded(in Input) bool {
	job := in.Observed.Preflight
	return job != nil && job.DeletionTimestamp == nil && p.isPresentPreflight(job) && diagnose.JobCondition(job, batchv1.JobComplete) != nil
}

// isVoid reports whether a preflight rejected a gateway.toml that may be another client's: the operator has written the ConfigMap, such as
// to revert a change, since it created the Job. The API server records both times in seconds.
func isVoid(in Input) bool {
	job, applied := in.Observed.Preflight, in.Observed.FilesApplied
	return job != nil && in.Observed.PreflightProblem.Reason == v1alpha1.ReasonPreflightFailed && !applied.IsZero() && !applied.Before(&job.CreationTimestamp)
}

// isPresentPreflight reports whether a Job checks the present image and gateway.toml.
func (p *Plan) isPresentPreflight(job *batchv1.Job) bool {
	return job.Annotations[manifests.AnnotationWish] == p.Objects.Preflight.GetAnnotations()[manifests.AnnotationWish]
}

// addPreflight adds the preflight Job if the gateway cannot be replaced without it, and deletes one that is outdated.
func (p *Plan) addPreflight(in Input) {
	job, set := in.Observed.Preflight, in.Observed.StatefulSet
	remove := func(reason string) { p.Steps = append(p.Steps, deleteJob(job, PreflightStage, reason)) }
	needed := p.Preflight != nil || p.assumesPreflight(in)
	switch {
	case in.isUnreadable("Job"):
	case job == nil && needed:
		create, _ := in.apply(p.Objects.Preflight, PreflightStage)
		p.Steps = append(p.Steps, create)
	case job == nil || job.DeletionTimestamp != nil:
	case needed && !p.isPresentPreflight(job):
		remove("it checks another image or gateway.toml")
	case needed && isVoid(in):
		remove("the gateway.toml that it read may be another client's")
	case needed:
		if failed := diagnose.JobCondition(job, batchv1.JobFailed); failed != nil && p.Preflight != nil && p.Preflight.Reason == v1alpha1.ReasonPreflightBlocked {
			if due := failed.LastTransitionTime.Add(preflightRetry); in.Now.Before(due) {
				p.Again = earliest(p.Again, due)
			} else {
				remove("it could not run, so another one replaces it")
			}
		}
	case !apply.AppliedBy(job, manifests.Manager):
	case set == nil:
		remove("no gateway runs that would be replaced")
	case isAsApplied(p.Objects.Gateway, set):
		remove("its gateway.toml is in use")
	}
}

// PreflightReason returns the reason of the condition Ready for an error that is or wraps a PreflightError. It is empty for others.
func PreflightReason(err error) string {
	if preflight, is := errors.AsType[*PreflightError](err); is {
		return preflight.Reason
	}
	return ""
}

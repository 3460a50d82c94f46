package plan

import (
	"errors"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
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
	running := &PreflightError{v1alpha1.ReasonPreflightRunning, "the gateway that runs is not replaced before the preflight of the next gateway.toml has succeeded"}
	job, found := in.Observed.Preflight, in.Observed.PreflightProblem
	switch {
	case job == nil || job.DeletionTimestamp != nil || !p.isPresentPreflight(job) || found.IsZero():
		if in.AssumePreflight {
			return nil
		}
		return running
	case found.Reason == v1alpha1.ReasonPreflightFailed:
		return &PreflightError{found.Reason, fmt.Sprintf("%s; the gateway that runs is not changed; correct spec.config or spec.image; to replace the gateway nevertheless, run: kubectl annotate --overwrite gwt %s -n %s %s=%s",
			found.Description(), v1alpha1.Name, job.Namespace, v1alpha1.AnnotationConfirmPreflight, job.Annotations[manifests.AnnotationWish])}
	}
	return &PreflightError{v1alpha1.ReasonPreflightBlocked, fmt.Sprintf("the preflight of the next gateway.toml cannot run: %s; the gateway that runs is not changed, and the preflight is repeated every %s", found.Description(), preflightRetry)}
}

// assumesPreflight reports whether the steps follow from a preflight that has not succeeded yet.
func (p *Plan) assumesPreflight(in Input) bool {
	return in.AssumePreflight && p.Preflight == nil && p.needsPreflight(in) && !p.preflightSucceeded(in)
}

// needsPreflight reports whether the next gateway.toml has to be checked. If the StatefulSet was rendered with it before, another client
// has changed the StatefulSet, and what is restored was checked before.
func (p *Plan) needsPreflight(in Input) bool {
	set := in.Observed.StatefulSet
	return set != nil && p.Objects.NeedsPreflight(p.Tenant, in.Observed.Volume) && !isAsApplied(p.Objects.Gateway, set)
}

// preflightSucceeded reports whether the present preflight has succeeded.
func (p *Plan) preflightSucceeded(in Input) bool {
	job := in.Observed.Preflight
	return job != nil && job.DeletionTimestamp == nil && p.isPresentPreflight(job) && diagnose.JobCondition(job, batchv1.JobComplete) != nil
}

// isPresentPreflight reports whether a Job checks the present image and gateway.toml.
func (p *Plan) isPresentPreflight(job *batchv1.Job) bool {
	return job.Annotations[manifests.AnnotationWish] == p.Objects.Preflight.GetAnnotations()[manifests.AnnotationWish]
}

// addPreflight adds the preflight Job if the gateway cannot be replaced without it, and deletes one that is outdated.
func (p *Plan) addPreflight(in Input) {
	job, ref := in.Observed.Preflight, observe.Preflight
	remove := func(reason string) {
		step := Step{Action: Delete, Object: ref, Live: job, Reason: reason, Stage: PreflightStage}
		if why := othersJob(job); why != "" {
			step.Blocked = &ConflictError{Object: ref.Describe(job.Namespace), Why: why}
		}
		p.Steps = append(p.Steps, step)
	}
	needed := p.Preflight != nil || p.assumesPreflight(in)
	switch {
	case in.isUnreadable("Job"):
	case job == nil && needed:
		create, _ := in.apply(p.Objects.Preflight, PreflightStage)
		p.Steps = append(p.Steps, create)
	case job == nil || job.DeletionTimestamp != nil:
	case needed && !p.isPresentPreflight(job):
		remove("it checks another image or gateway.toml")
	case needed:
		if failed := diagnose.JobCondition(job, batchv1.JobFailed); failed != nil && p.Preflight != nil && p.Preflight.Reason == v1alpha1.ReasonPreflightBlocked {
			if due := failed.LastTransitionTime.Add(preflightRetry); in.Now.Before(due) {
				p.Again = earliest(p.Again, due)
			} else {
				remove("it could not run, so another one replaces it")
			}
		}
	case isAsApplied(p.Objects.Gateway, in.Observed.StatefulSet) && apply.AppliedBy(job, manifests.Manager):
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

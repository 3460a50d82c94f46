package plan

import (
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// addCertgen adds the Job that issues the Secrets, if certgen has to run.
func (p *Plan) addCertgen(in Input) {
	job, failingSince := in.job(), in.Now
	if in.JobHistory != nil {
		job, failingSince = in.JobHistory.Observe(in.GatewayTenant.Namespace, job, p.Certificates.NeedsCertgen(), in.Now)
	}
	request := p.Objects.Certgen.GetAnnotations()[manifests.AnnotationWish]
	action, wait := certificates.Decide(p.Certificates, job, request, failingSince, in.Now)
	if wait > 0 {
		p.Again = earliest(p.Again, in.Now.Add(wait))
	}
	if action == certificates.NoAction || in.isUnreadable("Job") {
		return
	}
	switch action {
	case certificates.RunJob:
		create, _ := in.apply(p.Objects.Certgen, CertgenStage)
		p.Steps = append(p.Steps, create)
	case certificates.ReplaceJob: // also by an equal one, which tries again
		p.Steps = append(p.Steps, in.deleteJob(), Step{
			Action: Create, Object: observe.RefOf(p.Objects.Certgen), Desired: p.Objects.Certgen, Difference: apply.Difference{Needed: true},
			Stage: CertgenStage, Waits: "the removal of the former Job and its pods",
		})
	}
}

// deleteJob returns the step that deletes the certgen Job together with its pods, so that two Jobs never run at the same time.
func (in Input) deleteJob() Step {
	job := in.Observed.Job
	step := Step{
		Action: Delete, Object: observe.Ref{Kind: "Job", Name: job.Name}, Live: job, Stage: CertgenStage,
		Reason: "it cannot do the present work, so another one replaces it",
	}
	controller := metav1.GetControllerOf(job)
	if controller == nil && job.Labels[manifests.LabelName] != manifests.AppName || controller != nil && controller.Kind != "GatewayTenant" {
		step.Blocked = &ConflictError{Object: step.Object.Describe(job.Namespace), Why: "is not the operator's; delete it"}
	}
	return step
}

// job returns the state of the certgen Job.
func (in Input) job() certificates.Job {
	job := in.Observed.Job
	if job == nil {
		return certificates.Job{State: certificates.JobAbsent}
	}
	is := certificates.Job{UID: job.UID, State: certificates.JobRunning, RequestHash: job.Annotations[manifests.AnnotationWish], Started: job.CreationTimestamp.Time}
	if job.Status.StartTime != nil {
		is.Started = job.Status.StartTime.Time
	}
	if complete := diagnose.JobCondition(job, batchv1.JobComplete); complete != nil {
		is.State, is.Ended = certificates.JobComplete, complete.LastTransitionTime.Time
	} else if failed := diagnose.JobCondition(job, batchv1.JobFailed); failed != nil {
		is.State, is.Ended = certificates.JobFailed, failed.LastTransitionTime.Time
	}
	if job.DeletionTimestamp != nil {
		is.State = certificates.JobTerminating
	}
	return is
}

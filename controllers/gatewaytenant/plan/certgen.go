package plan

import (
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// addCertgen adds the Job that issues the Secrets, if certgen has to run.
func (p *Plan) addCertgen(in Input) {
	request := p.Objects.Certgen.GetAnnotations()[manifests.AnnotationWish]
	p.checkJob(in, request)
	job, failingSince := in.job(), in.Now
	if in.JobHistory != nil {
		job, failingSince = in.JobHistory.Observe(in.GatewayTenant.Namespace, job, p.Certificates.NeedsCertgen(), in.Now)
	}
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
		p.Steps = append(p.Steps, deleteJob(in.Observed.Job, CertgenStage, "it cannot do the present work, so another one replaces it"), Step{
			Action: Create, Object: observe.RefOf(p.Objects.Certgen), Desired: p.Objects.Certgen, Difference: apply.Difference{Needed: true},
			Stage: CertgenStage, Waits: "the removal of the former Job and its pods",
		})
	}
}

// deleteJob returns the step that deletes a Job together with its pods, so that two Jobs never run at the same time.
func deleteJob(job *batchv1.Job, stage Stage, reason string) Step {
	step := Step{Action: Delete, Object: observe.Ref{Kind: "Job", Name: job.Name}, Live: job, Stage: stage, Reason: reason}
	if why := othersJob(job); why != "" {
		step.Blocked = &ConflictError{Object: step.Object.Describe(job.Namespace), Why: why}
	}
	return step
}

// othersJob says who else manages a Job that has the name of certgen's. It is empty if the operator may delete the Job.
func othersJob(job *batchv1.Job) string {
	controller := metav1.GetControllerOf(job)
	switch {
	case controller == nil && job.Labels[manifests.LabelName] == manifests.AppName || controller != nil && controller.Kind == "GatewayTenant":
		return ""
	case controller != nil:
		return fmt.Sprintf("is controlled by %s %s; delete that, or give its Job another name", controller.Kind, controller.Name)
	}
	return fmt.Sprintf("is not the operator's; give it another name, or delete it: kubectl delete job %s -n %s", job.Name, job.Namespace)
}

// checkJob finds out whether another client prevents certgen from running. A deletion or a suspension counts only after
// diagnose.Grace: the operator replaces Jobs, and queues such as Kueue suspend them until there is room. The suspension of a Job for
// another request does not count, since the operator replaces that Job.
func (p *Plan) checkJob(in Input, request string) {
	job := in.Observed.Job
	if job == nil {
		return
	}
	name := "Job " + job.Name
	if removal := message.Removal("Job", job); removal != "" {
		p.CertgenBlocked = p.afterGrace(in, job.DeletionTimestamp.Time, name+" "+removal)
	} else if why := othersJob(job); why != "" {
		p.CertgenBlocked = name + " " + why
	} else if suspended := diagnose.JobCondition(job, batchv1.JobSuspended); suspended != nil && in.job().RequestHash == request {
		p.CertgenBlocked = p.afterGrace(in, suspended.LastTransitionTime.Time, fmt.Sprintf("%s is suspended since %s by another client, such as a queue without room for it; if nothing resumes it: kubectl patch job %s -n %s --type=merge -p '{\"spec\":{\"suspend\":false}}'",
			name, suspended.LastTransitionTime.UTC().Format(time.RFC3339), job.Name, job.Namespace))
	}
}

// afterGrace returns why a Job cannot run, if that has lasted for diagnose.Grace. Otherwise it schedules a check for that time, and
// returns an empty text.
func (p *Plan) afterGrace(in Input, since time.Time, why string) string {
	if due := since.Add(diagnose.Grace); in.Now.Before(due) {
		p.Again = earliest(p.Again, due)
		return ""
	}
	return why
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

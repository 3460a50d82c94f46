package observe

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
)

// explainPod returns why the gateway's pod does not serve. If the pod does not show the cause, its Events may.
func (o *Observer) explainPod(ctx context.Context, namespace string, observed *Observed) diagnose.Problem {
	key, pod := lookupKey{namespace, "StatefulSet"}, observed.Pod
	problem := o.due(observed, diagnose.GatewayPod(pod, observed.Volume.Claim)...)
	if ended := diagnose.PossibleProbeKill(pod, problem); ended != nil {
		// Terminations of a container with the same reason, exit code and output are the same state.
		state := lookupState{what: ended.Kind(), termination: ended.FinishedAt().String(), urgent: true}
		if explained := o.lookUpPod(ctx, key, state, observed, ended.Explain); !explained.IsZero() {
			return explained
		}
		return problem
	}
	if pod != nil && problem.IsZero() && diagnose.IsStarting(pod) {
		start := func(events []corev1.Event) diagnose.Problem { return diagnose.Start(pod, events) }
		return o.due(observed, o.lookUpPod(ctx, key, lookupState{what: "starting"}, observed, start))
	}
	o.lookups.settle(key)
	return problem
}

// lookUpPod reads the Events of the gateway's pod that explain its state.
func (o *Observer) lookUpPod(ctx context.Context, key lookupKey, state lookupState, observed *Observed, explain func([]corev1.Event) diagnose.Problem) diagnose.Problem {
	state.what += " " + string(observed.Pod.UID)
	return o.lookUp(ctx, key, state, observed, func(ctx context.Context) (diagnose.Problem, error) {
		events, err := o.eventsOfPod(ctx, observed.Pod)
		return explain(events), err
	})
}

// explainMissingPod returns why a StatefulSet has no pod. Since is when the gateway stopped to serve.
func (o *Observer) explainMissingPod(ctx context.Context, set *appsv1.StatefulSet, since *metav1.Time, observed *Observed) diagnose.Problem {
	key, state := lookupKey{set.Namespace, "StatefulSet"}, lookupState{what: string(set.UID)}
	return o.lookUp(ctx, key, state, observed, func(ctx context.Context) (diagnose.Problem, error) {
		events, err := o.refusedPods(ctx, set)
		return diagnose.RefusedPod(set, events, since), err
	})
}

// explainJob returns why the certgen Job does not do its work.
func (o *Observer) explainJob(ctx context.Context, job *batchv1.Job, observed *Observed) diagnose.Problem {
	return o.lookUpJob(ctx, job, lookupKey{job.Namespace, "Job"}, observed, diagnose.Job)
}

// explainPreflight returns what the preflight Job found, or why it does not run.
func (o *Observer) explainPreflight(ctx context.Context, job *batchv1.Job, observed *Observed) diagnose.Problem {
	return o.lookUpJob(ctx, job, lookupKey{job.Namespace, preflightLookup}, observed, diagnose.Preflight)
}

// lookUpJob reads what explains the state of a Job. If one of its pods has failed, that is read immediately.
func (o *Observer) lookUpJob(
	ctx context.Context, job *batchv1.Job, key lookupKey, observed *Observed, explain func(*batchv1.Job, []corev1.Pod, []corev1.Event) diagnose.Problem,
) diagnose.Problem {
	ended := diagnose.JobCondition(job, batchv1.JobFailed) != nil
	hasPods, hasFailed := job.Status.Active > 0 || job.Status.Failed > 0 || ended, job.Status.Failed > 0 || ended
	state := lookupState{what: fmt.Sprint(job.UID, hasPods, job.Status.Failed, ended), urgent: hasFailed}
	return o.lookUp(ctx, key, state, observed, func(ctx context.Context) (diagnose.Problem, error) {
		var pods []corev1.Pod
		if hasPods {
			var err error
			if pods, err = o.podsOfJob(ctx, job); err != nil {
				return explain(job, nil, nil), err
			}
		}
		if problem := explain(job, pods, nil); !problem.IsZero() {
			return problem, nil
		}
		events, err := o.eventsOfJob(ctx, job, pods)
		return explain(job, pods, events), err
	})
}

// lookUp reads why a workload does not do its work, if a read is due. Otherwise the result of the last one holds.
func (o *Observer) lookUp(
	ctx context.Context, key lookupKey, state lookupState, observed *Observed, read func(context.Context) (diagnose.Problem, error),
) diagnose.Problem {
	first := o.grace.FirstLookup()
	problem, wait := o.lookups.due(key, state, first, o.now())
	done := true
	switch {
	case wait > 0:
	case o.lookups.begin():
		var now diagnose.Problem
		now, done = o.readOnce(ctx, key, problem, read)
		if !now.IsZero() || state.termination == "" {
			problem = now
		}
		_, due := diagnose.FirstDue([]diagnose.Problem{problem}, o.grace.Grace(), o.now())
		wait = o.lookups.note(key, problem, done, first, due, o.now())
	default:
		observed.lookAgain(lookupRetry)
		return problem
	}
	if wait != never && (!state.urgent || problem.IsZero() || !done) { // otherwise what the failed pod reported holds until another one fails
		observed.lookAgain(wait)
	}
	return problem
}

// readOnce returns what a read finds, and whether it succeeded. On failure it returns the partial result or, without one, the
// previous result. A failure is only logged.
func (o *Observer) readOnce(
	ctx context.Context, key lookupKey, before diagnose.Problem, read func(context.Context) (diagnose.Problem, error),
) (diagnose.Problem, bool) {
	defer o.lookups.end()
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	problem, err := read(ctx)
	if err == nil {
		return problem, true
	}
	ctrl.LoggerFrom(ctx).Error(err, "Cannot read why a workload has no running pod", "kind", key.kind)
	if problem.IsZero() {
		return before, false
	}
	return problem, false
}

// due returns the first problem that has lasted long enough to be reported, and schedules another observation for those before it.
func (o *Observer) due(observed *Observed, problems ...diagnose.Problem) diagnose.Problem {
	problem, wait := diagnose.FirstDue(problems, o.grace.Grace(), o.now())
	if wait > 0 {
		observed.lookAgain(wait)
	}
	return problem
}

// unavailableSince returns when the gateway stopped to serve, according to the status. It is nil if the gateway never served.
func (o *Observer) unavailableSince(tenant *v1alpha1.GatewayTenant) *metav1.Time {
	before := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionAvailable)
	switch {
	case before == nil:
		return nil
	case before.Status == metav1.ConditionTrue:
		return &metav1.Time{Time: o.now().Truncate(time.Second)} // the precision of Events
	}
	return &before.LastTransitionTime
}

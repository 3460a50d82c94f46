package gatewaytenant

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/workload"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// observed is what the caches hold of a tenant at the beginning of a pass. It is read only: it is shared.
type observed struct {
	owners      []types.UID                // of the GatewayTenant and of its StatefulSet, which may own the claim
	live        map[childKey]metav1.Object // absent: not in it
	statefulSet *appsv1.StatefulSet        // nil: absent
	volume      manifests.Volume
	sandboxAPIs []string                  // the versions that the cluster serves
	job         *batchv1.Job              // nil: absent
	jobTrouble  string                    // why the Job does not do its work
	pod         *corev1.Pod               // the gateway's, unless all is well; nil: absent
	trouble     diagnose.Problem          // why the gateway does not serve
	again       time.Duration             // when that has to be looked at again; zero: when something happens
	secrets     map[string]*corev1.Secret // stripped; absent: not in it
}

// observe reads what there is of a tenant from caches. Only to explain why something does not come about, it may read Events
// or pods from the API server.
func (r *Reconciler) observe(ctx context.Context, gt *v1alpha1.GatewayTenant) (observed, error) {
	namespace := gt.Namespace
	seen := observed{owners: []types.UID{gt.UID}, live: make(map[childKey]metav1.Object, len(children)+1), secrets: map[string]*corev1.Secret{}}
	for _, c := range watchedChildren() {
		object := c.object.DeepCopyObject().(client.Object)
		there, err := found(r.caches[c.childKey].Get(ctx, client.ObjectKey{Namespace: namespace, Name: c.name}, object))
		if err != nil {
			return observed{}, fmt.Errorf("reading %s %s/%s: %w", c.kind, namespace, c.name, err)
		}
		if !there {
			continue
		}
		seen.live[c.childKey] = object
		switch object := object.(type) {
		case *appsv1.StatefulSet:
			seen.takeGateway(object)
		case *corev1.PersistentVolumeClaim:
			seen.volume.Claim = object
		case *batchv1.Job:
			seen.job = object
		case *corev1.Secret:
			seen.secrets[object.Name] = object
			seen.volume.TokenKeys = seen.volume.TokenKeys || object.Name == manifests.TokenKeysName && !manifests.OfFormer(object, gt.UID)
		}
	}
	binding, err := r.binding(ctx, namespace)
	if err != nil {
		return observed{}, err
	}
	if binding != nil {
		seen.live[childKey{"ClusterRoleBinding", binding.Name}] = binding
	}
	if seen.sandboxAPIs, err = r.sandboxAPIs(ctx); err != nil {
		return observed{}, err
	}
	return seen, r.observeTrouble(ctx, gt, &seen)
}

// takeGateway takes in a StatefulSet, unless it is a former tenant's: that goes, and says nothing of this one.
func (o *observed) takeGateway(set *appsv1.StatefulSet) {
	if manifests.OfFormer(set, o.owners...) {
		return
	}
	o.statefulSet = set
	o.volume.Image = gatewayImage(set)
	o.volume.ConfigHash, o.volume.Serves = set.Spec.Template.Annotations[manifests.AnnotationConfigHash], workload.Serves(set)
	o.owners = append(o.owners, set.UID)
}

// observeTrouble finds out why a Job or a gateway does not do its work.
func (r *Reconciler) observeTrouble(ctx context.Context, gt *v1alpha1.GatewayTenant, seen *observed) error {
	if job := seen.job; job == nil || jobIs(job, batchv1.JobComplete) {
		r.lookups.settle(lookupKey{gt.Namespace, "Job"})
	} else {
		seen.jobTrouble = r.due(seen, r.lookUpJob(ctx, job, seen)).Description()
	}
	set := seen.statefulSet
	if set == nil {
		r.lookups.settle(lookupKey{gt.Namespace, "StatefulSet"})
		return nil
	}
	pod, err := r.gatewayPod(ctx, set)
	if err != nil {
		return err
	}
	if pod != nil && diagnose.IsReady(pod) && diagnose.Eviction(pod).IsZero() {
		r.evicted.forget(gt.Namespace)
	}
	switch {
	case workload.Serves(set):
		r.lookups.settle(lookupKey{gt.Namespace, "StatefulSet"})
		if pod != nil {
			seen.trouble = diagnose.Eviction(pod) // it still serves, but will end soon
		}
	case pod != nil || set.Status.Replicas > 0: // a pod that is not in the cache has not arrived there yet, or has succeeded
		seen.pod = pod
		seen.volume.TerminationMessage = diagnose.TerminationMessage(pod)
		seen.trouble = r.podTrouble(ctx, gt.Namespace, seen)
	default:
		seen.trouble = r.lookUpGateway(ctx, set, r.unavailableSince(gt), seen)
	}
	if seen.trouble.IsZero() {
		seen.trouble = r.evicted.last(gt.Namespace)
	}
	return nil
}

// podTrouble returns why the gateway's pod does not serve. If the pod does not show the cause, its Events may.
func (r *Reconciler) podTrouble(ctx context.Context, namespace string, seen *observed) diagnose.Problem {
	key, pod := lookupKey{namespace, "StatefulSet"}, seen.pod
	found := r.due(seen, diagnose.GatewayPod(pod, seen.volume.Claim)...)
	if ended := diagnose.PossibleProbeKill(pod, found); ended != nil {
		explained := r.lookUpPod(ctx, key, stateOfEnd(ended), seen, ended.Explain)
		if !explained.IsZero() {
			return explained
		}
		return found
	}
	if pod != nil && found.IsZero() && diagnose.IsStarting(pod) {
		return r.lookUpPod(ctx, key, lookupState{what: "starting"}, seen, func(events []corev1.Event) diagnose.Problem { return diagnose.Start(pod, events) })
	}
	r.lookups.settle(key)
	return found
}

// stateOfEnd identifies the last end of a container. Two ends with the same reason, exit code, and output are alike.
func stateOfEnd(ended *diagnose.Termination) lookupState {
	return lookupState{what: ended.Kind(), end: ended.FinishedAt().String(), urgent: true}
}

// lookUpPod reads the Events of the gateway's pod for what explains its state.
func (r *Reconciler) lookUpPod(
	ctx context.Context, key lookupKey, state lookupState, seen *observed, explain func([]corev1.Event) diagnose.Problem,
) diagnose.Problem {
	state.what += " " + string(seen.pod.UID)
	return r.lookUp(ctx, key, state, seen, func(ctx context.Context) (diagnose.Problem, error) {
		events, err := r.eventsOfPod(ctx, seen.pod)
		return explain(events), err
	})
}

// lookUpGateway says why a StatefulSet has no pod. Since is when the gateway stopped to serve.
func (r *Reconciler) lookUpGateway(ctx context.Context, set *appsv1.StatefulSet, since *metav1.Time, seen *observed) diagnose.Problem {
	return r.lookUp(ctx, lookupKey{set.Namespace, "StatefulSet"}, lookupState{what: string(set.UID)}, seen, func(ctx context.Context) (diagnose.Problem, error) {
		events, err := r.refusalsOf(ctx, set)
		return diagnose.RefusedPod(set, events, since), err
	})
}

// lookUpJob says why a Job does not do its work. That a pod of it has failed is worth a read immediately.
func (r *Reconciler) lookUpJob(ctx context.Context, job *batchv1.Job, seen *observed) diagnose.Problem {
	ended := jobIs(job, batchv1.JobFailed)
	hasPods, hasFailed := job.Status.Active > 0 || job.Status.Failed > 0 || ended, job.Status.Failed > 0 || ended
	state := lookupState{what: fmt.Sprint(job.UID, hasPods, job.Status.Failed, ended), urgent: hasFailed}
	return r.lookUp(ctx, lookupKey{job.Namespace, "Job"}, state, seen, func(ctx context.Context) (diagnose.Problem, error) {
		var pods []corev1.Pod
		if hasPods {
			var err error
			if pods, err = r.podsOf(ctx, job); err != nil {
				return diagnose.Job(job, nil, nil), err
			}
		}
		if found := diagnose.Job(job, pods, nil); !found.IsZero() {
			return found, nil
		}
		events, err := r.eventsOfJob(ctx, job, pods)
		return diagnose.Job(job, pods, events), err
	})
}

// eventsOfJob reads the Events that report why a pod of a Job does not start or, if it has none, why it has none.
func (r *Reconciler) eventsOfJob(ctx context.Context, job *batchv1.Job, pods []corev1.Pod) ([]corev1.Event, error) {
	for i := range pods {
		if diagnose.IsStarting(&pods[i]) {
			return r.eventsOfPod(ctx, &pods[i])
		}
	}
	if job.Status.Active > 0 {
		return nil, nil
	}
	return r.refusalsOf(ctx, job)
}

// lookUp reads why a workload does not do its work, if it is time to. Otherwise, what was read last still holds.
func (r *Reconciler) lookUp(
	ctx context.Context, key lookupKey, state lookupState, seen *observed, read func(context.Context) (diagnose.Problem, error),
) diagnose.Problem {
	first := firstLookup(r.backlog())
	found, wait := r.lookups.due(key, state, first, r.now())
	switch {
	case wait > 0:
	case r.lookups.begin():
		now, done := r.readOnce(ctx, key, found, read)
		if !now.IsZero() || state.end == "" {
			found = now
		}
		wait = r.lookups.note(key, found, done, first, r.now())
	default:
		seen.lookAgain(lookupRetry)
		return found
	}
	if wait != never && (!state.urgent || found.IsZero()) { // else what the pod that failed said stays until another one fails
		seen.lookAgain(wait)
	}
	return found
}

// readOnce returns what a read finds, and whether it succeeded. If it did not, it returns what it found until then or, if that
// is nothing, what was found before. A failure keeps nothing else from being done.
func (r *Reconciler) readOnce(
	ctx context.Context, key lookupKey, before diagnose.Problem, read func(context.Context) (diagnose.Problem, error),
) (diagnose.Problem, bool) {
	defer r.lookups.end()
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	found, err := read(ctx)
	if err == nil {
		return found, true
	}
	ctrl.LoggerFrom(ctx).Error(err, "Cannot read why a workload has no running pod", "kind", key.kind)
	if found.IsZero() {
		return before, false
	}
	return found, false
}

// lookAgain schedules another observation after a wait, unless one is scheduled before that.
func (o *observed) lookAgain(wait time.Duration) {
	if o.again == 0 || wait < o.again {
		o.again = wait
	}
}

// due returns the first trouble that has lasted long enough to be reported, and schedules another observation for those
// before it.
func (r *Reconciler) due(seen *observed, all ...diagnose.Problem) diagnose.Problem {
	found, wait := diagnose.FirstDue(all, grace(r.backlog()), r.now())
	if wait > 0 {
		seen.lookAgain(wait)
	}
	return found
}

// unavailableSince is when the gateway stopped to serve, as far as the status tells; nil: it never did serve.
func (r *Reconciler) unavailableSince(gt *v1alpha1.GatewayTenant) *metav1.Time {
	before := meta.FindStatusCondition(gt.Status.Conditions, v1alpha1.ConditionAvailable)
	switch {
	case before == nil:
		return nil
	case before.Status == metav1.ConditionTrue:
		return &metav1.Time{Time: r.now().Truncate(time.Second)} // as events tell the time
	}
	return &before.LastTransitionTime
}

// found tells an object that is absent from one that could not be read.
func found(err error) (bool, error) {
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

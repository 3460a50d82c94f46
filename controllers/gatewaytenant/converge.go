package gatewaytenant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// converge brings a tenant's objects one pass closer to what was rendered.
func (r *Reconciler) converge(ctx context.Context, gt *v1alpha1.GatewayTenant, p *pass) {
	if p.err = adoptable(p, gt.UID); p.err != nil {
		return
	}
	foundation := p.objects.Foundation
	if p.held {
		foundation = slices.DeleteFunc(slices.Clone(foundation), manifests.GoesWithThePod)
	}
	if p.err = r.applyFoundation(ctx, foundation, p.seen); p.err != nil {
		if p.seen.statefulSet != nil && p.mayIssue() { // what runs needs its certificates, however long the rest takes
			p.err = errors.Join(p.err, r.certgen(ctx, gt, p))
		}
		return
	}
	p.err = errors.Join(r.certgen(ctx, gt, p), r.clearUp(ctx, p))
	if p.certificates.Complete && !p.held { // else the StatefulSet waits for its Secrets; each of them is an event
		p.err = errors.Join(p.err, r.gateway(ctx, p))
	}
}

// applyFoundation applies what waits for nothing. A claim that exists comes first: it records what the other objects follow
// from, such as where a key is on the volume, and what a pod reads when it starts must not change before that is written.
func (r *Reconciler) applyFoundation(ctx context.Context, foundation []*unstructured.Unstructured, seen observed) error {
	i := slices.IndexFunc(foundation, func(object *unstructured.Unstructured) bool { return object.GetKind() == "PersistentVolumeClaim" })
	if i < 0 || seen.volume.Claim == nil {
		return r.applyAll(ctx, foundation, seen)
	}
	others := slices.Delete(slices.Clone(foundation), i, i+1)
	err := r.apply(ctx, foundation[i], seen)
	if err != nil {
		others = slices.DeleteFunc(others, manifests.GoesWithThePod)
	}
	return errors.Join(err, r.applyAll(ctx, others, seen))
}

// mayIssue tells whether certgen has its rights: those of a former tenant are about to go, and those of an earlier control
// plane are fewer.
func (p *pass) mayIssue() bool {
	for _, object := range p.objects.Foundation {
		if object.GetName() != manifests.CertgenName {
			continue
		}
		live := p.seen.live[childKey{object.GetKind(), object.GetName()}]
		if live == nil || !apply.MatchesLastApplied(object, live) {
			return false
		}
	}
	return true
}

// gateway applies the StatefulSet, unless the gateway would not start in this cluster.
func (r *Reconciler) gateway(ctx context.Context, p *pass) error {
	if missing, needed := p.tenant.MissingSandboxAPI(p.seen.sandboxAPIs); needed {
		return &missingAPIError{missing}
	}
	return errors.Join(r.apply(ctx, p.objects.Gateway, p.seen), r.clearTheWay(ctx, p))
}

// clearTheWay deletes a pod that is not ready and is not what it should be: its StatefulSet would wait for it to become
// ready before it replaces it, so a bad image would block its own repair.
func (r *Reconciler) clearTheWay(ctx context.Context, p *pass) error {
	pod, set := p.seen.pod, p.seen.statefulSet
	if pod == nil || pod.DeletionTimestamp != nil || diagnose.IsReady(pod) || !apply.MatchesLastApplied(p.objects.Gateway, set) || !former(pod, set) {
		return nil
	}
	return r.delete(ctx, pod, fmt.Sprintf("pod %s/%s, which is in the way of its successor", pod.Namespace, pod.Name), client.Preconditions{UID: &pod.UID})
}

// delete deletes an object if it is there, and writes a line of the log.
func (r *Reconciler) delete(ctx context.Context, object client.Object, what string, options ...client.DeleteOption) error {
	if err := client.IgnoreNotFound(r.Delete(ctx, object, options...)); err != nil {
		return fmt.Errorf("deleting %s: %w", what, err)
	}
	ctrl.LoggerFrom(ctx).Info("Deleted", "object", what)
	return nil
}

// former tells whether a pod runs what its StatefulSet no longer asks for.
func former(pod *corev1.Pod, set *appsv1.StatefulSet) bool {
	is := set.Status
	return is.ObservedGeneration == set.Generation && is.UpdateRevision != "" && pod.Labels[appsv1.ControllerRevisionHashLabelKey] != is.UpdateRevision
}

// applyAll applies objects among which there is no order, all at once, and reports every failure.
func (r *Reconciler) applyAll(ctx context.Context, objects []*unstructured.Unstructured, seen observed) error {
	errs := make([]error, len(objects))
	var all sync.WaitGroup
	for i, object := range objects {
		all.Go(func() { errs[i] = r.apply(ctx, object, seen) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// apply applies one object, if it is ours and not as it should be.
func (r *Reconciler) apply(ctx context.Context, desired *unstructured.Unstructured, seen observed) error {
	live := seen.live[childKey{desired.GetKind(), desired.GetName()}]
	if err := Ours(desired, live, seen.owners...); err != nil {
		return err
	}
	difference, err := r.comparer.Compare(desired, live)
	if err != nil {
		return err
	}
	err = r.applier.Apply(ctx, desired, live, difference)
	if live == nil && apply.IsFieldConflict(err) {
		return r.applyUnseen(ctx, desired)
	}
	if desired.GetKind() != "RoleBinding" || live == nil || !apierrors.IsInvalid(err) {
		return err
	}
	// It binds another role, as the earlier control plane's does, and that cannot be changed.
	if err := r.deleteSeen(ctx, metadataOf(desired.GroupVersionKind(), desired.GetName()), live); err != nil {
		return err
	}
	return r.applier.CompareAndApply(ctx, desired, nil)
}

// applyUnseen applies an object that is there although the caches do not hold it, if we made it: the label by which
// bindings are selected was taken off.
func (r *Reconciler) applyUnseen(ctx context.Context, desired *unstructured.Unstructured) error {
	live := metadataOf(desired.GroupVersionKind(), desired.GetName()).object
	if desired.GetKind() == "ClusterRoleBinding" {
		there, err := found(r.live.Get(ctx, client.ObjectKeyFromObject(desired), live))
		if err != nil {
			return err
		}
		if there && apply.AppliedBy(live, manifests.Manager) {
			return r.applier.CompareAndApply(ctx, desired, live)
		}
	}
	return &conflictError{object: apply.Describe(desired), whose: "is somebody else's; delete it", unseen: true}
}

// certgen runs the Job that makes the Secrets, when there is work for it.
func (r *Reconciler) certgen(ctx context.Context, gt *v1alpha1.GatewayTenant, p *pass) error {
	job, failingSince := r.jobHistory.Observe(gt.Namespace, jobOf(p.seen.job), p.certificates.NeedsCertgen(), r.now())
	var action certificates.Action
	action, p.again = certificates.Decide(p.certificates, job, p.objects.Certgen.GetAnnotations()[manifests.AnnotationWish], failingSince, r.now())
	switch action {
	case certificates.RunJob:
		return r.apply(ctx, p.objects.Certgen, p.seen)
	case certificates.ReplaceJob:
		return r.deleteJob(ctx, p.seen.job)
	}
	return nil
}

// jobOf tells where the certgen Job stands.
func jobOf(job *batchv1.Job) certificates.Job {
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

func jobIs(job *batchv1.Job, what batchv1.JobConditionType) bool {
	return diagnose.JobCondition(job, what) != nil
}

// deleteJob deletes the certgen Job together with its pods, so that no two of them are ever at work. That it is still
// the Job that was decided about is confirmed by a live read: the cache may be old.
func (r *Reconciler) deleteJob(ctx context.Context, job *batchv1.Job) error {
	controller := metav1.GetControllerOf(job)
	if controller == nil && job.Labels[manifests.LabelName] != manifests.AppName || controller != nil && controller.Kind != "GatewayTenant" {
		return &conflictError{object: fmt.Sprintf("Job %s/%s", job.Namespace, job.Name), whose: "is not the operator's; delete it"}
	}
	live := &batchv1.Job{}
	there, err := found(r.live.Get(ctx, client.ObjectKeyFromObject(job), live))
	if err != nil || !there || live.UID != job.UID || live.ResourceVersion != job.ResourceVersion {
		return err // if it changed, the change is an event on its way
	}
	return r.delete(ctx, live, fmt.Sprintf("Job %s/%s, which is in the way of another", job.Namespace, job.Name),
		client.PropagationPolicy(metav1.DeletePropagationForeground), client.Preconditions{UID: &live.UID, ResourceVersion: &live.ResourceVersion})
}

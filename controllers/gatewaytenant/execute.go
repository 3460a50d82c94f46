package gatewaytenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// result is what the execution of a plan led to.
type result struct {
	// undone are the objects whose steps were not executed or failed.
	undone []observe.Ref
	// retry is when to reconcile again at the latest because an object has changed since it was observed. It is zero if none has.
	retry time.Duration
	// outdated joins the errors about such objects. It is nil if there are none.
	outdated error
	// err joins all other errors, in the order of the steps.
	err error
}

// execute executes the steps of a plan that wait for nothing, stage by stage. The steps of a stage are executed concurrently. If
// one fails or is blocked, those that require its object are left out.
func (r *Reconciler) execute(ctx context.Context, namespace string, steps []plan.Step) (is result) {
	errs := make([]error, len(steps))
	done := make([]bool, len(steps))
	for stage := range plan.Stages {
		var running sync.WaitGroup
		for i, step := range steps {
			switch {
			case step.Stage != stage || step.Waits != "":
			case slices.ContainsFunc(step.Requires, func(required observe.Ref) bool { return slices.Contains(is.undone, required) }):
			case step.Blocked != nil:
				errs[i] = step.Blocked
			default:
				running.Go(func() {
					errs[i] = r.executeStep(ctx, namespace, step)
					done[i] = errs[i] == nil
				})
			}
		}
		running.Wait()
		for i, step := range steps {
			if step.Stage == stage && !done[i] {
				is.undone = append(is.undone, step.Object)
			}
		}
	}
	for i, step := range steps {
		if errors.Is(errs[i], errOutdated) {
			is.outdated = errors.Join(is.outdated, fmt.Errorf("changing %s: %w, again and again; find the client that changes it in the audit log of the API server and stop it",
				step.Object.Describe(namespace), errs[i]))
			errs[i], is.retry = nil, outdatedRetry
		}
	}
	is.err = errors.Join(errs...)
	return is
}

// errOutdated fails a step because its object has changed since it was observed. An event about the change follows, and leads to
// another plan within outdatedRetry.
var errOutdated = errors.New("the object has changed since it was observed")

const outdatedRetry = time.Second

func (r *Reconciler) executeStep(ctx context.Context, namespace string, step plan.Step) error {
	switch step.Action {
	case plan.Delete:
		err := r.delete(ctx, namespace, step)
		if err == nil {
			r.history.deleted(namespace, step.Object)
		}
		return err
	case plan.RemoveSubject:
		return r.removeSubject(ctx, namespace, step)
	case plan.Recreate:
		if err := r.delete(ctx, namespace, step); err != nil {
			return err
		}
		step.Live, step.Difference = nil, apply.Difference{Needed: true}
	}
	if step.Live != nil && r.history.isOutdated(namespace, step.Object, step.Live) {
		return errOutdated
	}
	err := r.applier.Apply(ctx, step.Desired, step.Live, step.Difference)
	if apply.IsOutdated(err) {
		return errOutdated
	}
	if step.Live == nil && apply.IsFieldConflict(err) {
		return r.applyUncached(ctx, step.Desired)
	}
	return diagnose.Refused(err, step.Object.Kind, step.Object.Name, namespace)
}

// applyUncached applies an object that exists although the caches do not hold it, if the operator has created it: someone has
// removed the label by which ClusterRoleBindings are cached.
func (r *Reconciler) applyUncached(ctx context.Context, desired *unstructured.Unstructured) error {
	if desired.GetKind() == "ClusterRoleBinding" {
		live := observe.RefOf(desired).In(metav1.NamespaceNone)
		exists, err := observe.Exists(r.live.Get(ctx, client.ObjectKeyFromObject(desired), live))
		if err != nil {
			return err
		}
		if exists && apply.AppliedBy(live, manifests.Manager) {
			return r.applier.Apply(ctx, desired, live, apply.Difference{Needed: true})
		}
	}
	return &plan.ConflictError{Object: apply.Describe(desired), Why: "is somebody else's; delete it", Uncached: true}
}

// delete deletes an object if it still is as it was observed, otherwise it returns errOutdated. The pods of a Job are deleted first, so
// that two Jobs never run at the same time.
func (r *Reconciler) delete(ctx context.Context, namespace string, step plan.Step) error {
	object := step.Object.In(namespace)
	uid, version := step.Live.GetUID(), step.Live.GetResourceVersion()
	options := []client.DeleteOption{client.Preconditions{UID: &uid, ResourceVersion: &version}}
	switch step.Object.Kind {
	case "Job":
		options = append(options, client.PropagationPolicy(metav1.DeletePropagationForeground))
	case "Pod": // its resourceVersion changes with its status
		options = []client.DeleteOption{client.Preconditions{UID: &uid}}
	}
	name := step.Object.Describe(namespace)
	switch err := r.Delete(ctx, object, options...); {
	case apierrors.IsNotFound(err):
		return nil
	case apierrors.IsConflict(err) && strings.Contains(err.Error(), "Precondition failed"): // a webhook may reject with a conflict, too
		return errOutdated
	case err != nil:
		return diagnose.Refused(fmt.Errorf("deleting %s: %w", name, err), step.Object.Kind, step.Object.Name, namespace)
	}
	ctrl.LoggerFrom(ctx).Info("Deleted object", "object", name, "reason", step.Reason)
	return nil
}

// removeSubject removes the tenant's gateway from the ClusterRoleBinding that an earlier control plane shares among all tenants.
// The patch tests the subject at its index, since others may be removed at the same time.
func (r *Reconciler) removeSubject(ctx context.Context, namespace string, step plan.Step) error {
	subject := plan.SharedSubject(namespace)
	at := fmt.Sprintf("/subjects/%d", step.Index)
	patch, err := json.Marshal([]map[string]any{{"op": "test", "path": at, "value": subject}, {"op": "remove", "path": at}})
	if err != nil {
		return err
	}
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: step.Object.Name}}
	if err := r.Patch(ctx, binding, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return fmt.Errorf("removing ServiceAccount %s/%s from ClusterRoleBinding %s: %w", subject.Namespace, subject.Name, step.Object.Name, err)
	}
	return nil
}

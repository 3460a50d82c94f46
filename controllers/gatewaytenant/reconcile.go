package gatewaytenant

import (
	"context"
	"errors"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/sandboxpods"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/status"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Reconcile observes a tenant, plans, executes the plan and reports the state of the tenant.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	if !r.watched(request.Namespace) {
		return ctrl.Result{}, nil // the operator knows the namespace but not its objects
	}
	tenant := &v1alpha1.GatewayTenant{}
	exists, err := observe.Exists(r.Get(ctx, request.NamespacedName, tenant))
	if err != nil {
		return ctrl.Result{}, err
	}
	if !exists {
		r.forget(request.Namespace)
		return r.removeBinding(ctx, request.NamespacedName)
	}
	if wait := r.written.outdated(tenant, r.now()); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	namespace, err := r.namespace(ctx, request.Namespace)
	if err != nil {
		return ctrl.Result{}, err
	}
	if namespace == nil || namespace.DeletionTimestamp != nil || tenant.DeletionTimestamp != nil {
		r.slots.Exclude(request.Namespace)
		return ctrl.Result{}, nil // the garbage collector removes the objects, which are owned
	}
	in, retry := r.converge(ctx, tenant, namespace)
	if in.Plan == nil || retry > 0 && in.Err == nil {
		return ctrl.Result{RequeueAfter: retry}, nil // nothing of the plan is certain
	}
	return r.report(ctx, in, retry)
}

// converge observes the tenant, plans and executes the plan. It returns what the status depends on, and when to reconcile again if what
// was observed is outdated. If the StatefulSet is older than what was applied last, there is no plan: the gateway would seem to need no
// rollout slot, or another one.
func (r *Reconciler) converge(
	ctx context.Context, tenant *v1alpha1.GatewayTenant, namespace *metav1.PartialObjectMetadata,
) (out status.Input, retry time.Duration) {
	out = status.Input{GatewayTenant: tenant, TrustDelay: r.trustDelay}
	in := plan.Input{GatewayTenant: tenant, Platform: r.platform, Comparer: r.comparer, JobHistory: &r.jobs, Now: r.now()}
	in.History, in.NoRollout = r.history.of(tenant.Namespace), !r.slots.Rolls(tenant.Namespace)
	observed, observeErr := r.observer.Observe(ctx, tenant, namespace)
	var err error
	in.Tenant, err = r.evaluations.evaluate(tenant, r.platform.For(tenant, observed.Volume))
	errors.As(err, &in.Rejected)
	if observeErr == nil {
		observeErr = r.observeSandboxPods(ctx, in.Tenant, observed)
	}
	if observeErr != nil {
		out.Err, out.Plan = observeErr, &plan.Plan{Tenant: in.Tenant, Rejected: in.Rejected}
		return out, 0
	}
	if in.Rejected == nil && !tenant.Spec.Suspend {
		r.observer.AddFiles(ctx, in.Tenant, observed)
	}
	out.Observed = observed
	set := observed.StatefulSet
	if r.history.isUnseen(tenant.Namespace, set) || set != nil && r.history.isOutdated(tenant.Namespace, observe.Workload, set) {
		return out, outdatedRetry
	}
	in.Observed = observed
	if out.Plan = r.plan(in); out.Plan.Held {
		out.SlotHolders = r.slots.Holders()
	}
	if out.Err = out.Plan.Incomplete; out.Err == nil {
		executed := r.execute(ctx, tenant.Namespace, out.Plan.Steps)
		retry, out.Err, out.Undone = executed.retry, r.outdated.orErr(tenant.Namespace, executed, in.Now), executed.undone
	}
	runs := out.Plan.Preflight != nil && out.Plan.Preflight.Reason == v1alpha1.ReasonPreflightRunning
	if out.Err != nil && out.Plan.Slot == plan.SlotNeeded && !out.Plan.Held && !runs {
		r.slots.Release(tenant.Namespace) // if its StatefulSet was changed nevertheless, it occupies a slot
	}
	return out, retry
}

// observeSandboxPods reads what rejects the pods of a tenant's sandboxes, if that concerns its release.
func (r *Reconciler) observeSandboxPods(ctx context.Context, tenant manifests.Tenant, observed *observe.Observed) error {
	if !sandboxpods.Concern(tenant.Release()) {
		return nil
	}
	rejections, wait, err := r.sandboxPods.Rejections(ctx, tenant.Namespace)
	observed.AddSandboxPods(rejections, wait)
	return err
}

// plan makes a plan, and gets the tenant a rollout slot if the plan needs one and one is free.
func (r *Reconciler) plan(in plan.Input) *plan.Plan {
	namespace := in.GatewayTenant.Namespace
	p := plan.Make(in)
	if p.Incomplete != nil {
		return p // whether it needs a slot is unknown
	}
	switch p.Slot {
	case plan.SlotNeeded:
		if in.SlotGranted = r.slots.Request(namespace); in.SlotGranted {
			p = plan.Make(in)
		}
	case plan.SlotInUse:
		r.slots.Keep(namespace)
	case plan.SlotIrrelevant:
		r.slots.Exclude(namespace)
	default:
		r.slots.Release(namespace)
	}
	return p
}

// holdersRefresh is how often a tenant that waits for a rollout slot updates its report of the tenants that hold the slots.
const holdersRefresh = 5 * time.Minute

// report writes the status if it changed, and schedules the next reconcile: after an error with backoff, when time requires one, or
// otherwise after the next event.
func (r *Reconciler) report(ctx context.Context, in status.Input, retry time.Duration) (ctrl.Result, error) {
	tenant, now := in.GatewayTenant, r.now()
	var contention, holders time.Duration
	in.Contentions, contention = r.history.interferences(tenant.Namespace)
	if len(in.SlotHolders) > 0 {
		holders = holdersRefresh
	}
	if !r.unread.waits(in, now) && (in.Observed == nil || !in.Observed.Pending) {
		if in.Observed != nil && !in.Observed.Restoring && in.Plan.Incomplete == nil {
			since := r.stored.observe(tenant.Namespace, in.Plan.Certificates.ServerStored, now)
			in.DistributionWait = status.DistributionWait(in, since, now)
		}
		computed := status.Compute(in)
		if starting := status.Starting(in, computed, r.counter.Grace(), now); starting > 0 {
			return r.next(in, retry, contention, holders, starting)
		}
		// An error of the status write takes precedence, since the next reconcile finds the other one again.
		if err := r.writeStatus(ctx, tenant, computed); err != nil {
			return ctrl.Result{}, err
		}
	}
	return r.next(in, retry, contention, holders, in.DistributionWait)
}

// next schedules the next reconcile, after one of the waits at the latest. Zero means that time alone requires none.
func (r *Reconciler) next(in status.Input, waits ...time.Duration) (ctrl.Result, error) {
	if status.Retry(in.Err) {
		return ctrl.Result{}, in.Err
	}
	if in.Observed != nil {
		waits = append(waits, in.Observed.LookAgain)
	}
	if again := in.Plan.Again; !again.IsZero() {
		waits = append(waits, max(again.Sub(r.now()), time.Millisecond))
	}
	waits = slices.DeleteFunc(waits, func(wait time.Duration) bool { return wait <= 0 })
	if len(waits) == 0 {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{RequeueAfter: slices.Min(waits)}, nil
}

// removeBinding deletes the ClusterRoleBinding of a GatewayTenant that does not exist any more. The GatewayTenant is read from the
// API server first, since the cache may be outdated.
func (r *Reconciler) removeBinding(ctx context.Context, tenant client.ObjectKey) (ctrl.Result, error) {
	binding, err := r.observer.Binding(ctx, tenant.Namespace)
	if err != nil || r.removed.has(tenant.Namespace, binding) {
		return ctrl.Result{}, err
	}
	namespace, err := r.namespace(ctx, tenant.Namespace)
	if err != nil || namespace != nil && v1alpha1.Restoring(namespace) {
		return ctrl.Result{}, err // its GatewayTenant may be restored later
	}
	steps := plan.Removal(binding)
	if len(steps) == 0 {
		return ctrl.Result{}, nil
	}
	if exists, err := observe.Exists(r.live.Get(ctx, tenant, &v1alpha1.GatewayTenant{})); err != nil || exists {
		return ctrl.Result{}, err
	}
	executed := r.execute(ctx, tenant.Namespace, steps)
	if len(executed.undone) == 0 {
		r.removed.note(tenant.Namespace, binding)
	}
	return ctrl.Result{RequeueAfter: executed.retry}, executed.err
}

// namespace reads the metadata of a namespace. It is nil if the cache does not hold the namespace yet. An event follows when
// it does.
func (r *Reconciler) namespace(ctx context.Context, name string) (*metav1.PartialObjectMetadata, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	exists, err := observe.Exists(r.Get(ctx, client.ObjectKey{Name: name}, namespace))
	if err != nil || !exists {
		return nil, err
	}
	return namespace, nil
}

// writeStatus writes the status if it changed, and then reports a change of the condition Ready.
func (r *Reconciler) writeStatus(ctx context.Context, tenant *v1alpha1.GatewayTenant, computed v1alpha1.GatewayTenantStatus) error {
	if equality.Semantic.DeepEqual(tenant.Status, computed) {
		return nil
	}
	changed := tenant.DeepCopy()
	changed.Status = computed
	// No other client writes the status, so a patch without a resourceVersion overwrites nothing, and the next reconcile corrects
	// one that was computed from an outdated cache.
	if err := r.Status().Patch(ctx, changed, client.MergeFrom(tenant)); err != nil {
		return client.IgnoreNotFound(err)
	}
	r.written.note(changed, r.now())
	r.reportReady(ctx, tenant, computed)
	return nil
}

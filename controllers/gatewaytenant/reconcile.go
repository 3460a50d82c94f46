package gatewaytenant

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/rollout"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Reconciler takes one tenant a pass closer to its GatewayTenant, and says where it stands.
type Reconciler struct {
	client.Client                          // reads from the manager's caches
	live          client.Reader            // reads from the API server: before something is deleted, or made over what no cache shows, and why a pod is missing
	caches        map[childKey]cache.Cache // what there is of the tenants' objects
	pods          cache.Cache              // of the gateways
	sandboxCRD    cache.Cache              // of the Sandbox API
	shared        cache.Cache              // of the earlier control plane's binding
	slots         *rollout.Slots
	contention    *contention
	backlog       func() int // how many tenants are on their way to Ready
	lookups       *lookups
	comparer      *apply.Comparer
	applier       *apply.Applier
	events        events.EventRecorder
	platform      manifests.Platform
	evaluations   *evaluationCache
	watched       func(namespace string) bool
	now           func() time.Time
	trustDelay    time.Duration // that a changed Secret takes to reach a container, at most
	jobHistory    certificates.JobHistory
	stored        storedTimes
	evicted       evicted
	unread        sync.Map // by namespace, since when the earlier gateway.toml cannot be read
	wrote         sync.Map // by namespace, the resourceVersion of the last status that this process wrote
}

// Reconcile is one pass over one tenant.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	if !r.watched(request.Namespace) {
		return ctrl.Result{}, nil // its namespace is known, its objects are not
	}
	tenant := &v1alpha1.GatewayTenant{}
	there, err := found(r.Get(ctx, request.NamespacedName, tenant))
	if err != nil {
		return ctrl.Result{}, err
	}
	if !there {
		r.wrote.Delete(request.Namespace)
		r.unread.Delete(request.Namespace)
		r.evaluations.forget(request.Namespace)
		r.slots.Exclude(request.Namespace)
		r.contention.forget(request.Namespace)
		r.jobHistory.Forget(request.Namespace)
		r.stored.forget(request.Namespace)
		r.lookups.forget(request.Namespace)
		r.evicted.forget(request.Namespace)
		return ctrl.Result{}, r.removeBinding(ctx, request.NamespacedName)
	}
	if r.older(tenant) {
		return ctrl.Result{}, nil // the status that we wrote is on its way, and will wake us
	}
	namespace, err := r.namespace(ctx, request.Namespace)
	if err != nil {
		return ctrl.Result{}, err
	}
	if namespace == nil || namespace.DeletionTimestamp != nil || tenant.DeletionTimestamp != nil {
		r.slots.Exclude(request.Namespace)
		return ctrl.Result{}, nil // all is owned: the garbage collector removes it
	}
	pass := r.pass(ctx, tenant, namespace)
	if r.waitsForRead(request.Namespace, pass) {
		return r.next(pass)
	}
	pass.rivals, pass.rivalsFor = r.contention.of(request.Namespace)
	status := statusOf(tenant, pass)
	pass.starting = starting(tenant.Status, status, pass.seen.statefulSet, grace(r.backlog()), r.now())
	if pass.starting > 0 {
		return r.next(pass)
	}
	// A failed status write outranks the pass's own error, which will come again by itself.
	if err := r.writeStatus(ctx, tenant, status); err != nil {
		return ctrl.Result{}, err
	}
	return r.next(pass)
}

// pass is what one pass found out. Status is a function of it.
type pass struct {
	generation      int64 // of the spec
	suspended       bool
	rivals          []string      // who change what is ours
	rivalsFor       time.Duration // how long that holds
	held            bool          // what runs is left as it is, until it has its turn
	podSecurity     string        // the level that the namespace enforces; empty: it does not say
	tenant          manifests.Tenant
	rejected        *manifests.RejectedError // nil: the spec is valid
	rejectedStorage *manifests.RejectedError // why spec.storage alone is rejected; the rest of the spec is applied
	seen            observed
	certificates    certificates.Observed
	objects         manifests.Objects
	again           time.Duration // when time alone calls for another pass; zero: never
	trustDelay      time.Duration // that a changed Secret takes to reach a container, at most
	distributing    time.Duration // how long the gateway may serve an earlier certificate; zero: it serves the present one
	starting        time.Duration // how long the status waits for the gateway's first start
	unread          bool          // the earlier gateway.toml could not be read; err says why
	err             error
}

// pass checks, observes, renders and applies. Of a tenant whose spec is rejected, nothing is applied, and what runs is
// kept running.
func (r *Reconciler) pass(ctx context.Context, gt *v1alpha1.GatewayTenant, namespace *metav1.PartialObjectMetadata) (p pass) {
	p.check(gt, namespace, r.platform, r.evaluations)
	if p.seen, p.err = r.observe(ctx, gt); p.err != nil {
		return p
	}
	if p.rejected == nil && manifests.NeedsEarlierConfig(p.seen.volume) {
		if p.seen.volume.Config, p.err = r.earlierConfig(ctx, gt.Namespace); p.err != nil {
			p.unread = true
			return p
		}
	}
	if p.fits(); p.rejected != nil {
		r.keepRunning(ctx, gt, &p)
		return p
	}
	p.certificates = certificates.Inspect(p.seen.secrets, wanted(p.tenant), r.now())
	if p.distributing, p.err = r.distribution(ctx, gt, &p); p.err != nil {
		return p
	}
	cluster := p.cluster(namespace.UID)
	if p.objects, p.err = manifests.Render(p.tenant, cluster); p.err != nil {
		return p
	}
	cluster.Turn = r.turn(gt.Namespace, &p)
	if p.held = cluster.Turn.Held; cluster.Turn != (manifests.Turn{}) {
		p.objects, p.err = manifests.Render(p.tenant, cluster)
	}
	if p.err == nil && !p.suspended {
		r.converge(ctx, gt, &p)
	}
	if p.err != nil && cluster.Turn.Granted {
		r.slots.Release(gt.Namespace) // if its StatefulSet was changed all the same, it occupies a slot
	}
	return p
}

// check looks at the spec alone.
func (p *pass) check(gt *v1alpha1.GatewayTenant, namespace *metav1.PartialObjectMetadata, platform manifests.Platform, evaluations *evaluationCache) {
	p.generation, p.suspended, p.podSecurity = gt.Generation, gt.Spec.Suspend, namespace.Labels[labelPodSecurity]
	var err error
	p.tenant, err = evaluations.evaluate(gt, platform)
	errors.As(err, &p.rejected)
}

// fits holds a valid spec against the volume that was seen. One that is being removed binds nobody.
func (p *pass) fits() {
	if claim := p.seen.volume.Claim; claim != nil && claim.DeletionTimestamp != nil {
		return
	}
	if p.rejected != nil {
		return
	}
	errors.As(p.tenant.CheckStorage(p.seen.volume), &p.rejectedStorage)
	errors.As(p.tenant.CheckDowngrade(p.seen.volume), &p.rejected)
	for _, check := range []func(manifests.Volume) error{p.tenant.CheckKeyPath, p.tenant.CheckEarlierConfig} {
		if p.rejected == nil {
			errors.As(check(p.seen.volume), &p.rejected)
		}
	}
}

// cluster is what rendering needs to know of what was seen.
func (p *pass) cluster(namespace types.UID) manifests.RenderInput {
	cluster := manifests.RenderInput{NamespaceUID: namespace, Volume: p.seen.volume, TokenKey: p.certificates.TokenKeyID}
	if p.seen.statefulSet != nil {
		cluster.Gateway = p.seen.statefulSet.Annotations
	}
	return cluster
}

// keepRunning sees that the certificates of a gateway that runs, and whose present spec is rejected, do not expire.
func (r *Reconciler) keepRunning(ctx context.Context, gt *v1alpha1.GatewayTenant, p *pass) {
	r.slots.Exclude(gt.Namespace)
	p.tenant = manifests.CertificateOnly(gt, r.platform)
	p.tenant.ServerNames = nil // the rejected spec does not change the names in the certificate
	p.certificates = certificates.Inspect(p.seen.secrets, wanted(p.tenant), r.now())
	if p.distributing, p.err = r.distribution(ctx, gt, p); p.err != nil {
		return
	}
	if p.tenant.ServerNames = p.certificates.ServerNames; len(p.tenant.ServerNames) == 0 {
		p.tenant.ServerNames = gt.Status.ServerDNSNames // of the certificate that is lost
	}
	if !isOf(gt.UID, p.seen.statefulSet) || len(p.tenant.ServerNames) == 0 || p.suspended {
		return // nothing of ours runs, or nothing is to be done
	}
	if p.objects.Certgen, p.err = manifests.RenderCertgen(p.tenant); p.err == nil {
		p.err = r.certgen(ctx, gt, p)
	}
}

// wanted is what the tenant's Secrets shall be.
func wanted(tenant manifests.Tenant) certificates.Desired {
	return certificates.Desired{Owner: tenant.UID, ServerNames: tenant.ServerNames, Rotation: tenant.Rotation}
}

// next says when to come back: on an error with backoff, when time calls for it, else when something happens.
func (r *Reconciler) next(p pass) (ctrl.Result, error) {
	if p.err != nil && !waitsForOthers(p.err) {
		return ctrl.Result{}, p.err
	}
	waits := []time.Duration{p.again, p.seen.again, p.rivalsFor, p.starting, p.distributing}
	if look := p.certificates.NextCheck; !look.IsZero() {
		waits = append(waits, max(look.Sub(r.now()), time.Millisecond))
	}
	waits = slices.DeleteFunc(waits, func(wait time.Duration) bool { return wait <= 0 })
	if len(waits) == 0 {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{RequeueAfter: slices.Min(waits)}, nil
}

// waitsForOthers tells whether an error is only somebody else's to mend; what they do is an event, so that no retry is
// needed. Of several errors, one that is ours is enough for a retry.
func waitsForOthers(err error) bool {
	return !slices.ContainsFunc(flatten(err), func(one error) bool {
		if conflict := (*conflictError)(nil); errors.As(one, &conflict) {
			return conflict.unseen
		}
		return !errors.As(one, new(*leavingError)) && !errors.As(one, new(*missingAPIError))
	})
}

// namespace reads a namespace's metadata, nil if there is none: then its events are still on their way.
func (r *Reconciler) namespace(ctx context.Context, name string) (*metav1.PartialObjectMetadata, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	there, err := found(r.Get(ctx, client.ObjectKey{Name: name}, namespace))
	if err != nil || !there {
		return nil, err
	}
	return namespace, nil
}

// writeStatus writes the status if it changed, and then tells of a transition.
func (r *Reconciler) writeStatus(ctx context.Context, tenant *v1alpha1.GatewayTenant, status v1alpha1.GatewayTenantStatus) error {
	if equality.Semantic.DeepEqual(tenant.Status, status) {
		return nil
	}
	changed := tenant.DeepCopy()
	changed.Status = status
	// The operator alone writes status, so a patch without a resourceVersion loses nobody's words, and a pass on an old
	// cache is put right by the next one.
	if err := r.Status().Patch(ctx, changed, client.MergeFrom(tenant)); err != nil {
		return client.IgnoreNotFound(err)
	}
	r.wrote.Store(tenant.Namespace, changed.ResourceVersion)
	r.tell(ctx, tenant, status)
	return nil
}

// older tells whether a tenant from the cache is from before the last status that we wrote. A pass over it would write
// that status again.
func (r *Reconciler) older(tenant *v1alpha1.GatewayTenant) bool {
	wrote, there := r.wrote.Load(tenant.Namespace)
	if !there {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(tenant.ResourceVersion, wrote.(string))
	return err == nil && order < 0
}

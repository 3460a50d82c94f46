package gatewaytenant

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/enqueue"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/rollout"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/sandboxpods"
	"github.com/ambient-code/gatewaytenant-operator/controllers/namedcache"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Options of the controller.
type Options struct {
	// Platform is what the platform sets for all tenants.
	Platform manifests.Platform
	// Concurrency is how many tenants are reconciled concurrently, at least 1.
	Concurrency int
	// RolloutPercent is how many of all gateways, in percent and at least one, are restarted concurrently by an update of
	// the platform.
	RolloutPercent int
	// MaxRestarts is how many times within plan.RestartWindow a gateway is restarted to undo changes of other clients. If it is zero,
	// plan.MaxRestarts applies.
	MaxRestarts int
	// TrustDelay is how long a changed Secret takes to reach a container, at most.
	TrustDelay time.Duration
	// Namespaces are those to work in. If there are none, the controller works in all.
	Namespaces namedcache.Namespaces
}

// SetupWithManager adds the controller, and the caches that it needs, to the manager.
func SetupWithManager(mgr ctrl.Manager, options Options) error {
	newCache := func(object client.Object, name string, transform toolscache.TransformFunc, namespaces namedcache.Namespaces) (cache.Cache, error) {
		return namedcache.New(mgr, object, name, transform, namespaces)
	}
	caches, err := observe.NewCaches(newCache, options.Namespaces)
	if err != nil {
		return err
	}
	r := newReconciler(mgr, options, caches)
	if r.sandboxPods, err = sandboxpods.New(mgr, options.Namespaces, r.concernedBySandboxPods); err != nil {
		return err
	}
	allTenants.from.Store(&tenantSource{tenants: mgr.GetClient(), leads: mgr.Elected()})
	build := ctrl.NewControllerManagedBy(mgr).
		Named("gatewaytenant").
		Watches(&v1alpha1.GatewayTenant{}, tenantEvents()).
		WatchesMetadata(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(forNamespace)).
		Watches(&rbacv1.ClusterRoleBinding{}, enqueue.Debounced(forBinding)).
		WatchesRawSource(r.slots.Source(caches.StatefulSets())).
		WatchesRawSource(r.sandboxPods.Source()).
		WatchesRawSource(source.Kind[client.Object](caches.Pods, &corev1.Pod{}, enqueue.Debounced(r.forPod), observe.PodHealthChanged())).
		WatchesRawSource(source.Kind[client.Object](caches.SharedBinding, &rbacv1.ClusterRoleBinding{}, handler.TypedEnqueueRequestsFromMapFunc(forSharedBinding))).
		WatchesRawSource(source.Kind[client.Object](caches.SandboxCRD, &apiextensionsv1.CustomResourceDefinition{}, handler.TypedEnqueueRequestsFromMapFunc(r.forAllTenants), observe.ServedVersionsChanged())).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: options.Concurrency,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](100*time.Millisecond, 30*time.Second),
		})
	forChild := enqueue.Debounced(func(_ context.Context, object client.Object) []reconcile.Request {
		return forTenantIn(object.GetNamespace())
	})
	caches.ForEachChild(func(cache cache.Cache, object client.Object) {
		build.WatchesRawSource(source.Kind(cache, object, forChild))
	})
	return build.Complete(r)
}

func newReconciler(mgr ctrl.Manager, options Options, caches *observe.Caches) *Reconciler {
	r := &Reconciler{
		Client: mgr.GetClient(), live: mgr.GetAPIReader(), events: mgr.GetEventRecorder(manifests.Manager),
		platform: options.Platform, trustDelay: options.TrustDelay, watched: options.Namespaces.Include, now: time.Now,
		counter: &tenantCounter{tenants: mgr.GetClient()},
		memory:  memory{evictions: &observe.Evictions{}, evaluations: &evaluationCache{}},
	}
	r.observer = observe.NewObserver(r.Client, r.live, caches, r.evictions, r.counter, r.now)
	r.comparer = apply.NewComparer(mgr.GetScheme(), manifests.Manager, apply.Exclusive)
	r.applier = apply.New(r.Client, r.comparer, apply.WithReader(r.live), apply.OnApplied(r.history.note))
	r.history.most = options.MaxRestarts
	r.slots = rollout.New(options.RolloutPercent, r.counter.countTotal)
	return r
}

// concernedBySandboxPods reports whether nodes and ResourceQuotas can reject the pods of a tenant's sandboxes.
func (r *Reconciler) concernedBySandboxPods(tenant *v1alpha1.GatewayTenant) bool {
	requested, valid := manifests.RequestedRelease(tenant, r.platform)
	return valid && sandboxpods.Concern(requested)
}

// The functions that follow map an object to the requests for the tenants that it concerns.

func forTenantIn(namespace string) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: namespace, Name: v1alpha1.Name}}}
}

func forNamespace(_ context.Context, namespace client.Object) []reconcile.Request {
	return forTenantIn(namespace.GetName())
}

// forBinding maps a tenant's ClusterRoleBinding.
func forBinding(_ context.Context, binding client.Object) []reconcile.Request {
	namespace, is := strings.CutPrefix(binding.GetName(), manifests.NodeReaderPrefix)
	if !is {
		return nil
	}
	return forTenantIn(namespace)
}

// forSharedBinding maps the ClusterRoleBinding of an earlier control plane to the tenants in it.
func forSharedBinding(_ context.Context, object client.Object) []reconcile.Request {
	var requests []reconcile.Request
	if binding, ok := object.(*rbacv1.ClusterRoleBinding); ok {
		for _, subject := range binding.Subjects {
			requests = append(requests, forTenantIn(subject.Namespace)...)
		}
	}
	return requests
}

// forPod maps a gateway's pod, and remembers its eviction.
func (r *Reconciler) forPod(_ context.Context, object client.Object) []reconcile.Request {
	if pod, ok := object.(*corev1.Pod); ok {
		r.evictions.Note(pod)
	}
	return forTenantIn(object.GetNamespace())
}

// forAllTenants maps an object that all tenants share.
func (r *Reconciler) forAllTenants(ctx context.Context, _ client.Object) []reconcile.Request {
	var tenants v1alpha1.GatewayTenantList
	if err := r.List(ctx, &tenants, client.UnsafeDisableDeepCopy); err != nil {
		return nil // the caches are being stopped, and the operator with them
	}
	requests := make([]reconcile.Request, 0, len(tenants.Items))
	for i := range tenants.Items {
		requests = append(requests, forTenantIn(tenants.Items[i].Namespace)...)
	}
	return requests
}

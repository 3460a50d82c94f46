package gatewaytenant

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/enqueue"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/rollout"
	"github.com/ambient-code/gatewaytenant-operator/controllers/namedcache"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// What the operator may do in tenants' namespaces, by name wherever names are fixed. Where an API server protects owner
// references, as OpenShift's does, giving an owner to an object that has none needs the right to delete it.
//
// +kubebuilder:rbac:groups=openshell.ambient-code.io,resources=gatewaytenants,verbs=list;watch
// +kubebuilder:rbac:groups=openshell.ambient-code.io,resources=gatewaytenants,resourceNames=openshell-gateway,verbs=get
// +kubebuilder:rbac:groups=openshell.ambient-code.io,resources=gatewaytenants/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=serviceaccounts,resourceNames=openshell-gateway;openshell-gateway-sandbox;openshell-gateway-certgen,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=configmaps,resourceNames=openshell-gateway-config,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,resourceNames=openshell-data-openshell-gateway-0,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=services,resourceNames=openshell-gateway,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=secrets,resourceNames=openshell-gateway-ca;openshell-server-tls;openshell-client-tls;openshell-gateway-jwt-keys,verbs=list;watch
// +kubebuilder:rbac:groups=apps,resources=statefulsets,resourceNames=openshell-gateway,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups=batch,resources=jobs,resourceNames=openshell-gateway-certgen,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,resourceNames=openshell-gateway-sandbox-ssh;openshell-gateway-sandbox-ssh-label;openshell-gateway-clients,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=rolebindings,resourceNames=openshell-gateway-sandbox;openshell-gateway-certgen,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=clusterrolebindings,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=clusterroles,resourceNames=gatewaytenant-node-reader;gatewaytenant-sandboxes;gatewaytenant-certgen,verbs=bind
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create

// Options of the controller.
type Options struct {
	// Platform is what the platform sets for all tenants.
	Platform manifests.Platform
	// Concurrency is how many tenants are reconciled at once, at least 1.
	Concurrency int
	// RolloutPercent is how many of all gateways, in percent and at least one, are restarted at once by an update of the
	// platform.
	RolloutPercent int
	// TrustDelay is how long a changed Secret takes to reach a container, at most.
	TrustDelay time.Duration
	// Namespaces are those to work in; none: all.
	Namespaces namedcache.Namespaces
}

// SetupWithManager adds the controller, and the caches that it needs, to the manager.
func SetupWithManager(mgr ctrl.Manager, options Options) error {
	caches, err := childCaches(mgr, options.Namespaces)
	if err != nil {
		return err
	}
	sandboxCRD, err := namedcache.New(mgr, &apiextensionsv1.CustomResourceDefinition{}, manifests.SandboxCRD, keepCRD, nil)
	if err != nil {
		return err
	}
	shared, err := namedcache.New(mgr, &rbacv1.ClusterRoleBinding{}, sharedBinding, keepSubjects, nil)
	if err != nil {
		return err
	}
	pods, err := namedcache.New(mgr, &corev1.Pod{}, manifests.PodName, keepPod, options.Namespaces)
	if err != nil {
		return err
	}
	r := &Reconciler{
		Client: mgr.GetClient(),
		live:   mgr.GetAPIReader(),
		caches: caches, pods: pods, sandboxCRD: sandboxCRD, shared: shared,
		contention: &contention{now: time.Now}, lookups: newLookups(),
		comparer: apply.NewComparer(mgr.GetScheme(), manifests.Manager, apply.Exclusive),
		events:   mgr.GetEventRecorder(manifests.Manager),
		platform: options.Platform, evaluations: &evaluationCache{},
		watched: options.Namespaces.Include,
		now:     time.Now, trustDelay: options.TrustDelay,
	}
	r.applier = apply.New(mgr.GetClient(), r.comparer, apply.WithReader(mgr.GetAPIReader()), apply.OnDrift(r.contention.note))
	counter := &tenantCounter{tenants: mgr.GetClient()}
	r.backlog, r.slots = counter.countBacklog, rollout.New(options.RolloutPercent, counter.countTotal)
	allTenants.from.Store(&tenantSource{tenants: mgr.GetClient(), leads: mgr.Elected()})
	build := ctrl.NewControllerManagedBy(mgr).
		Named("gatewaytenant").
		Watches(&v1alpha1.GatewayTenant{}, tenantEvents()).
		WatchesMetadata(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(ofNamespace)).
		WatchesMetadata(&rbacv1.ClusterRoleBinding{}, enqueue.Debounced(ofBinding)).
		WatchesRawSource(source.Kind[client.Object](pods, &corev1.Pod{}, enqueue.Debounced(r.evicted.ofPod), podHealthChanged())).
		WatchesRawSource(r.slots.Source(caches[childKey{"StatefulSet", manifests.GatewayName}])).
		WatchesRawSource(source.Kind[client.Object](shared, &rbacv1.ClusterRoleBinding{}, handler.TypedEnqueueRequestsFromMapFunc(ofShared))).
		WatchesRawSource(source.Kind[client.Object](sandboxCRD, &apiextensionsv1.CustomResourceDefinition{}, handler.TypedEnqueueRequestsFromMapFunc(r.everyTenant), servedChanges())).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: options.Concurrency,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](100*time.Millisecond, 30*time.Second),
		})
	watchChildren(build, caches)
	return build.Complete(r)
}

// watchChildren leads every event about a tenant's object to a pass over the tenant. Most of these objects are known by
// their metadata alone, so these watches are made from their caches.
func watchChildren(build *builder.Builder, caches map[childKey]cache.Cache) {
	toTenant := enqueue.Debounced(func(_ context.Context, object client.Object) []reconcile.Request {
		return tenantIn(object.GetNamespace())
	})
	for _, child := range watchedChildren() {
		build.WatchesRawSource(source.Kind(caches[child.childKey], child.object, toTenant))
	}
}

// ofNamespace leads from a namespace to the tenant in it.
func ofNamespace(_ context.Context, namespace client.Object) []reconcile.Request {
	return tenantIn(namespace.GetName())
}

// ofBinding leads from a tenant's ClusterRoleBinding to the tenant.
func ofBinding(_ context.Context, binding client.Object) []reconcile.Request {
	namespace, is := strings.CutPrefix(binding.GetName(), manifests.NodeReaderPrefix)
	if !is {
		return nil
	}
	return tenantIn(namespace)
}

func tenantIn(namespace string) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: namespace, Name: v1alpha1.Name}}}
}

// CacheOptions says what the manager's own cache keeps for this controller, and for the bridge: tenants with their
// spec, and namespaces and the tenants' ClusterRoleBindings as metadata.
func CacheOptions() map[client.Object]cache.ByObject {
	return map[client.Object]cache.ByObject{
		&v1alpha1.GatewayTenant{}:    {Transform: compacted(keepTenant)},
		&corev1.Namespace{}:          {Transform: keepNamespace},
		&rbacv1.ClusterRoleBinding{}: {Transform: compacted(keepMetadata), Label: labels.SelectorFromSet(labels.Set{manifests.LabelManagedBy: manifests.Manager})},
	}
}

// keepNamespace keeps of a namespace that it is there, and what it says of its pods.
func keepNamespace(object any) (any, error) {
	if namespace, ok := object.(*metav1.PartialObjectMetadata); ok {
		namespace.ManagedFields, namespace.Annotations, namespace.OwnerReferences, namespace.Finalizers = nil, nil, nil, nil
		level, says := namespace.Labels[labelPodSecurity]
		if namespace.Labels = nil; says {
			namespace.Labels = map[string]string{labelPodSecurity: level}
		}
	}
	return object, nil
}

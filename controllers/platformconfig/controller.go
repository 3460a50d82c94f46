package platformconfig

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/enqueue"
	"github.com/ambient-code/gatewaytenant-operator/controllers/namedcache"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// What the bridge may do: read the ConfigMaps of the platform's namespace, write its report, and keep GatewayTenants. It
// never creates or deletes a namespace. Events about a ConfigMap that did not change meanwhile become a series.
//
// +kubebuilder:rbac:groups="",namespace=gatewaytenant-system,resources=configmaps,verbs=list;watch
// +kubebuilder:rbac:groups="",namespace=gatewaytenant-system,resources=configmaps,resourceNames=platform-config-status,verbs=create;patch
// +kubebuilder:rbac:groups=openshell.ambient-code.io,resources=gatewaytenants,resourceNames=openshell-gateway,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups=events.k8s.io,namespace=gatewaytenant-system,resources=events,verbs=patch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=list;watch

// FieldOwner is the bridge's name in managedFields: what an entry does not set, others may.
const FieldOwner = manifests.BridgeManager

// LabelShard marks, with the value true, further ConfigMaps with entries: the size of a ConfigMap bounds what one holds.
const LabelShard = "openshell.ambient-code.io/platform-config"

// Options of the bridge.
type Options struct {
	// Config is the first ConfigMap with entries. Its namespace is that of all of them.
	Config client.ObjectKey
	// Platform is what the platform sets for all tenants.
	Platform manifests.Platform
	// Guard holds removals that nobody may have meant.
	Guard Guard
	// Concurrency is how many GatewayTenants are written at once, at least 1.
	Concurrency int
	// Namespaces are those to work in; none: all.
	Namespaces namedcache.Namespaces
}

// report is the ConfigMap that says where the entries stand.
func (o Options) report() client.ObjectKey {
	return client.ObjectKey{Namespace: o.Config.Namespace, Name: o.Config.Name + StatusSuffix}
}

// Concerns tells whether the bridge reads a ConfigMap of the platform's namespace.
func (o Options) Concerns(config client.Object) bool {
	return o.isReport(config) || o.hasEntries(config)
}

func (o Options) isReport(config client.Object) bool { return config.GetName() == o.report().Name }

// hasEntries tells whether a ConfigMap of the platform's namespace is one of those with entries.
func (o Options) hasEntries(config client.Object) bool {
	return config.GetName() == o.Config.Name || config.GetLabels()[LabelShard] == "true" && !o.isReport(config)
}

// CacheOptions says what the manager's own cache keeps for the bridge: of the platform's namespace, the ConfigMaps that
// concern it, and of others no contents.
func CacheOptions(options Options) map[client.Object]cache.ByObject {
	strip := func(object any) (any, error) {
		if config, ok := object.(*corev1.ConfigMap); ok {
			if !options.Concerns(config) {
				return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: config.Name, Namespace: config.Namespace, UID: config.UID, ResourceVersion: config.ResourceVersion}}, nil
			}
			config.ManagedFields = nil
		}
		return object, nil
	}
	return map[client.Object]cache.ByObject{
		&corev1.ConfigMap{}: {Namespaces: map[string]cache.Config{options.Config.Namespace: {}}, Transform: strip},
	}
}

// SetupWithManager adds the bridge to the manager.
func SetupWithManager(mgr ctrl.Manager, options Options) error {
	if err := options.Guard.Validate(); err != nil {
		return err
	}
	r := &Reconciler{
		Client:  mgr.GetClient(),
		live:    mgr.GetAPIReader(),
		applier: apply.New(mgr.GetClient(), apply.NewComparer(mgr.GetScheme(), FieldOwner)),
		events:  mgr.GetEventRecorder(FieldOwner),
		options: options,
	}
	// Every event leads to the same request. What is not an edit of the entries comes in bursts, and each reconcile reads all of it.
	request := reconcile.Request{NamespacedName: options.Config}
	requests := func(context.Context, client.Object) []reconcile.Request { return []reconcile.Request{request} }
	immediately, debounced := handler.EnqueueRequestsFromMapFunc(requests), enqueue.Debounced(requests)
	return ctrl.NewControllerManagedBy(mgr).
		Named("platformconfig").
		Watches(&corev1.ConfigMap{}, immediately, builder.WithPredicates(of(options.hasEntries))).
		Watches(&corev1.ConfigMap{}, debounced, builder.WithPredicates(of(options.isReport))).
		Watches(&v1alpha1.GatewayTenant{}, debounced, builder.WithPredicates(notStatus)).
		WatchesMetadata(&corev1.Namespace{}, debounced, builder.WithPredicates(comesOrGoes)).
		WatchesRawSource(source.Func(atStart(request))).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: 1,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](100*time.Millisecond, 30*time.Second),
		}).
		Complete(r)
}

// atStart leads to a pass where there is nothing yet that could be an event.
func atStart(request reconcile.Request) func(context.Context, enqueue.Queue) error {
	return func(_ context.Context, queue enqueue.Queue) error {
		queue.Add(request)
		return nil
	}
}

// of drops ConfigMaps that are not of a sort, now or before a change.
func of(sort func(client.Object) bool) predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return sort(e.Object) },
		UpdateFunc: func(e event.UpdateEvent) bool { return sort(e.ObjectOld) || sort(e.ObjectNew) },
		DeleteFunc: func(e event.DeleteEvent) bool { return sort(e.Object) },
	}
}

// notStatus drops changes of a GatewayTenant's status alone, which are nothing to the bridge.
var notStatus = predicate.Or(
	predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, predicate.LabelChangedPredicate{},
	predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetResourceVersion() == e.ObjectNew.GetResourceVersion()
	}}, // a resync
)

// comesOrGoes drops changes of a namespace other than its end, of which a list that comes late tells as another uid.
var comesOrGoes = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() || (e.ObjectOld.GetDeletionTimestamp() == nil) != (e.ObjectNew.GetDeletionTimestamp() == nil)
}}

package platformconfig

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
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
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
)

// What the bridge may do: read the ConfigMaps of the platform's namespace, write its report, and keep GatewayTenants. It
// never creates or deletes a namespace. Events about a ConfigMap that did not change meanwhile become a series.
//
// +kubebuilder:rbac:groups="",namespace=gatewaytenant-system,resources=configmaps,verbs=list;watch
// +kubebuilder:rbac:groups="",namespace=gatewaytenant-system,resources=configmaps,resourceNames=platform-config-status,verbs=create;patch
// +kubebuilder:rbac:groups=openshell.ambient-code.io,resources=gatewaytenants,resourceNames=openshell-gateway,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups=events.k8s.io,namespace=gatewaytenant-system,resources=events,verbs=patch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=list;watch

// SetupWithManager adds the bridge to the manager.
func SetupWithManager(mgr ctrl.Manager, options Options) error {
	if err := options.Guard.Validate(); err != nil {
		return err
	}
	comparer := apply.NewComparer(mgr.GetScheme(), plan.FieldOwner)
	r := &Reconciler{
		cache:    mgr.GetClient(),
		options:  options,
		reader:   entries.NewReader(options.Platform),
		applier:  tenantApplier{comparer: comparer, concurrency: options.Concurrency},
		remover:  tenantRemover{mgr.GetClient(), mgr.GetAPIReader(), options.ConfigMaps, options.Concurrency},
		reporter: reporter{client: mgr.GetClient(), events: mgr.GetEventRecorder(plan.FieldOwner), name: options.ConfigMaps.Report()},
	}
	r.applier.applier = apply.New(mgr.GetClient(), comparer, apply.OnApplied(r.applier.contention.note))
	// Every event leads to the same request, of all entries. What is not an edit of the entries comes in bursts.
	request := reconcile.Request{NamespacedName: options.ConfigMaps.First}
	requests := func(context.Context, client.Object) []reconcile.Request { return []reconcile.Request{request} }
	immediately, debounced := handler.EnqueueRequestsFromMapFunc(requests), enqueue.Debounced(requests)
	return ctrl.NewControllerManagedBy(mgr).
		Named("platformconfig").
		Watches(&corev1.ConfigMap{}, immediately, builder.WithPredicates(of(options.ConfigMaps.HasEntries))).
		Watches(&corev1.ConfigMap{}, debounced, builder.WithPredicates(of(options.ConfigMaps.IsReport))).
		Watches(&v1alpha1.GatewayTenant{}, debounced, builder.WithPredicates(notStatus)).
		WatchesMetadata(&corev1.Namespace{}, debounced, builder.WithPredicates(namespaceLifecycle)).
		WatchesRawSource(source.Func(atStart(request))).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: 1,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](100*time.Millisecond, 30*time.Second),
		}).
		Complete(r)
}

// atStart triggers the first reconcile, since there may be no object and thus no event.
func atStart(request reconcile.Request) func(context.Context, enqueue.Queue) error {
	return func(_ context.Context, queue enqueue.Queue) error {
		queue.Add(request)
		return nil
	}
}

// of selects events about ConfigMaps that are or were selected.
func of(selected func(metav1.Object) bool) predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return selected(e.Object) },
		UpdateFunc: func(e event.UpdateEvent) bool { return selected(e.ObjectOld) || selected(e.ObjectNew) },
		DeleteFunc: func(e event.DeleteEvent) bool { return selected(e.Object) },
	}
}

// notStatus drops changes of only the status of a GatewayTenant, on which the bridge does not depend.
var notStatus = predicate.Or(
	predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, predicate.LabelChangedPredicate{},
	predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetResourceVersion() == e.ObjectNew.GetResourceVersion()
	}}, // a resync
)

// namespaceLifecycle drops updates of a namespace unless its deletion started, a restore into it started or ended or, after a
// late list, it was replaced.
var namespaceLifecycle = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() || (e.ObjectOld.GetDeletionTimestamp() == nil) != (e.ObjectNew.GetDeletionTimestamp() == nil) ||
		v1alpha1.Restoring(e.ObjectOld) != v1alpha1.Restoring(e.ObjectNew)
}}

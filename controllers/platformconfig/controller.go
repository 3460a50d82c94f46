package platformconfig

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
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
	"github.com/ambient-code/gatewaytenant-operator/controllers/namedcache"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// What the bridge may do: read its ConfigMap, and keep GatewayTenants. It never creates or deletes a namespace.
//
// +kubebuilder:rbac:groups="",namespace=gatewaytenant-system,resources=configmaps,resourceNames=platform-config,verbs=get;list;watch
// +kubebuilder:rbac:groups=openshell.ambient-code.io,resources=gatewaytenants,resourceNames=openshell-gateway,verbs=create;patch;delete
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=list;watch

// fieldOwner is the bridge's name in managedFields: what an entry does not set, others may.
const fieldOwner = "gatewaytenant-operator-bridge"

// Options of the bridge.
type Options struct {
	// Config is the ConfigMap with the entries.
	Config client.ObjectKey
	// Platform is what the platform sets for all tenants.
	Platform manifests.Platform
	// Concurrency is how many GatewayTenants are written at once, at least 1.
	Concurrency int
	// Namespaces are those to work in; none: all.
	Namespaces namedcache.Namespaces
}

// SetupWithManager adds the bridge, and the cache of its ConfigMap, to the manager.
func SetupWithManager(mgr ctrl.Manager, options Options) error {
	configs, err := namedcache.New(mgr, &corev1.ConfigMap{}, options.Config.Name, nil, namedcache.Namespaces{options.Config.Namespace: {}})
	if err != nil {
		return err
	}
	r := &Reconciler{
		Client:      mgr.GetClient(),
		source:      configs,
		live:        mgr.GetAPIReader(),
		applier:     apply.New(mgr.GetClient(), mgr.GetScheme(), fieldOwner),
		events:      mgr.GetEventRecorder(fieldOwner),
		platform:    options.Platform,
		concurrency: options.Concurrency,
		watched:     options.Namespaces.Include,
	}
	// Whatever happens leads to one and the same pass.
	request := []reconcile.Request{{NamespacedName: options.Config}}
	pass := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request { return request })
	typedPass := handler.TypedEnqueueRequestsFromMapFunc[*corev1.ConfigMap, reconcile.Request](func(context.Context, *corev1.ConfigMap) []reconcile.Request { return request })
	return ctrl.NewControllerManagedBy(mgr).
		Named("platformconfig").
		WatchesRawSource(source.Kind(configs, &corev1.ConfigMap{}, typedPass)).
		Watches(&v1alpha1.GatewayTenant{}, pass, builder.WithPredicates(notStatus)).
		WatchesMetadata(&corev1.Namespace{}, pass, builder.WithPredicates(comesOrGoes)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: 1,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](100*time.Millisecond, 30*time.Second),
		}).
		Complete(r)
}

// notStatus drops changes of a GatewayTenant's status alone, which are nothing to the bridge.
var notStatus = predicate.Or(
	predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, predicate.LabelChangedPredicate{},
	predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetResourceVersion() == e.ObjectNew.GetResourceVersion()
	}}, // a resync
)

// comesOrGoes drops changes of a namespace other than its end.
var comesOrGoes = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	return (e.ObjectOld.GetDeletionTimestamp() == nil) != (e.ObjectNew.GetDeletionTimestamp() == nil)
}}

// tell records what is not done and why, once for each change of it.
func (r *Reconciler) tell(ctx context.Context, config *corev1.ConfigMap, report []string) {
	text := strings.Join(report, "\n")
	if text == r.reported {
		return
	}
	r.reported = text
	for _, line := range report {
		ctrl.LoggerFrom(ctx).Info("Not done", "why", line)
	}
	if len(report) > 0 {
		const most = 900 // an Event's note may have 1,024 bytes
		r.events.Eventf(config, nil, corev1.EventTypeWarning, "Refused", "Reconcile", "%s", strings.ToValidUTF8(text[:min(len(text), most)], ""))
	}
}

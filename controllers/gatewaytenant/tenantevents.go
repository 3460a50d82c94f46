package gatewaytenant

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/enqueue"
)

// tenantEvents returns a handler of events about GatewayTenants. It adds their requests immediately, except that a change of the
// status, which is the operator's own, is debounced.
func tenantEvents() handler.EventHandler {
	requested := predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, predicate.LabelChangedPredicate{})
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, queue enqueue.Queue) { addCreated(e, queue) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, queue enqueue.Queue) {
			if requested.Update(e) {
				queue.Add(requestFor(e.ObjectNew))
			} else {
				queue.AddAfter(requestFor(e.ObjectNew), enqueue.DebounceInterval)
			}
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, queue enqueue.Queue) { queue.Add(requestFor(e.Object)) },
	}
}

// unreconciledPriority is the priority, when the operator starts, of tenants whose present spec was not reconciled. It is below 0,
// the priority of later events, and above that of the other tenants.
const unreconciledPriority = handler.LowPriority / 2

// addCreated adds the request for a tenant that the cache has listed or that was created.
func addCreated(e event.CreateEvent, queue enqueue.Queue) {
	tenant, is := e.Object.(*v1alpha1.GatewayTenant)
	byPriority, has := queue.(priorityqueue.PriorityQueue[reconcile.Request])
	if is && has && e.IsInInitialList && tenant.Status.ObservedGeneration != tenant.Generation {
		byPriority.AddWithOpts(priorityqueue.AddOpts{Priority: new(unreconciledPriority)}, requestFor(tenant))
		return
	}
	queue.Add(requestFor(e.Object))
}

func requestFor(tenant client.Object) reconcile.Request {
	return reconcile.Request{NamespacedName: client.ObjectKeyFromObject(tenant)}
}

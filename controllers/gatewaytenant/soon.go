package gatewaytenant

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// soon leads events about what a tenant has to a pass over it a moment later. They come in swarms: our own writes come
// back one by one, certgen makes four Secrets, and a StatefulSet's status changes several times while its pod starts. A
// swarm is one pass then. What is asked of a tenant does not wait.
func (c *crowd) soon(of handler.MapFunc) handler.TypedEventHandler[client.Object, reconcile.Request] {
	add := func(ctx context.Context, object client.Object, q queue) {
		for _, request := range of(ctx, object) {
			q.AddAfter(request, c.moment())
		}
	}
	return handler.Funcs{ // which gives the first list of a kind, and resyncs, a low priority
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { add(ctx, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) { add(ctx, e.ObjectNew, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { add(ctx, e.Object, q) },
	}
}

// ofTenants leads events about GatewayTenants to a pass: at once, but for changes of the status, which are our own.
func (c *crowd) ofTenants() handler.TypedEventHandler[client.Object, reconcile.Request] {
	asked := predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, predicate.LabelChangedPredicate{})
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { add(e, q) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			if asked.Update(e) {
				q.Add(requestFor(e.ObjectNew))
			} else {
				q.AddAfter(requestFor(e.ObjectNew), c.moment())
			}
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { q.Add(requestFor(e.Object)) },
	}
}

// beforeOthers is the priority, when the operator starts, of tenants whose present spec was not reconciled yet: after what
// happens meanwhile, which has 0, and before those that are only looked at again.
const beforeOthers = handler.LowPriority / 2

// add adds a tenant that is there.
func add(e event.CreateEvent, q queue) {
	tenant, is := e.Object.(*v1alpha1.GatewayTenant)
	byPriority, has := q.(priorityqueue.PriorityQueue[reconcile.Request])
	if is && has && e.IsInInitialList && tenant.Status.ObservedGeneration != tenant.Generation {
		byPriority.AddWithOpts(priorityqueue.AddOpts{Priority: new(beforeOthers)}, requestFor(tenant))
		return
	}
	q.Add(requestFor(e.Object))
}

func requestFor(tenant client.Object) reconcile.Request {
	return reconcile.Request{NamespacedName: client.ObjectKeyFromObject(tenant)}
}

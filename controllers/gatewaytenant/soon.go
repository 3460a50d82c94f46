package gatewaytenant

import (
	"context"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// moment is how long a pass waits for more events about the same tenant's objects.
const moment = 250 * time.Millisecond

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// soon leads events about what a tenant has to a pass over it a moment later. They come in swarms: our own writes come
// back one by one, certgen makes four Secrets, and a StatefulSet's status changes several times while its pod starts. A
// swarm is one pass then. What is asked of a tenant does not wait.
func soon(of handler.MapFunc) handler.TypedEventHandler[client.Object, reconcile.Request] {
	add := func(ctx context.Context, object client.Object, q queue) {
		for _, request := range of(ctx, object) {
			q.AddAfter(request, moment)
		}
	}
	return handler.Funcs{ // which gives the first list of a kind, and resyncs, a low priority
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { add(ctx, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) { add(ctx, e.ObjectNew, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { add(ctx, e.Object, q) },
	}
}

// ofTenants leads events about GatewayTenants to a pass: at once, but for changes of the status, which are our own.
func ofTenants() handler.TypedEventHandler[client.Object, reconcile.Request] {
	asked := predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, predicate.LabelChangedPredicate{})
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { addNew(e.Object, q) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			if asked.Update(e) {
				q.Add(requestFor(e.ObjectNew))
			} else {
				q.AddAfter(requestFor(e.ObjectNew), moment)
			}
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { q.Add(requestFor(e.Object)) },
	}
}

// addNew adds a tenant that is there. Of those that are there when the operator starts, and whose turn comes after all that
// happens meanwhile, it lets those go first whose spec no status speaks of: to them, it has only just happened.
func addNew(object client.Object, q queue) {
	tenant, is := object.(*v1alpha1.GatewayTenant)
	byPriority, has := q.(priorityqueue.PriorityQueue[reconcile.Request])
	if is && has && tenant.Status.ObservedGeneration != tenant.Generation {
		byPriority.AddWithOpts(priorityqueue.AddOpts{Priority: new(0)}, requestFor(object))
		return
	}
	q.Add(requestFor(object))
}

func requestFor(tenant client.Object) reconcile.Request {
	return reconcile.Request{NamespacedName: client.ObjectKeyFromObject(tenant)}
}

// Package enqueue adds requests to a controller's queue.
package enqueue

import (
	"context"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Queue is a controller's queue.
type Queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// DebounceInterval is how long a request waits for further events that lead to the same request.
const DebounceInterval = 250 * time.Millisecond

// Debounced returns a handler that adds requests after the debounce interval. Events about the objects of a tenant come in bursts:
// the operator observes its own writes one by one, certgen creates four Secrets, and the status of a StatefulSet changes several times
// while its pod starts. One reconcile handles a burst.
func Debounced(requests handler.MapFunc) handler.EventHandler {
	add := func(ctx context.Context, object client.Object, queue Queue) {
		for _, request := range requests(ctx, object) {
			queue.AddAfter(request, DebounceInterval)
		}
	}
	return handler.Funcs{ // it gives the first list of a kind, and resyncs, a low priority
		CreateFunc: func(ctx context.Context, e event.CreateEvent, queue Queue) { add(ctx, e.Object, queue) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, queue Queue) { add(ctx, e.ObjectNew, queue) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, queue Queue) { add(ctx, e.Object, queue) },
	}
}

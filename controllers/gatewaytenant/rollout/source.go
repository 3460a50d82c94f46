package rollout

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// grantSource is a source of requests for tenants that are granted a slot. It observes the StatefulSets in a cache.
type grantSource struct {
	source.SyncingSource
	slots *Slots
}

// Source returns the source of requests that the controller must watch: it reconciles each tenant that waited and is granted a
// slot. A controller reconciles nothing before its sources have synced, so no slot is granted before all gateways are observed.
func (s *Slots) Source(gateways cache.Cache) source.SyncingSource {
	return grantSource{source.TypedKind(gateways, &appsv1.StatefulSet{}, s.handler()), s}
}

// Start implements source.Source.
func (g grantSource) Start(ctx context.Context, queue queue) error {
	g.slots.mu.Lock()
	g.slots.queue = queue
	g.slots.mu.Unlock()
	return g.SyncingSource.Start(ctx, queue)
}

func (s *Slots) handler() handler.TypedEventHandler[*appsv1.StatefulSet, reconcile.Request] {
	return handler.TypedFuncs[*appsv1.StatefulSet, reconcile.Request]{
		CreateFunc: func(_ context.Context, e event.TypedCreateEvent[*appsv1.StatefulSet], _ queue) { s.observe(e.Object) },
		UpdateFunc: func(_ context.Context, e event.TypedUpdateEvent[*appsv1.StatefulSet], _ queue) {
			s.observe(e.ObjectNew)
		},
		DeleteFunc: func(_ context.Context, e event.TypedDeleteEvent[*appsv1.StatefulSet], _ queue) { s.remove(e.Object) },
	}
}

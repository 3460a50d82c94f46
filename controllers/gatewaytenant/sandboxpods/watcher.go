package sandboxpods

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/enqueue"
	"github.com/ambient-code/gatewaytenant-operator/controllers/namedcache"
)

const (
	// firstRead is how long the status of a tenant waits for the caches to be filled, counted from when the first tenant needs them. They
	// are never filled if the operator lacks a right, and that must not keep a status from being written.
	firstRead = 10 * time.Second
	// nodesDebounce is how long a change of a node waits for further changes. Nodes come in groups.
	nodesDebounce = time.Second
)

// Watcher watches nodes, ResourceQuotas and LimitRanges. It begins when the first tenant requests a release that they concern, and goes on
// until the process ends. In a cluster without such a tenant it costs nothing: kubelets update their nodes every few minutes, and each
// pod that comes or goes changes the ResourceQuotas of its namespace.
type Watcher struct {
	objects  cache.Cache
	tenants  cache.Cache
	concerns func(*v1alpha1.GatewayTenant) bool

	required     chan struct{} // closed when the first tenant requires the watches
	nodesChanged chan struct{}

	mu    sync.Mutex
	queue enqueue.Queue
	since time.Time // when required was closed
	read  bool      // whether objects are complete, and nodes follow from them
	nodes Nodes
}

// New returns a Watcher that the manager starts, for tenants in the given namespaces. The function reports whether nodes and
// ResourceQuotas concern a tenant.
func New(mgr manager.Manager, namespaces namedcache.Namespaces, concerns func(*v1alpha1.GatewayTenant) bool) (*Watcher, error) {
	objects, err := newCache(mgr.GetConfig(), cache.Options{
		Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(), HTTPClient: mgr.GetHTTPClient(), DefaultNamespaces: namespaces,
	})
	if err != nil {
		return nil, err
	}
	w := newWatcher(objects, mgr.GetCache(), concerns)
	return w, mgr.Add(w)
}

func newWatcher(objects, tenants cache.Cache, concerns func(*v1alpha1.GatewayTenant) bool) *Watcher {
	return &Watcher{objects: objects, tenants: tenants, concerns: concerns, required: make(chan struct{}), nodesChanged: make(chan struct{}, 1)}
}

// Source returns the source of requests that the controller must watch: it reconciles each tenant whose rejections may have changed.
func (w *Watcher) Source() source.Source {
	return source.Func(func(_ context.Context, queue enqueue.Queue) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.queue = queue
		return nil
	})
}

// Rejections returns what rejects the pods of sandboxes in a namespace. If that is not known yet, it returns how much longer to wait; the
// tenant is reconciled when it is known.
func (w *Watcher) Rejections(ctx context.Context, namespace string) (Rejections, time.Duration, error) {
	nodes, wait, known := w.require()
	if !known {
		return Rejections{}, wait, nil
	}
	quotas, err := ReadQuotas(ctx, w.objects, namespace)
	if err != nil {
		return Rejections{}, 0, err
	}
	return Rejections{nodes, quotas}, 0, nil
}

// require begins the watches, unless they have begun. It returns what is known of the nodes and, if nothing is known, how long to wait.
func (w *Watcher) require() (nodes Nodes, wait time.Duration, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.since.IsZero() {
		w.since = time.Now()
		close(w.required)
	}
	return w.nodes, max(0, time.Until(w.since.Add(firstRead))), w.read
}

// NeedLeaderElection returns false: a new leader does not have to wait until its caches are filled.
func (w *Watcher) NeedLeaderElection() bool { return false }

// Start runs the watches until ctx ends.
func (w *Watcher) Start(ctx context.Context) error {
	if err := w.watchTenants(ctx); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case <-w.required:
	}
	log.FromContext(ctx).Info("Watching nodes, ResourceQuotas and LimitRanges, because a tenant requests a release whose sandboxes they may reject")
	if err := w.watchObjects(ctx); err != nil {
		return err
	}
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { _ = w.objects.Start(ctx) }) // it returns when ctx ends, without an error
	if !w.objects.WaitForCacheSync(ctx) {
		return nil
	}
	for {
		if w.readNodes(ctx) {
			w.enqueueAll(ctx)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.nodesChanged:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(nodesDebounce):
		}
	}
}

// watchTenants begins the other watches when a tenant requires them, also in a process that does not lead.
func (w *Watcher) watchTenants(ctx context.Context) error {
	informer, err := w.tenants.GetInformer(ctx, &v1alpha1.GatewayTenant{}, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watching GatewayTenants: %w", err)
	}
	_, err = informer.AddEventHandler(onChange(func(tenant, _ *v1alpha1.GatewayTenant) {
		select {
		case <-w.required:
		default:
			if w.concerns(tenant) {
				w.require()
			}
		}
	}))
	return err
}

// readNodes reads the nodes from the cache. It reports whether the tenants have to be reconciled, which they have the first time, too.
func (w *Watcher) readNodes(ctx context.Context) bool {
	var list corev1.NodeList
	if err := w.objects.List(ctx, &list); err != nil {
		return false // the cache is being stopped
	}
	nodes := NodesThatReject(list.Items)
	w.mu.Lock()
	defer w.mu.Unlock()
	changed := !w.read || nodes.All != w.nodes.All || !slices.Equal(nodes.Runtimes, w.nodes.Runtimes)
	w.read, w.nodes = true, nodes
	return changed
}

// enqueueAll adds requests for all tenants that nodes and ResourceQuotas concern.
func (w *Watcher) enqueueAll(ctx context.Context) {
	var list v1alpha1.GatewayTenantList
	if err := w.tenants.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return // the cache is being stopped
	}
	for i := range list.Items {
		w.enqueue(&list.Items[i])
	}
}

// enqueueIn adds a request for the tenant in a namespace.
func (w *Watcher) enqueueIn(ctx context.Context, namespace string) {
	tenant := &v1alpha1.GatewayTenant{}
	if w.tenants.Get(ctx, client.ObjectKey{Namespace: namespace, Name: v1alpha1.Name}, tenant, client.UnsafeDisableDeepCopy) == nil {
		w.enqueue(tenant)
	}
}

// enqueue adds a request for a tenant if nodes and ResourceQuotas concern it.
func (w *Watcher) enqueue(tenant *v1alpha1.GatewayTenant) {
	w.mu.Lock()
	queue := w.queue
	w.mu.Unlock()
	if queue != nil && w.concerns(tenant) { // otherwise no tenant has been reconciled yet, and all will be
		queue.AddAfter(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(tenant)}, enqueue.DebounceInterval)
	}
}

// onChange returns a handler that calls f with an object that was added, changed or deleted and, if it was changed, its earlier state.
func onChange[T client.Object](f func(object, before T)) toolscache.ResourceEventHandler {
	var none T
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) {
			if object, is := object.(T); is {
				f(object, none)
			}
		},
		UpdateFunc: func(before, object any) {
			if object, is := object.(T); is {
				f(object, before.(T))
			}
		},
		DeleteFunc: func(object any) {
			if unknown, is := object.(toolscache.DeletedFinalStateUnknown); is {
				object = unknown.Obj
			}
			if object, is := object.(T); is {
				f(object, none)
			}
		},
	}
}

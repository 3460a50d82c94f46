package sandboxpods

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// server is an API server that lists objects and sends changes of them. It streams no lists.
type server struct {
	mu        sync.Mutex
	lists     map[string]any // by resource
	forbidden string         // a resource that may not be listed
	requested []string       // resources that were listed
	changes   map[string]chan change
}

// change is an event of a watch.
type change struct {
	Type   string `json:"type"`
	Object any    `json:"object"`
}

func newServer(nodes []corev1.Node, quotas []corev1.ResourceQuota, ranges []corev1.LimitRange) *server {
	s := &server{lists: map[string]any{"nodes": nodes, "resourcequotas": quotas, "limitranges": ranges}, changes: map[string]chan change{}}
	for resource := range s.lists {
		s.changes[resource] = make(chan change)
	}
	return s
}

// ServeHTTP answers a list or a watch.
func (s *server) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	resource, query := strings.TrimPrefix(request.URL.Path, "/api/v1/"), request.URL.Query()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case query.Get("sendInitialEvents") != "":
		http.Error(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":422}`, http.StatusUnprocessableEntity)
	case query.Get("watch") != "":
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		for {
			select {
			case <-request.Context().Done():
				return
			case event := <-s.changes[resource]:
				_ = json.NewEncoder(w).Encode(event)
				w.(http.Flusher).Flush()
			}
		}
	default:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.requested = append(s.requested, resource)
		if resource == s.forbidden {
			http.Error(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403}`, http.StatusForbidden)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"metadata": map[string]any{"resourceVersion": "1"}, "items": s.lists[resource]})
	}
}

// send sends an event about an object to those who watch its resource.
func (s *server) send(event, resource, kind string, object client.Object) {
	object.GetObjectKind().SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
	s.changes[resource] <- change{event, object}
}

// listed returns which resources were listed.
func (s *server) listed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requested
}

// tenantCache is the manager's cache with some GatewayTenants.
type tenantCache struct {
	cache.Cache
	cache.Informer
	tenants []v1alpha1.GatewayTenant
	handler chan toolscache.ResourceEventHandler
}

// GetInformer returns the cache itself.
func (c *tenantCache) GetInformer(context.Context, client.Object, ...cache.InformerGetOption) (cache.Informer, error) {
	return c, nil
}

// AddEventHandler keeps the handler.
func (c *tenantCache) AddEventHandler(handler toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	c.handler <- handler
	return nil, nil
}

// List lists all tenants.
func (c *tenantCache) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.(*v1alpha1.GatewayTenantList).Items = c.tenants
	return nil
}

// Get reads a tenant.
func (c *tenantCache) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	for _, tenant := range c.tenants {
		if tenant.Namespace == key.Namespace {
			*into.(*v1alpha1.GatewayTenant) = tenant
			return nil
		}
	}
	return errors.New("there is no such tenant")
}

// fixture is a Watcher that runs, with tenants of which those concern it that have an image.
type fixture struct {
	*Watcher
	t       *testing.T
	server  *server
	tenants *tenantCache
	handler toolscache.ResourceEventHandler
	queue   workqueue.TypedRateLimitingInterface[reconcile.Request]
}

func start(t *testing.T, server *server, tenants ...v1alpha1.GatewayTenant) *fixture {
	t.Helper()
	web := httptest.NewServer(server)
	mapper := meta.NewDefaultRESTMapper(nil)
	for kind, scope := range map[string]meta.RESTScope{"Node": meta.RESTScopeRoot, "ResourceQuota": meta.RESTScopeNamespace, "LimitRange": meta.RESTScopeNamespace} {
		mapper.Add(corev1.SchemeGroupVersion.WithKind(kind), scope)
	}
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	objects, err := newCache(&rest.Config{Host: web.URL, QPS: -1, ContentConfig: rest.ContentConfig{ContentType: "application/json"}}, cache.Options{Scheme: scheme, Mapper: mapper, HTTPClient: web.Client()})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, server: server, tenants: &tenantCache{tenants: tenants, handler: make(chan toolscache.ResourceEventHandler, 1)}}
	f.queue = workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	f.Watcher = newWatcher(objects, f.tenants, func(tenant *v1alpha1.GatewayTenant) bool { return tenant.Spec.Image != "" })
	if err := f.Source().Start(t.Context(), f.queue); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- f.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		f.queue.ShutDown()
		web.CloseClientConnections()
		web.Close()
	})
	f.handler = <-f.tenants.handler
	return f
}

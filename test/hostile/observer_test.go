package hostile

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// observer knows from a watch where each tenant stands.
type observer struct {
	mu     sync.Mutex
	states map[string]state
	woken  map[string]chan struct{} // closed at the next change
}

// state is what the status of a GatewayTenant says.
type state struct {
	uid, gone       types.UID // of the one that is there, and of the last one that was
	version         string    // of the resource
	observed        int64
	accepted, ready bool
}

// observe watches all tenants. While collecting, it also stands in for the garbage collector where a Job is deleted
// together with its pods: the Job has none, since nobody makes them.
func (p *place) observe(t *testing.T, collecting *collector) *observer {
	t.Helper()
	o := &observer{states: map[string]state{}, woken: map[string]chan struct{}{}}
	watched, err := cache.New(p.Config(), cache.Options{Scheme: p.Client.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	for object, handler := range map[client.Object]toolscache.ResourceEventHandler{
		&v1alpha1.GatewayTenant{}: toolscache.ResourceEventHandlerFuncs{
			AddFunc:    func(object any) { o.note(object.(*v1alpha1.GatewayTenant), false) },
			UpdateFunc: func(_, object any) { o.note(object.(*v1alpha1.GatewayTenant), false) },
			DeleteFunc: func(object any) {
				if tenant, ok := object.(*v1alpha1.GatewayTenant); ok {
					o.note(tenant, true)
				}
			},
		},
		&batchv1.Job{}: toolscache.ResourceEventHandlerFuncs{UpdateFunc: func(_, object any) { collecting.see(object.(*batchv1.Job)) }},
	} {
		informer, err := watched.GetInformer(ctx, object, cache.BlockUntilSynced(false))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := informer.AddEventHandler(handler); err != nil {
			t.Fatal(err)
		}
	}
	go func() { _ = watched.Start(ctx) }() // it ends with the test
	if !watched.WaitForCacheSync(ctx) {
		t.Fatal("no watch of the tenants")
	}
	return o
}

func (o *observer) note(tenant *v1alpha1.GatewayTenant, gone bool) {
	is := state{
		uid: tenant.UID, version: tenant.ResourceVersion, observed: tenant.Status.ObservedGeneration,
		accepted: meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionAccepted),
		ready:    meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionReady),
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if gone {
		is = state{gone: tenant.UID}
	}
	o.states[tenant.Namespace] = is
	if woken := o.woken[tenant.Namespace]; woken != nil {
		close(woken)
		delete(o.woken, tenant.Namespace)
	}
}

// now is where a tenant stands.
func (o *observer) now(namespace string) state {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.states[namespace]
}

// wait waits until a tenant stands as wanted.
func (o *observer) wait(ctx context.Context, namespace string, limit time.Duration, wanted func(state) bool) (state, error) {
	late := time.NewTimer(limit)
	defer late.Stop()
	for {
		o.mu.Lock()
		is, woken := o.states[namespace], o.woken[namespace]
		if woken == nil {
			woken = make(chan struct{})
			o.woken[namespace] = woken
		}
		o.mu.Unlock()
		if wanted(is) {
			return is, nil
		}
		select {
		case <-woken:
		case <-late.C:
			return is, fmt.Errorf("tenant %s is not as expected within %s: %+v", namespace, limit, is)
		case <-ctx.Done():
			return is, context.Cause(ctx)
		}
	}
}

// collector ends Jobs whose pods are waited for.
type collector struct {
	admin client.Client
	mu    sync.Mutex
	on    bool
}

func (c *collector) run(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = on
}

func (c *collector) see(job *batchv1.Job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.on || job.DeletionTimestamp == nil || len(job.Finalizers) == 0 {
		return
	}
	object := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: job.Namespace, Name: job.Name}}
	go func() {
		_ = c.admin.Patch(context.Background(), object, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))) // gone already, or seen again
	}()
}

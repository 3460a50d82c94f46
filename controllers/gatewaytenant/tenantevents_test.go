package gatewaytenant

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// TestUnreconciledTenantsAreFirstAtTheStart expects later events first, then tenants whose present spec was not reconciled.
func TestUnreconciledTenantsAreFirstAtTheStart(t *testing.T) {
	q := priorityqueue.New[reconcile.Request]("test")
	defer q.ShutDown()
	tenants := tenantEvents()
	create := func(namespace string, observed int64, atStart bool) {
		tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.Name, Generation: 2}}
		tenant.Status.ObservedGeneration = observed
		tenants.Create(t.Context(), event.TypedCreateEvent[client.Object]{Object: tenant, IsInInitialList: atStart}, q)
	}
	for i := range 10 {
		create(fmt.Sprintf("old-%d", i), 2, true)
	}
	create("new", 0, true)
	create("changed", 1, true)
	create("later", 0, false)
	deadline := time.Now().Add(10 * time.Second)
	for q.Len() < 13 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	for _, want := range []string{"later", "new", "changed", "old-0"} {
		if got, _ := q.Get(); got.Namespace != want {
			t.Errorf("the next request is for %s, want %s", got.Namespace, want)
		}
	}
}

// TestRequestsAreNotDebounced expects that only a change of the status, which is the operator's own, is debounced.
func TestRequestsAreNotDebounced(t *testing.T) {
	before := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: v1alpha1.Name, Generation: 1}}
	for _, c := range []struct {
		name   string
		change func(*v1alpha1.GatewayTenant)
		waits  bool
	}{
		{"spec", func(gt *v1alpha1.GatewayTenant) { gt.Generation++ }, false},
		{"annotation", func(gt *v1alpha1.GatewayTenant) { gt.Annotations = map[string]string{"rotate": "1"} }, false},
		{"status", func(gt *v1alpha1.GatewayTenant) { gt.Status.Image = "x" }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
			defer q.ShutDown()
			after := before.DeepCopy()
			c.change(after)
			tenantEvents().Update(t.Context(), event.UpdateEvent{ObjectOld: before, ObjectNew: after}, q)
			if waits := q.Len() == 0; waits != c.waits {
				t.Errorf("the request waits: %t, want %t", waits, c.waits)
			}
			if request, _ := q.Get(); request != requestFor(before) { // immediately or after the debounce interval
				t.Errorf("the request is for %v, want %v", request, requestFor(before))
			}
		})
	}
}

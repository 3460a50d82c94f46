package gatewaytenant

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// TestStartLooksFirstAtWhatNoStatusSpeaksOf, but for what happens meanwhile.
func TestStartLooksFirstAtWhatNoStatusSpeaksOf(t *testing.T) {
	q := priorityqueue.New[reconcile.Request]("test")
	defer q.ShutDown()
	tenants := tenantEvents()
	comes := func(namespace string, observed int64, atStart bool) {
		tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.Name, Generation: 2}}
		tenant.Status.ObservedGeneration = observed
		tenants.Create(t.Context(), event.TypedCreateEvent[client.Object]{Object: tenant, IsInInitialList: atStart}, q)
	}
	for i := range 10 {
		comes(fmt.Sprintf("old-%d", i), 2, true)
	}
	comes("new", 0, true)
	comes("changed", 1, true)
	comes("later", 0, false)
	deadline := time.Now().Add(10 * time.Second)
	for q.Len() < 13 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	for _, want := range []string{"later", "new", "changed", "old-0"} {
		if got, _ := q.Get(); got.Namespace != want {
			t.Errorf("%s goes before %s", got.Namespace, want)
		}
	}
}

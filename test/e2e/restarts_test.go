package e2e

import (
	"context"
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// follow tells each object of a list that comes or changes from now on, until the test ends or the returned function is
// called.
func follow[T client.Object](t *testing.T, namespace string, list client.ObjectList, tell func(T)) (stop func()) {
	t.Helper()
	watching, err := client.NewWithWatch(cluster.Config(), client.Options{Scheme: admin.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w, err := watching.Watch(ctx, list, client.InNamespace(namespace))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for event := range w.ResultChan() {
			if object, ok := event.Object.(T); ok && event.Type != watch.Deleted {
				tell(object)
			}
		}
	}()
	stop = func() {
		cancel()
		w.Stop()
		<-ended
	}
	t.Cleanup(stop)
	return stop
}

// neverReady fails the test if a tenant claims to be Ready before the returned function is called.
func neverReady(t *testing.T, namespace string) (stop func()) {
	t.Helper()
	return follow(t, namespace, &v1alpha1.GatewayTenantList{}, func(tenant *v1alpha1.GatewayTenant) {
		if meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionReady) {
			t.Errorf("%s claimed to be Ready", tenant.Namespace)
		}
	})
}

// podsOf counts the pods that gateways had since this was called, by namespace.
func podsOf(t *testing.T, namespaces ...string) (count func() map[string]int) {
	t.Helper()
	uids := map[string]map[types.UID]bool{}
	var stops []func()
	for _, namespace := range namespaces {
		seen := map[types.UID]bool{}
		uids[namespace] = seen
		stops = append(stops, follow(t, namespace, &corev1.PodList{}, func(pod *corev1.Pod) {
			if pod.Name == "openshell-gateway-0" {
				seen[pod.UID] = true
			}
		}))
	}
	return func() map[string]int {
		operator.waitIdle(t, statefulSetWrites(namespaces...)) // A second restart would come soon after the first.
		counts := map[string]int{}
		for i, namespace := range namespaces {
			stops[i]()
			counts[namespace] = len(uids[namespace])
		}
		return counts
	}
}

// TestPodsRestartOnlyWhenTheyMust counts the pods of three tenants.
func TestPodsRestartOnlyWhenTheyMust(t *testing.T) {
	namespaces := []string{"restarts-a", "restarts-b", "restarts-c"}
	for _, namespace := range namespaces {
		cluster.CreateNamespace(t, namespace)
	}
	all := func(edit func(namespace string)) func() {
		return func() {
			for _, namespace := range namespaces {
				edit(namespace)
			}
			for _, namespace := range namespaces {
				waitReady(t, namespace)
			}
		}
	}
	one := func(edit func(*v1alpha1.GatewayTenantSpec)) func() {
		return func() {
			change(t, "restarts-b", edit)
			waitReady(t, "restarts-b")
		}
	}
	for _, c := range []struct {
		what    string
		do      func()
		a, b, c int // pods: those that were there, and new ones
	}{
		{"first deployment", all(func(namespace string) {
			cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
		}), 1, 1, 1},
		{"image", one(func(s *v1alpha1.GatewayTenantSpec) { s.Image = gatewayRepository + "0.0.110" }), 1, 2, 1},
		{"TOML", one(func(s *v1alpha1.GatewayTenantSpec) { s.Config = "openshell.gateway.log_level = 'debug'" }), 1, 2, 1},
		{"TOML that says the same", one(func(s *v1alpha1.GatewayTenantSpec) { s.Config = "[openshell.gateway]\nlog_level = \"debug\" # still" }), 1, 1, 1},
		{"a name", one(func(s *v1alpha1.GatewayTenantSpec) { s.ServerDNSNames = []string{"b.example.com"} }), 1, 1, 1},
		{"storage", one(func(s *v1alpha1.GatewayTenantSpec) { s.Storage.Size = "2Gi" }), 1, 1, 1},
		{"another tenant in platform-config", func() {
			cluster.CreateNamespace(t, "restarts-bridged")
			platformConfig(t, entry("restarts-bridged"))
			waitReady(t, "restarts-bridged")
		}, 1, 1, 1},
		{"restart of the operator", func() {
			restart(t)
			all(func(string) {})()
		}, 1, 1, 1},
	} {
		count := podsOf(t, namespaces...)
		c.do()
		if got, want := count(), map[string]int{"restarts-a": c.a, "restarts-b": c.b, "restarts-c": c.c}; !maps.Equal(got, want) {
			t.Errorf("%s: pods %v, want %v", c.what, got, want)
		}
	}
	platformConfig(t)
}

package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/workload"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
)

// pods are the uids of the pods of these tenants, empty while there is none.
func pods(t *testing.T, namespaces []string) map[string]types.UID {
	t.Helper()
	all := map[string]types.UID{}
	for _, namespace := range namespaces {
		pod := &corev1.Pod{}
		err := admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "openshell-gateway-0"}, pod)
		if client.IgnoreNotFound(err) != nil {
			t.Fatal(err)
		}
		all[namespace] = pod.UID
	}
	return all
}

// restarted are how many of those pods are others now.
func restarted(before, after map[string]types.UID) (n int) {
	for namespace, uid := range before {
		if now := after[namespace]; now != "" && now != uid {
			n++
		}
	}
	return n
}

// countRolling returns a function that stops counting, and reports how many of these gateways were restarted by the platform at
// once and did not serve.
func countRolling(t *testing.T, namespaces []string) func() int {
	ctx, cancel := context.WithCancel(t.Context())
	most, ended := 0, make(chan struct{})
	go func() {
		defer close(ended)
		for ; ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
			var sets appsv1.StatefulSetList
			if err := admin.List(ctx, &sets); err != nil {
				continue
			}
			rolling := 0
			for _, set := range sets.Items {
				if slices.Contains(namespaces, set.Namespace) && workload.Rolling(&set) {
					rolling++
				}
			}
			most = max(most, rolling)
		}
	}()
	return func() int {
		cancel()
		<-ended
		return most
	}
}

// TestPlatformUpdateRollsAFewAtATime, and one that does not come up holds the rest, also over a restart of the operator;
// what a tenant asks for itself is not held, and one that is suspended holds nothing.
func TestPlatformUpdateRollsAFewAtATime(t *testing.T) {
	var namespaces []string
	for i := range 4 {
		namespace := fmt.Sprint("rolled-", i)
		cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
		namespaces = append(namespaces, namespace)
	}
	for _, namespace := range namespaces {
		waitReady(t, namespace)
	}
	before := pods(t, namespaces)
	most := countRolling(t, namespaces)
	update := func(o *options.Options) { o.GatewayImage = gatewayRepository + "0.0.110" }
	withOptions(t, update)
	for n := 1; n < len(namespaces); n++ {
		cluster.Eventually(t, 30*time.Second, func() error {
			if restarted(before, pods(t, namespaces)) < n {
				return errStill
			}
			return nil
		})
		restart(t, update)
	}
	cluster.Eventually(t, 60*time.Second, func() error {
		if n := restarted(before, pods(t, namespaces)); n < len(namespaces) {
			return fmt.Errorf("%d of %d are restarted", n, len(namespaces))
		}
		return nil
	})
	for _, namespace := range namespaces {
		if tenant := waitReady(t, namespace); tenant.Status.Version != "0.0.110" {
			t.Errorf("%s runs %s", namespace, tenant.Status.Version)
		}
	}
	if n := most(); n != 1 {
		t.Errorf("%d rolled at once, want 1", n)
	}

	t.Run("a stuck one holds the rest", func(t *testing.T) {
		before := pods(t, namespaces)
		withOptions(t, func(o *options.Options) { o.GatewayImage = gatewayRepository + "0.0.109-crashes" })
		var holder string
		stuck := func() (n int, holds bool) {
			for _, namespace := range namespaces {
				tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
				ready := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionReady)
				if ready.Reason == v1alpha1.ReasonCrashLoop {
					holds, holder = true, namespace
				}
				if ready.Status == metav1.ConditionTrue && warningOf(tenant) != "" {
					n++
				}
			}
			return n, holds
		}
		cluster.Eventually(t, 30*time.Second, func() error {
			if waiting, holds := stuck(); waiting != 3 || !holds {
				return fmt.Errorf("%d wait, one holds them: %v", waiting, holds)
			}
			return nil
		})
		restart(t, func(o *options.Options) { o.GatewayImage = gatewayRepository + "0.0.109-crashes" })
		operator.quietFor(t, 4*time.Second, statefulSetWrites(namespaces...))
		after := pods(t, namespaces)
		if n := restarted(before, after); n > 1 {
			t.Errorf("%d were restarted although the first does not come up", n)
		}
		for namespace, uid := range before {
			if after[namespace] == uid { // one of those that wait
				change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Image = gatewayRepository + "0.0.108" })
				waitReady(t, namespace)
				break
			}
		}
		change(t, holder, func(s *v1alpha1.GatewayTenantSpec) { s.Suspend = true })
		cluster.Eventually(t, 30*time.Second, func() error {
			if n := restarted(before, pods(t, namespaces)); n < 3 {
				return fmt.Errorf("%d are restarted; a suspended one holds the rest", n)
			}
			return nil
		})
		change(t, holder, func(s *v1alpha1.GatewayTenantSpec) { s.Suspend = false })
	})
	for _, namespace := range namespaces {
		waitReady(t, namespace)
	}
}

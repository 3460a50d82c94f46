package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// liveReads are requests for one object or a list, as opposed to watches: the caches answer these.
func liveReads(request string) bool {
	return strings.HasPrefix(request, http.MethodGet+" ") && !strings.Contains(request, "watch=true") && !strings.Contains(request, "/leases") &&
		!strings.Contains(request, "?timeout=") // discovery, at the start
}

// settle waits until the namespaces of other tests are gone, and the operator sends neither writes nor reads.
func settle(t *testing.T) {
	t.Helper()
	cluster.Eventually(t, 30*time.Second, func() error {
		list := &corev1.NamespaceList{}
		if err := admin.List(t.Context(), list); err != nil {
			return err
		}
		for _, namespace := range list.Items {
			if namespace.DeletionTimestamp != nil {
				return fmt.Errorf("namespace %s is still being deleted", namespace.Name)
			}
		}
		return nil
	})
	operator.waitIdle(t, func(request string) bool { return operatortest.Writes(request) || liveReads(request) })
}

// linesOfChange counts the lines of the operator's log that report a write, or a change of Ready.
func linesOfChange(t *testing.T) (lines int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(cluster.Dir(), "logs", "operator.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range []string{"Created object", "Updated object", "Reverted drift", "Deleted object", "Ready changed"} {
		lines += strings.Count(string(text), fmt.Sprintf(`"msg":%q`, message))
	}
	return lines
}

// TestUnchangedTenantsAreNotWritten counts the operator's requests where they leave it.
func TestUnchangedTenantsAreNotWritten(t *testing.T) {
	cluster.CreateNamespace(t, "quiet-bridged")
	platformConfig(t, entry("quiet-bridged"))
	cluster.CreateTenant(t, "quiet-by-hand", v1alpha1.GatewayTenantSpec{})
	waitReady(t, "quiet-bridged")
	waitReady(t, "quiet-by-hand")
	settle(t)

	t.Run("over a restart and resyncs", func(t *testing.T) {
		operator.stop(t)
		changes := linesOfChange(t)
		const period = time.Second
		operator.QuietFor(t, 4*period, operatortest.Writes, func() {
			if err := operator.start(t.Context(), func(o *options.Options) { o.SyncPeriod = period }); err != nil {
				t.Fatal(err)
			}
		})
		operator.Take(operatortest.Writes)
		if more := linesOfChange(t) - changes; more != 0 {
			t.Errorf("the log has %d lines about changes where nothing changed", more)
		}
		// This test must be able to fail: a change is a write, and a reconcile after a resync finds it without an event.
		change(t, "quiet-by-hand", func(spec *v1alpha1.GatewayTenantSpec) { spec.Config = "openshell.gateway.log_level = 'debug'" })
		waitReady(t, "quiet-by-hand")
		if requests := operator.Take(operatortest.Writes); len(requests) == 0 {
			t.Error("a change led to no write that was counted")
		}
		if linesOfChange(t) == changes {
			t.Error("a change led to no line of the log")
		}
		restart(t)
	})
	t.Run("a new tenant costs its objects and three changes of status, and no read", func(t *testing.T) {
		notWithFaults(t, "it counts writes, and those that fail are made again")
		settle(t)
		operator.Take(operatortest.Writes)
		cluster.CreateTenant(t, "quiet-new", v1alpha1.GatewayTenantSpec{})
		waitReady(t, "quiet-new")
		operator.waitIdle(t, operatortest.Writes)
		var reads []string
		requests := operator.Take(func(request string) bool {
			if liveReads(request) {
				reads = append(reads, request)
			}
			return operatortest.Writes(request)
		})
		const objects = 13
		if len(requests) > objects+3 {
			t.Errorf("%d writes, want at most %d:\n%s", len(requests), objects+3, strings.Join(requests, "\n"))
		}
		if len(reads) > 0 {
			t.Errorf("%d reads that a cache could answer:\n%s", len(reads), strings.Join(reads, "\n"))
		}
	})
}

func TestDriftIsRepairedAndOthersMetadataStays(t *testing.T) {
	const namespace = "drifts"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "openshell-gateway-config", Namespace: namespace}}
	want := get(t, &corev1.ConfigMap{}, namespace, config.Name).Data["gateway.toml"]
	patch := `{"metadata":{"labels":{"somebody":"else"}},"data":{"gateway.toml":"changed"}}`
	if err := admin.Patch(t.Context(), config, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 5*time.Second, func() error {
		live := get(t, &corev1.ConfigMap{}, namespace, config.Name)
		if live.Data["gateway.toml"] != want || live.Labels["somebody"] != "else" {
			return fmt.Errorf("data %q, labels %v", live.Data["gateway.toml"], live.Labels)
		}
		return nil
	})
	if err := admin.Patch(t.Context(), config, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"ownerReferences":null}}`))); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 5*time.Second, func() error {
		if live := get(t, &corev1.ConfigMap{}, namespace, config.Name); len(live.OwnerReferences) == 0 {
			return fmt.Errorf("the owner is not set back")
		}
		return nil
	})
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "openshell-gateway", Namespace: namespace}}
	if err := admin.Delete(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 5*time.Second, func() error { return admin.Get(t.Context(), client.ObjectKeyFromObject(service), service) })
}

package e2e

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	bridgeplan "github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// TestRejectedFieldDoesNotBlockTheRestOfItsEntry, whether the bridge rejects it or the API server.
func TestRejectedFieldDoesNotBlockTheRestOfItsEntry(t *testing.T) {
	const namespace = "refused-in-part"
	cluster.CreateNamespace(t, namespace)
	gateway := func(image int, names, storage string) {
		t.Helper()
		platformConfig(t, fmt.Sprintf("- name: %s\n  gateway:\n    serverDnsNames: %s\n    storage: %s\n    image: ghcr.io/nvidia/openshell/gateway:0.0.%d", namespace, names, storage, image))
	}
	const names, storage = "[gateway.example.com]", "{size: 2Gi, storageClassName: devcluster}"
	gateway(71, names, storage)
	waitReady(t, namespace)
	image := 71
	for _, c := range []struct{ what, names, storage, words string }{
		{"a malformed size", names, "{size: 1 GB, storageClassName: devcluster}", "line 4: gateway.storage.size: "},
		{"another class", names, "{size: 2Gi, storageClassName: other}", `line 4: gateway.storage.storageClassName: "other" differs from "devcluster"`},
		{"a bad name", "['a b']", storage, "line 3: gateway.serverDnsNames[0]: "},
	} {
		t.Run(c.what, func(t *testing.T) {
			image = 143 - image // 72, 71, 72
			gateway(image, c.names, c.storage)
			waitState(t, namespace, bridgeplan.Refused, c.words, "the rest of the entry is applied")
			cluster.Eventually(t, 15*time.Second, func() error {
				spec := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name).Spec
				if !strings.HasSuffix(spec.Image, fmt.Sprint(":0.0.", image)) {
					return fmt.Errorf("the image is %s", spec.Image)
				}
				if spec.Storage.Size != "2Gi" || spec.Storage.StorageClassName != "devcluster" || len(spec.ServerDNSNames) != 1 || spec.ServerDNSNames[0] != "gateway.example.com" {
					return fmt.Errorf("what was rejected is changed: %+v", spec)
				}
				return nil
			})
			settle(t)
			operator.QuietFor(t, 2*time.Second, func(request string) bool {
				return operatortest.Writes(request) && strings.Contains(request, "/namespaces/"+namespace+"/")
			}, func() { // Any event about a namespace reconciles all entries.
				cluster.CreateNamespace(t, "event-for-the-bridge-"+fmt.Sprint(image)+strings.ReplaceAll(c.what, " ", "-"))
			})
			gateway(image, names, storage)
			waitState(t, namespace, bridgeplan.Applied)
		})
	}
	platformConfig(t)
	waitGone(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
}

// TestAliasBombLeavesOtherListsAlone: the entries of another ConfigMap are applied, in little time and memory.
func TestAliasBombLeavesOtherListsAlone(t *testing.T) {
	const namespace = "beside-a-bomb"
	cluster.CreateNamespace(t, namespace)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cluster.Create(t, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "a-bomb", Namespace: platformNamespace, Labels: map[string]string{entries.LabelShard: "true"}},
		Data:       map[string]string{"namespaces": "- &x {name: a, gateway: {serverDnsNames: [], config: " + strings.Repeat("z", 50_000) + "}}\n" + strings.Repeat("- *x\n", 10_000)},
	})
	removeBomb := func() {
		bomb := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a-bomb", Namespace: platformNamespace}}
		if err := client.IgnoreNotFound(admin.Delete(context.Background(), bomb)); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(removeBomb) // other tests' entries could not be removed otherwise
	platformConfig(t, entry(namespace))
	waitReady(t, namespace)
	waitSummary(t, "a-bomb: its entries have")
	if runtime.ReadMemStats(&after); after.HeapAlloc > before.HeapAlloc+100<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before.HeapAlloc, after.HeapAlloc)
	}
	removeBomb()
	platformConfig(t)
	waitGone(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
}

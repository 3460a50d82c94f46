package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	bridgeplan "github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

func TestShardsAreOneList(t *testing.T) {
	cluster.CreateNamespace(t, "shard-a")
	cluster.CreateNamespace(t, "shard-b")
	platformConfig(t, entry("shard-a"))
	second := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "more-tenants", Namespace: platformNamespace, Labels: map[string]string{entries.LabelShard: "true"}},
		Data:       map[string]string{"namespaces": entry("shard-b")},
	}
	cluster.Create(t, second)
	t.Cleanup(func() { _ = admin.Delete(t.Context(), second) })
	first := map[string]types.UID{"shard-a": waitReady(t, "shard-a").UID, "shard-b": waitReady(t, "shard-b").UID}
	set := func(text string) {
		t.Helper()
		second.Data["namespaces"] = text
		if err := admin.Update(t.Context(), second); err != nil {
			t.Fatal(err)
		}
	}
	stay := func() {
		t.Helper()
		operator.quietFor(t, time.Second, deletionOf("shard-a", "shard-b"))
		for namespace, uid := range first {
			if tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name); tenant.UID != uid || tenant.DeletionTimestamp != nil {
				t.Errorf("the GatewayTenant in %s is another, or goes", namespace)
			}
		}
	}
	set(entry("shard-b") + "\n" + entry("shard-a"))
	waitState(t, "shard-a", bridgeplan.Refused, "gatewaytenant-system/more-tenants and gatewaytenant-system/platform-config")
	stay()
	platformConfig(t) // moves shard-a: now only the second lists it
	waitState(t, "shard-a", bridgeplan.Applied)
	stay()
	set("- broken")
	set("")
	waitState(t, "shard-b", bridgeplan.Kept)
	stay()
	set("[]")
	for namespace := range first {
		waitGone(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
	}
}

// TestOneOfAThousandEntries counts what one changed entry costs. The namespaces of the others do not exist, so that it is
// the bridge alone that works.
func TestOneOfAThousandEntries(t *testing.T) {
	const namespace = "one-of-a-thousand"
	cluster.CreateNamespace(t, namespace)
	entries := []string{entry(namespace)}
	for i := range 999 {
		entries = append(entries, entry(fmt.Sprintf("nowhere-%03d", i)))
	}
	platformConfig(t, entries...)
	waitReady(t, namespace)
	waitSummary(t, "Waiting: 999")
	settle(t)
	entries[0] = strings.Replace(entries[0], "gateway.", "other.", 1)
	operator.QuietFor(t, 2*time.Second, func(request string) bool { // about other entries
		reportsFault := *faultyShare > 0 && strings.Contains(request, "/platform-config-status?")
		return operatortest.Writes(request) && !strings.Contains(request, "/namespaces/"+namespace+"/") && !reportsFault
	}, func() {
		platformConfig(t, entries...)
		serves(t, namespace, "other."+namespace+".example.com")
	})
	platformConfig(t)
	waitGone(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
}

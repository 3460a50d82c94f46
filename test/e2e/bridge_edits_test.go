package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	bridgeplan "github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
)

// report is what platform-config-status says: its summary, and the rows by namespace.
func report(t *testing.T) (summary string, rows map[string]bridgeplan.Row) {
	t.Helper()
	status := &corev1.ConfigMap{}
	if err := admin.Get(t.Context(), client.ObjectKey{Namespace: platformNamespace, Name: "platform-config-status"}, status); err != nil {
		return err.Error(), nil
	}
	rows = map[string]bridgeplan.Row{}
	for line := range strings.Lines(status.Data["entries"]) {
		var row bridgeplan.Row
		if err := json.Unmarshal([]byte(strings.TrimPrefix(line, "- ")), &row); err != nil {
			t.Fatal(line, err)
		}
		rows[row.Namespace] = row
	}
	return status.Data["summary"], rows
}

// waitState waits until the report says where a namespace stands, in these words.
func waitState(t *testing.T, namespace string, state bridgeplan.State, words ...string) {
	t.Helper()
	cluster.Eventually(t, 15*time.Second, func() error {
		_, rows := report(t)
		row, there := rows[namespace]
		if there != (state != "") || row.State != state {
			return fmt.Errorf("%s: %+v, want %q", namespace, row, state)
		}
		for _, word := range words {
			if !strings.Contains(row.Message, word) {
				return fmt.Errorf("%s: the message is %q, want %q in it", namespace, row.Message, word)
			}
		}
		return nil
	})
}

// waitSummary waits until the report's summary says these words.
func waitSummary(t *testing.T, words string) string {
	t.Helper()
	var summary string
	cluster.Eventually(t, 15*time.Second, func() error {
		if summary, _ = report(t); !strings.Contains(summary, words) {
			return fmt.Errorf("the summary is %q, want %q in it", summary, words)
		}
		return nil
	})
	return summary
}

// tenantUIDs are the GatewayTenants in the namespaces with a prefix, by namespace, with uid and generation.
func tenantUIDs(t *testing.T, prefix string) map[string]string {
	t.Helper()
	var list v1alpha1.GatewayTenantList
	if err := admin.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	uids := map[string]string{}
	for _, tenant := range list.Items {
		if strings.HasPrefix(tenant.Namespace, prefix) && tenant.DeletionTimestamp == nil {
			uids[tenant.Namespace] = fmt.Sprintf("%s %d", tenant.UID, tenant.Generation)
		}
	}
	return uids
}

// TestEditsOfPlatformConfig makes one edit after another, and compares the uids of all GatewayTenants each time.
func TestEditsOfPlatformConfig(t *testing.T) {
	const prefix = "edited-"
	all := map[string]string{} // entries by namespace
	for i := range 10 {
		namespace := fmt.Sprint(prefix, i)
		cluster.CreateNamespace(t, namespace)
		all[namespace] = entry(namespace)
	}
	listed := func(change map[string]string) []string {
		entries := maps.Clone(all)
		maps.Copy(entries, change)
		maps.DeleteFunc(entries, func(_, text string) bool { return text == "" })
		return slices.Collect(maps.Values(entries))
	}
	platformConfig(t, listed(nil)...)
	for namespace := range all {
		waitReady(t, namespace)
	}
	before := tenantUIDs(t, prefix)
	unchanged := func(t *testing.T, except ...string) {
		t.Helper()
		kept := slices.DeleteFunc(slices.Collect(maps.Keys(before)), func(namespace string) bool { return slices.Contains(except, namespace) })
		operator.quietFor(t, time.Second, deletionOf(kept...))
		after := tenantUIDs(t, prefix)
		for namespace, was := range before {
			if is := after[namespace]; is != was && !slices.Contains(except, namespace) {
				t.Errorf("%s is %q and was %q", namespace, is, was)
			}
		}
	}

	t.Run("one of ten is changed", func(t *testing.T) {
		changed := strings.Replace(all["edited-3"], "gateway.edited-3", "other.edited-3", 1)
		platformConfig(t, listed(map[string]string{"edited-3": changed})...)
		named := func(want string) {
			t.Helper()
			cluster.Eventually(t, 15*time.Second, func() error {
				if names := get(t, &v1alpha1.GatewayTenant{}, "edited-3", v1alpha1.Name).Spec.ServerDNSNames; names[0] != want {
					return fmt.Errorf("the names are %v, want %s first", names, want)
				}
				return nil
			})
		}
		named("other.edited-3.example.com")
		unchanged(t, "edited-3")
		platformConfig(t, listed(nil)...)
		named("gateway.edited-3.example.com")
	})
	waitReady(t, "edited-3")
	before = tenantUIDs(t, prefix)

	refused := func(what, text, words string) {
		t.Run(what, func(t *testing.T) {
			platformConfig(t, listed(map[string]string{"edited-1": text})...)
			waitState(t, "edited-1", bridgeplan.Refused, words)
			unchanged(t)
		})
	}
	refused("a bad image", "- {name: edited-1, gateway: {serverDnsNames: [], image: 'docker.io/evil/x:1'}}", "docker.io/evil/x:1")
	refused("an unknown field", "- {name: edited-1, gateway: {serverDnsNames: [], imag: x}}", "gateway.imag is an unknown field")
	refused("no gateway", "- {name: edited-1}", "gateway is missing")
	refused("listed twice", all["edited-1"]+"\n"+all["edited-1"], "more than once")
	refused("what only the schema of the API refuses", "- {name: edited-1, gateway: {serverDnsNames: [], sandboxTokens: Perhaps}}", "sandboxTokens")
	t.Run("a bad name keeps what it may have meant", func(t *testing.T) {
		platformConfig(t, listed(map[string]string{"edited-1": "- {name: Edited-1, gateway: {serverDnsNames: []}}"})...)
		waitState(t, "edited-1", bridgeplan.Kept, "cannot be read")
		waitState(t, "", bridgeplan.Refused, "Edited-1")
		unchanged(t)
	})
	for what, text := range map[string]string{"an empty value": "", "null": "null", "broken YAML": "- {name: edited-0", "no list": "name: edited-0"} {
		t.Run(what, func(t *testing.T) {
			platformConfigText(t, text)
			waitSummary(t, "problem: gatewaytenant-system/platform-config: the key")
			unchanged(t)
		})
	}
	t.Run("the key is dropped", func(t *testing.T) {
		config := get(t, &corev1.ConfigMap{}, platformNamespace, "platform-config")
		config.Data = map[string]string{"namespace": "a typing error"}
		if err := admin.Update(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		waitSummary(t, `the key "namespaces" is missing`)
		unchanged(t)
	})
	t.Run("the ConfigMap is deleted", func(t *testing.T) {
		if err := admin.Delete(t.Context(), get(t, &corev1.ConfigMap{}, platformNamespace, "platform-config")); err != nil {
			t.Fatal(err)
		}
		waitSummary(t, "is not there")
		unchanged(t)
		platformConfig(t, listed(nil)...)
		waitState(t, "edited-1", bridgeplan.Applied)
		unchanged(t)
	})
	t.Run("one is removed", func(t *testing.T) {
		platformConfig(t, listed(map[string]string{"edited-2": ""})...)
		waitGone(t, &v1alpha1.GatewayTenant{}, "edited-2", v1alpha1.Name)
		waitState(t, "edited-2", "")
		unchanged(t, "edited-2")
	})
	t.Run("a removal of most is held until it is confirmed", func(t *testing.T) {
		heldAndConfirmed(t, unchanged)
	})
	t.Run("the literal []", func(t *testing.T) {
		platformConfig(t)
		for namespace := range all {
			waitGone(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		}
	})
}

// heldAndConfirmed removes all tenants but not by the literal [], so that it is held.
func heldAndConfirmed(t *testing.T, unchanged func(t *testing.T, except ...string)) {
	t.Helper()
	cluster.CreateNamespace(t, "held-other")
	platformConfig(t, entry("held-other"))
	summary := waitSummary(t, "held: the removal of 9 of ")
	waitState(t, "edited-5", bridgeplan.Held)
	unchanged(t, "edited-2")
	confirm := func(value string) {
		config := get(t, &corev1.ConfigMap{}, platformNamespace, "platform-config")
		metav1.SetMetaDataAnnotation(&config.ObjectMeta, entries.AnnotationConfirm, value)
		if err := admin.Update(t.Context(), config); err != nil {
			t.Fatal(err)
		}
	}
	confirm("another plan")
	unchanged(t, "edited-2")
	_, value, _ := strings.Cut(strings.TrimSpace(summary[strings.Index(summary, entries.AnnotationConfirm):]), "=")
	value, _, _ = strings.Cut(value, "\n")
	confirm(value)
	waitGone(t, &v1alpha1.GatewayTenant{}, "edited-5", v1alpha1.Name)
	waitReady(t, "held-other")
}

func TestNamespaceThatIsMadeAgainGetsItsGatewayAgain(t *testing.T) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "made-again"}}
	platformConfig(t, entry("made-again"))
	waitState(t, "made-again", bridgeplan.Waiting, "does not exist")
	cluster.CreateNamespace(t, "made-again")
	first := waitReady(t, "made-again")
	if err := admin.Delete(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	waitGone(t, &corev1.Namespace{}, "", "made-again")
	waitState(t, "made-again", bridgeplan.Waiting)
	cluster.Create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "made-again"}})
	if second := waitReady(t, "made-again"); second.UID == first.UID {
		t.Error("the GatewayTenant is the one of the namespace before")
	}
	platformConfig(t)
	waitGone(t, &v1alpha1.GatewayTenant{}, "made-again", v1alpha1.Name)
}

func TestHandOverBothWaysWithoutAGap(t *testing.T) {
	const namespace = "handed-over"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{"mine.example.com"}, Config: "openshell.gateway.log_level = 'debug'"})
	tenant := waitReady(t, namespace)
	pod := podUID(t, namespace)
	same := func(t *testing.T) *v1alpha1.GatewayTenant {
		t.Helper()
		after := waitReady(t, namespace)
		if after.UID != tenant.UID || podUID(t, namespace) != pod {
			t.Error("the GatewayTenant or its pod is another")
		}
		return after
	}
	platformConfig(t, entry(namespace))
	waitState(t, namespace, bridgeplan.Conflict, "kubectl annotate gwt openshell-gateway -n handed-over openshell.ambient-code.io/hand-over=to-platform-config")
	annotate(t, namespace, v1alpha1.AnnotationHandOver, v1alpha1.HandOverToPlatform)
	waitState(t, namespace, bridgeplan.Applied)
	serves(t, namespace, "gateway.handed-over.example.com")
	if after := same(t); after.Spec.Config == "" {
		t.Error("what the entry does not set was taken away")
	}
	// Somebody who takes the label off does not leave the platform's hand.
	bridged := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
	bridged.Labels, bridged.Spec.ServerDNSNames = nil, nil
	if err := admin.Update(t.Context(), bridged); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 15*time.Second, func() error {
		now := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		if len(now.Spec.ServerDNSNames) == 0 || now.Labels[v1alpha1.LabelSource] == "" {
			return fmt.Errorf("it is %v, %v", now.Spec.ServerDNSNames, now.Labels)
		}
		return nil
	})

	annotate(t, namespace, v1alpha1.AnnotationHandOver, v1alpha1.HandOverToTenant)
	platformConfig(t)
	waitState(t, namespace, "")
	cluster.Eventually(t, 15*time.Second, func() error { // the entry is gone at once, and the mark by a write of its own
		if labels := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name).Labels; labels[v1alpha1.LabelSource] != "" {
			return fmt.Errorf("handed over to the tenant: %v", labels)
		}
		return nil
	})
	if after := same(t); len(after.Spec.ServerDNSNames) != 1 {
		t.Errorf("handed over to the tenant with %v", after.Spec.ServerDNSNames)
	}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.ServerDNSNames = []string{"mine.example.com"} })
	serves(t, namespace, "mine.example.com")
	platformConfig(t, entry(namespace))
	waitState(t, namespace, bridgeplan.Conflict)
	platformConfig(t)
	same(t)
}

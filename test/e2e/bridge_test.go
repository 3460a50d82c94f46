package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// platformConfig writes platform-config; each entry is the YAML of a list's item.
func platformConfig(t *testing.T, entries ...string) {
	t.Helper()
	text := "[]"
	if len(entries) > 0 {
		text = strings.Join(entries, "\n")
	}
	platformConfigText(t, text)
}

func platformConfigText(t *testing.T, text string) {
	t.Helper()
	alone(t)
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "platform-config", Namespace: platformNamespace}}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(config), config); client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	config.Data = map[string]string{"namespaces": text}
	var err error
	if config.UID == "" {
		err = admin.Create(t.Context(), config)
	} else {
		err = admin.Update(t.Context(), config)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func entry(namespace string) string {
	return "- {name: " + namespace + ", gateway: {serverDnsNames: [gateway." + namespace + ".example.com]}}"
}

func TestEntriesOfPlatformConfigBecomeGateways(t *testing.T) {
	cluster.CreateNamespace(t, "bridged-a")
	cluster.CreateNamespace(t, "bridged-c")
	platformConfig(t, entry("bridged-a"), entry("bridged-b"))
	first := waitReady(t, "bridged-a")

	t.Run("a namespace that appears later gets its gateway without an edit", func(t *testing.T) {
		cluster.Create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "bridged-b"}}) // not of this subtest alone
		waitReady(t, "bridged-b")
	})
	t.Run("an entry that is added touches no other tenant", func(t *testing.T) {
		platformConfig(t, entry("bridged-a"), entry("bridged-b"), entry("bridged-c"))
		waitReady(t, "bridged-c")
		if after := get(t, &v1alpha1.GatewayTenant{}, "bridged-a", v1alpha1.Name); after.ResourceVersion != first.ResourceVersion {
			t.Error("the GatewayTenant of another entry was written")
		}
	})
	t.Run("an entry that is changed changes its tenant", func(t *testing.T) {
		platformConfig(t, entry("bridged-a"), entry("bridged-b"), "- {name: bridged-c, gateway: {serverDnsNames: [], image: 'ghcr.io/nvidia/openshell/gateway:0.0.110'}}")
		cluster.Eventually(t, 15*time.Second, func() error {
			if image := waitReady(t, "bridged-c").Status.Image; !strings.HasSuffix(image, ":0.0.110") {
				return fmt.Errorf("the image is %s", image)
			}
			return nil
		})
	})
	t.Run("somebody's edit of a bridged GatewayTenant is set back", func(t *testing.T) {
		change(t, "bridged-a", func(spec *v1alpha1.GatewayTenantSpec) { spec.ServerDNSNames = []string{"somebody.example.com"} })
		cluster.Eventually(t, 15*time.Second, func() error {
			names := get(t, &v1alpha1.GatewayTenant{}, "bridged-a", v1alpha1.Name).Spec.ServerDNSNames
			if len(names) != 1 || names[0] != "gateway.bridged-a.example.com" {
				return fmt.Errorf("the names are %v", names)
			}
			return nil
		})
	})
	t.Run("what an entry does not set is anybody's", func(t *testing.T) {
		change(t, "bridged-a", func(spec *v1alpha1.GatewayTenantSpec) { spec.Config = "openshell.gateway.log_level = 'debug'" })
		waitReady(t, "bridged-a")
		if get(t, &v1alpha1.GatewayTenant{}, "bridged-a", v1alpha1.Name).Spec.Config == "" {
			t.Error("the field was taken away")
		}
	})
	t.Run("malformed YAML changes nothing", func(t *testing.T) {
		platformConfigText(t, "- {name: bridged-a")
		platformConfigText(t, "")
		stays(t, "bridged-a", "bridged-b", "bridged-c")
	})
	t.Run("a bad entry refuses itself alone and keeps what it made", func(t *testing.T) {
		platformConfig(t, "- {name: bridged-a, gateway: {serverDnsNames: [], imag: x}}", entry("bridged-b"))
		waitGone(t, &v1alpha1.GatewayTenant{}, "bridged-c", v1alpha1.Name)
		stays(t, "bridged-a", "bridged-b")
	})
	t.Run("no entries, no gateways", func(t *testing.T) {
		platformConfig(t)
		waitGone(t, &v1alpha1.GatewayTenant{}, "bridged-a", v1alpha1.Name)
		waitGone(t, &v1alpha1.GatewayTenant{}, "bridged-b", v1alpha1.Name)
	})
}

// stays fails the test if a tenant goes within the time in which it would go.
func stays(t *testing.T, namespaces ...string) {
	t.Helper()
	operator.quietFor(t, 2*time.Second, deletionOf(namespaces...)) // The bridge acts within a second.
	for _, namespace := range namespaces {
		if tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name); tenant.DeletionTimestamp != nil {
			t.Errorf("the GatewayTenant in %s is being deleted", namespace)
		}
	}
}

func TestHandMadeTenantIsNotTakenOver(t *testing.T) {
	cluster.CreateTenant(t, "by-hand", v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{"mine.example.com"}})
	waitReady(t, "by-hand")
	platformConfig(t, entry("by-hand"))
	stays(t, "by-hand")
	platformConfig(t)
	stays(t, "by-hand")
	if names := get(t, &v1alpha1.GatewayTenant{}, "by-hand", v1alpha1.Name).Spec.ServerDNSNames; len(names) != 1 || names[0] != "mine.example.com" {
		t.Errorf("the bridge changed a hand-made GatewayTenant: %v", names)
	}
}

func TestConfigMapThatIsDeletedRemovesNothing(t *testing.T) {
	cluster.CreateNamespace(t, "keeps-its-gateway")
	platformConfig(t, entry("keeps-its-gateway"))
	waitReady(t, "keeps-its-gateway")
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "platform-config", Namespace: platformNamespace}}
	if err := admin.Delete(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	stays(t, "keeps-its-gateway")
	platformConfig(t)
	waitGone(t, &v1alpha1.GatewayTenant{}, "keeps-its-gateway", v1alpha1.Name)
}

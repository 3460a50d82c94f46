//go:build linux

package suite

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

const (
	oldest  = "0.0.71"
	newest  = "0.0.111" // with schema version 1 of gateway.toml
	newest2 = "0.1.5"   // with schema version 2
)

// TestUpgradeKeepsDatabaseAndKeys shows that a confirmed upgrade over all supported releases keeps what the gateway stored,
// its key-encryption key and its token keys, also across a restart, and that the way back is held.
func TestUpgradeKeepsDatabaseAndKeys(t *testing.T) {
	t.Parallel()
	g := gateway{"upgrade"}
	cluster.CreateTenant(t, g.namespace, v1alpha1.GatewayTenantSpec{Image: gatewayImage(oldest)})
	eventuallyReady(t, g.namespace)
	g.must(t, http.MethodPut, "/values/before", "", "stored by the earlier release")
	token := g.must(t, http.MethodPost, "/tokens/a-sandbox", "", "")

	setImage := func(release string) {
		changeTenant(t, g.namespace, func(tenant *v1alpha1.GatewayTenant) { tenant.Spec.Image = gatewayImage(release) })
	}
	setImage(newest)
	eventuallyHeld(t, g.namespace)
	if is := g.answer(t, "").Release; is != oldest {
		t.Fatalf("while the upgrade is held, the gateway is %s, want %s", is, oldest)
	}
	annotate(t, g.namespace, v1alpha1.AnnotationConfirmVersion, newest)
	eventuallyReady(t, g.namespace)

	key := ""
	check := func(when, release string) {
		t.Helper()
		if is := g.answer(t, token); is.Release != release || is.Caller != "sandbox a-sandbox" {
			t.Errorf("%s, the gateway %s takes the token for %q; want %s, which recognizes the sandbox", when, is.Release, is.Caller, release)
		}
		for name, want := range map[string]string{"before": "stored by the earlier release", "after": "a credential"} {
			if is, err := g.request(t, g.serverName(), http.MethodGet, "/values/"+name, "", nil); err != nil || is != want {
				t.Errorf("%s, the value %s is %q (%v), want %q", when, name, is, err, want)
			}
		}
		if is := keyOf(t, g.namespace); key == "" {
			key = is
		} else if is != key {
			t.Errorf("%s, the key-encryption key differs", when)
		}
	}
	g.must(t, http.MethodPut, "/values/after", "", "a credential")
	check("after the upgrade", newest)
	restart(t, g.namespace)
	check("after a restart", newest)

	setImage(oldest)
	eventuallyHeld(t, g.namespace)
	check("while the way back is held", newest)
	restart(t, g.namespace)
	check("after a restart while the way back is held", newest)
}

// eventuallyHeld waits until the version of a tenant's spec is held, with a message that names it.
func eventuallyHeld(t *testing.T, namespace string) {
	t.Helper()
	cluster.Eventually(t, 20*time.Second, func() error {
		tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, manifests.GatewayName)
		accepted := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionAccepted)
		if accepted == nil || accepted.ObservedGeneration != tenant.Generation || accepted.Status != metav1.ConditionFalse ||
			accepted.Reason != v1alpha1.ReasonVersionHeld || !strings.Contains(accepted.Message, tenant.Spec.Image) {
			return fmt.Errorf("the image %s is not held: %+v", tenant.Spec.Image, accepted)
		}
		return nil
	})
}

// restart deletes the gateway's pod, and waits until the next one is ready.
func restart(t *testing.T, namespace string) {
	t.Helper()
	pod := get(t, &corev1.Pod{}, namespace, manifests.PodName)
	if err := admin.Delete(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	eventuallySuccessor(t, pod)
}

// eventuallySuccessor waits until the pod that replaces another one of the same name is ready.
func eventuallySuccessor(t *testing.T, of *corev1.Pod) {
	t.Helper()
	cluster.Eventually(t, 60*time.Second, func() error {
		pods := &corev1.PodList{}
		if err := admin.List(t.Context(), pods, client.InNamespace(of.Namespace)); err != nil {
			return err
		}
		for _, pod := range pods.Items {
			if pod.Name == of.Name && pod.UID != of.UID && isReady(&pod) {
				return nil
			}
		}
		return fmt.Errorf("no ready pod replaces %s/%s", of.Namespace, of.Name)
	})
}

// keyOf returns the key-encryption key on a tenant's volume. It fails the test if other users can read it.
func keyOf(t *testing.T, namespace string) string {
	t.Helper()
	path := filepath.Join(volumeOf(t, namespace), "credentials", "key-encryption-key.bin")
	if err := checkOwner(filepath.Dir(path), 1000, os.ModeDir|0o700); err != nil {
		t.Error(err)
	}
	if err := checkOwner(path, 1000, 0o600); err != nil {
		t.Error(err)
	}
	key, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(bytes.TrimSpace(key)) == 0 {
		t.Errorf("%s is empty", path)
	}
	return string(key)
}

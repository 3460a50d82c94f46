//go:build linux

package suite

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// olderProgram is the tag of an image of 0.1.5 whose program is that of 0.1.3, which does not know allowed_pod_labels.
const olderProgram = newest2 + "-older"

// TestUpgradeToSchema2 shows that a confirmed upgrade from the newest release with schema version 1 keeps what the gateway stored and its
// keys, and leaves nothing of the earlier gateway behind. Then an image rejects its gateway.toml: the gateway that runs is not replaced,
// and finds its own file when its container restarts.
func TestUpgradeToSchema2(t *testing.T) {
	t.Parallel()
	g := gateway{"upgrade-schema2"}
	cluster.CreateTenant(t, g.namespace, v1alpha1.GatewayTenantSpec{Image: gatewayImage(newest)})
	eventuallyReady(t, g.namespace)
	g.must(t, http.MethodPut, "/values/before", "", "stored by the earlier release")
	token, key := g.must(t, http.MethodPost, "/tokens/a-sandbox", "", ""), keyOf(t, g.namespace)

	changeTenant(t, g.namespace, func(tenant *v1alpha1.GatewayTenant) { tenant.Spec.Image = gatewayImage(newest2) })
	eventuallyHeld(t, g.namespace)
	annotate(t, g.namespace, v1alpha1.AnnotationConfirmVersion, newest2)
	eventuallyReady(t, g.namespace)
	check := func(when string) {
		t.Helper()
		if is := g.answer(t, token); is.Release != newest2 || is.Caller != "sandbox a-sandbox" {
			t.Errorf("%s, the gateway %s takes the token for %q; want %s, which recognizes the sandbox", when, is.Release, is.Caller, newest2)
		}
		if is := g.must(t, http.MethodGet, "/values/before", "", ""); is != "stored by the earlier release" {
			t.Errorf("%s, the stored value is %q", when, is)
		}
		if keyOf(t, g.namespace) != key {
			t.Errorf("%s, the key-encryption key differs", when)
		}
	}
	check("after the upgrade")
	if !slices.ContainsFunc(look(t, g.namespace).events, func(event corev1.Event) bool {
		return event.InvolvedObject.Name == manifests.PreflightName && event.InvolvedObject.Kind == "Job" && event.Reason == "Completed"
	}) {
		t.Error("no Event reports that the preflight was completed")
	}
	own := eventuallyOneFile(t, g.namespace)

	pod := get(t, &corev1.Pod{}, g.namespace, manifests.PodName)
	changeTenant(t, g.namespace, func(tenant *v1alpha1.GatewayTenant) {
		tenant.Spec.Image = gatewayImage(olderProgram)
		tenant.Spec.Config = "[openshell.drivers.kubernetes]\nallowed_pod_labels = [\"team\"]\n"
	})
	eventuallyRejected(t, g.namespace, "category=malformed detected_version=2")
	if keys := fileKeys(t, g.namespace); len(keys) != 2 || !slices.Contains(keys, own) {
		t.Errorf("the ConfigMap has the keys %q, want %s and the next one", keys, own)
	}
	restartContainer(t, pod)
	check("after a restart of its container while the next gateway.toml is rejected")
	changeTenant(t, g.namespace, func(tenant *v1alpha1.GatewayTenant) {
		tenant.Spec.Image, tenant.Spec.Config = gatewayImage(newest2), ""
	})
	eventuallyReady(t, g.namespace)
	if is := eventuallyOneFile(t, g.namespace); is != own {
		t.Errorf("the ConfigMap has the key %s, want %s", is, own)
	}
	if is := get(t, &corev1.Pod{}, g.namespace, manifests.PodName).UID; is != pod.UID {
		t.Error("the pod was replaced")
	}
}

// fileKeys returns the keys of the ConfigMap with the gateway.toml.
func fileKeys(t *testing.T, namespace string) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(get(t, &corev1.ConfigMap{}, namespace, manifests.ConfigName).Data))
}

// eventuallyOneFile waits until nothing is left of an earlier gateway, and returns the key of the present file.
func eventuallyOneFile(t *testing.T, namespace string) string {
	t.Helper()
	var key string
	cluster.Eventually(t, 20*time.Second, func() (err error) {
		key, err = operatortest.OneFile(t.Context(), admin, namespace)
		return err
	})
	return key
}

// eventuallyRejected waits until the preflight of a tenant has failed with this text, and its gateway is available.
func eventuallyRejected(t *testing.T, namespace, text string) {
	t.Helper()
	cluster.Eventually(t, 60*time.Second, func() error {
		tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, manifests.GatewayName)
		ready := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil || ready.Status != metav1.ConditionFalse || ready.Reason != v1alpha1.ReasonPreflightFailed ||
			!strings.Contains(ready.Message, text) || !meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionAvailable) {
			return fmt.Errorf("the conditions are %s, want %s with %q", asJSON(tenant.Status.Conditions), v1alpha1.ReasonPreflightFailed, text)
		}
		return nil
	})
}

// restartContainer kills the gateway in a pod, and waits until the kubelet has started it again and it is ready.
func restartContainer(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	_, id, _ := strings.Cut(pod.Status.ContainerStatuses[0].ContainerID, "://")
	kill := node.Command(t.Context(), "ctr", "--namespace=k8s.io", "tasks", "kill", "--signal=SIGKILL", id)
	if out, err := kill.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cluster.Eventually(t, 60*time.Second, func() error {
		is := get(t, &corev1.Pod{}, pod.Namespace, pod.Name)
		if is.UID != pod.UID || is.Status.ContainerStatuses[0].RestartCount != 1 || !isReady(is) {
			return fmt.Errorf("the container has not restarted once and is ready: %s", podText(is))
		}
		return nil
	})
}

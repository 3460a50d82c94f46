package e2e

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// TestUpgradeToSchema2: an upgrade from 0.0.111 to 0.1.3 waits for a confirmation and for the preflight. Then nothing of the earlier gateway
// is left, and the operator writes no more.
func TestUpgradeToSchema2(t *testing.T) {
	t.Parallel()
	const namespace = "upgraded-schema2"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.111"})
	waitReady(t, namespace)
	pod := podUID(t, namespace)
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Image = gatewayRepository + "0.1.3" })
	held := messageOf(waitCondition(t, namespace, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonVersionHeld), v1alpha1.ConditionReady)
	for _, want := range []string{"openshell provider profile export", "delete all sandboxes", "back up the volume", "confirm-version=0.1.3"} {
		if !strings.Contains(held, want) {
			t.Errorf("Ready says %q, want %q in it", held, want)
		}
	}
	operator.quietFor(t, time.Second, writesTo(namespace))
	if keys := fileKeys(t, namespace); !slices.Equal(keys, []string{manifests.ConfigKey}) || podUID(t, namespace) != pod {
		t.Errorf("the upgrade is held, and the gateway has the files %q and the pod %s, before %s", keys, podUID(t, namespace), pod)
	}

	reasons := readyReasons(t, namespace)
	annotate(t, namespace, v1alpha1.AnnotationConfirmVersion, "0.1.3")
	waitVersion(t, namespace, "0.1.3", "0.1.3")
	if podUID(t, namespace) == pod {
		t.Error("the pod is the old one")
	}
	waitOneFile(t, namespace)
	is := reasons()
	wasReported := slices.Contains(is, v1alpha1.ReasonPreflightRunning) || *faultyShare > 0 // with faults, a short status may not be written
	if !wasReported || slices.Contains(is, v1alpha1.ReasonPreflightFailed) || slices.Contains(is, v1alpha1.ReasonPreflightBlocked) {
		t.Errorf("Ready had the reasons %q, want %s among them and no other of a preflight", is, v1alpha1.ReasonPreflightRunning)
	}
	all := func(request string) bool {
		return operatortest.Writes(request) && strings.Contains(request, "/namespaces/"+namespace+"/")
	}
	operator.waitIdle(t, all)
	operator.quietFor(t, 3*time.Second, all)
}

// TestUnknownReleaseChangesNothing: a release that is not supported is rejected, and the gateway of another one keeps running.
func TestUnknownReleaseChangesNothing(t *testing.T) {
	t.Parallel()
	const namespace = "unknown-release"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.1.3"})
	waitReady(t, namespace)
	operator.waitIdle(t, writesTo(namespace))
	before := fingerprints(t, namespace)
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Image = gatewayRepository + "0.1.7" })
	tenant := waitCondition(t, namespace, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonVersionUnsupported)
	if message := messageOf(tenant, v1alpha1.ConditionReady); !strings.Contains(message, "0.1.7") || !strings.Contains(message, "0.1.3 to 0.1.5") {
		t.Errorf("Ready says %q", message)
	}
	if !meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionAvailable) || tenant.Status.Version != "0.1.3" {
		t.Errorf("the gateway that runs is %s, and Available says %q", tenant.Status.Version, messageOf(tenant, v1alpha1.ConditionAvailable))
	}
	operator.quietFor(t, 2*time.Second, writesTo(namespace))
	if after := fingerprints(t, namespace); after != before {
		t.Errorf("objects changed:\n%s\nbefore:\n%s", after, before)
	}
}

// readyReasons returns a function that ends the observation of a tenant and returns the reasons that its condition Ready had.
func readyReasons(t *testing.T, namespace string) func() []string {
	t.Helper()
	var mu sync.Mutex
	var reasons []string
	stop := follow(t, namespace, &v1alpha1.GatewayTenantList{}, func(tenant *v1alpha1.GatewayTenant) {
		mu.Lock()
		defer mu.Unlock()
		if ready := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
			reasons = append(reasons, ready.Reason)
		}
	})
	return func() []string {
		stop()
		return slices.Compact(reasons)
	}
}

// fileKeys returns the keys of the ConfigMap with the gateway.toml.
func fileKeys(t *testing.T, namespace string) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(get(t, &corev1.ConfigMap{}, namespace, manifests.ConfigName).Data))
}

// waitOneFile waits until a gateway with schema version 2 is all that is left: one gateway.toml, its RoleBinding, and no preflight Job. It
// returns the key of the file.
func waitOneFile(t *testing.T, namespace string) string {
	t.Helper()
	var key string
	cluster.Eventually(t, readyLimit, func() (err error) {
		key, err = operatortest.OneFile(t.Context(), admin, namespace)
		return err
	})
	return key
}

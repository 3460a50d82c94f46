package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// TestVolumeGrowsAndGoes with its tenant if that is asked for; nothing restarts meanwhile.
func TestVolumeGrowsAndGoes(t *testing.T) {
	t.Parallel()
	const namespace = "volume"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Storage: v1alpha1.Storage{Size: "2Gi", StorageClassName: "devcluster"}})
	waitReady(t, namespace)
	pod, set := podUID(t, namespace), get(t, &appsv1.StatefulSet{}, namespace, manifests.GatewayName).UID
	waitSize(t, namespace, "2Gi")
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) {
		s.Storage.Size, s.Storage.WhenDeleted = "3Gi", v1alpha1.WhenDeletedDelete
	})
	waitSize(t, namespace, "3Gi")
	waitReady(t, namespace)
	if podUID(t, namespace) != pod || get(t, &appsv1.StatefulSet{}, namespace, manifests.GatewayName).UID != set {
		t.Error("a volume that grew restarted the pod, or made the StatefulSet anew")
	}
	for _, c := range []struct {
		what, word string
		edit       func(*v1alpha1.Storage)
	}{
		{"unsetting all", "cannot be changed", func(s *v1alpha1.Storage) { *s = v1alpha1.Storage{} }},
		{"another class", "cannot be changed", func(s *v1alpha1.Storage) { s.StorageClassName = "other" }},
		{"no class", "cannot be changed", func(s *v1alpha1.Storage) { s.StorageClassName = "" }},
		{"nonsense", "must be a quantity", func(s *v1alpha1.Storage) { s.Size = "much" }},
	} {
		t.Run(c.what, func(t *testing.T) {
			before := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
			after := before.DeepCopy()
			c.edit(&after.Spec.Storage)
			if err := admin.Patch(t.Context(), after, client.MergeFrom(before), client.DryRunAll); err == nil || !strings.Contains(err.Error(), c.word) {
				t.Errorf("%v; want %q", err, c.word)
			}
		})
	}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Storage.WhenDeleted = v1alpha1.WhenDeletedRetain })
	cluster.Eventually(t, 10*time.Second, func() error { return owners(t, namespace, 0) })
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Storage.WhenDeleted = v1alpha1.WhenDeletedDelete })
	cluster.Eventually(t, 10*time.Second, func() error { return owners(t, namespace, 1) })
	if err := admin.Delete(t.Context(), get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)); err != nil {
		t.Fatal(err)
	}
	waitGone(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName)
}

func owners(t *testing.T, namespace string, want int) error {
	t.Helper()
	if claim := get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName); len(claim.OwnerReferences) != want {
		return fmt.Errorf("the claim has owners %v", claim.OwnerReferences)
	}
	return nil
}

func waitSize(t *testing.T, namespace, want string) {
	t.Helper()
	cluster.Eventually(t, 15*time.Second, func() error {
		claim := get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName)
		if size := claim.Status.Capacity[corev1.ResourceStorage]; size.String() != want {
			return fmt.Errorf("the volume has %s", size.String())
		}
		return nil
	})
}

// TestVolumeThatIsThereKeepsItsSize and its class. Those of a spec that it cannot get are rejected, and all else is applied.
func TestVolumeThatIsThereKeepsItsSize(t *testing.T) {
	t.Parallel()
	const namespace = "volume-kept"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Storage: v1alpha1.Storage{Size: "5Gi", StorageClassName: "devcluster"}})
	waitReady(t, namespace)
	claim := get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName)
	again := func(storage v1alpha1.Storage) {
		t.Helper()
		if err := admin.Delete(t.Context(), get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)); err != nil {
			t.Fatal(err)
		}
		waitGone(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{Storage: storage}))
	}
	again(v1alpha1.Storage{Size: "1Gi"})
	tenant := waitCondition(t, namespace, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalidStorage)
	if message := messageOf(tenant, v1alpha1.ConditionAccepted); !strings.Contains(message, `spec.storage.size: "1Gi" is less than the 5Gi`) || !strings.HasSuffix(message, "the rest of the spec is applied") {
		t.Errorf("Accepted says %q", message)
	}
	waitCondition(t, namespace, v1alpha1.ConditionAvailable, metav1.ConditionTrue, v1alpha1.ReasonAvailable)
	again(v1alpha1.Storage{StorageClassName: "other"})
	waitCondition(t, namespace, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalidStorage)
	waitCondition(t, namespace, v1alpha1.ConditionAvailable, metav1.ConditionTrue, v1alpha1.ReasonAvailable)
	again(v1alpha1.Storage{})
	waitReady(t, namespace)
	after := get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName)
	if size := after.Spec.Resources.Requests[corev1.ResourceStorage]; after.UID != claim.UID || size.String() != "5Gi" || *after.Spec.StorageClassName != "devcluster" {
		t.Errorf("the claim became %+v", after.Spec)
	}
}

// TestSuspendedTenantIsLeftAsItIs until that ends.
func TestSuspendedTenantIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	const namespace = "suspended"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Suspend = true })
	tenant := waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
	if !meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionAvailable) {
		t.Error("its gateway serves, and Available does not say so")
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "openshell-gateway", Namespace: namespace}}
	patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"type":"NodePort"}}`))
	if err := admin.Patch(t.Context(), service, patch); err != nil {
		t.Fatal(err)
	}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Config = "openshell.gateway.log_level = 'debug'" })
	pod := podUID(t, namespace)
	waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
	operator.quietFor(t, time.Second, writesTo(namespace))
	if service = get(t, service, namespace, service.Name); service.Spec.Type != corev1.ServiceTypeNodePort || podUID(t, namespace) != pod {
		t.Error("a suspended tenant was changed")
	}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Suspend = false })
	waitReady(t, namespace)
	if service = get(t, service, namespace, service.Name); service.Spec.Type != corev1.ServiceTypeClusterIP || podUID(t, namespace) == pod {
		t.Error("what was put off was not done")
	}
}

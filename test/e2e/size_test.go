package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

func quota(namespace string, what corev1.ResourceName, most string) *corev1.ResourceQuota {
	return &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "quota"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{what: resource.MustParse(most)}},
	}
}

func waitRequest(t *testing.T, namespace, want string) {
	t.Helper()
	cluster.Eventually(t, 15*time.Second, func() error {
		claim := get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName)
		if size := claim.Spec.Resources.Requests[corev1.ResourceStorage]; size.String() != want {
			return fmt.Errorf("the claim requests %s, want %s", size.String(), want)
		}
		return nil
	})
}

// TestSizeThatAQuotaRefusesIsTakenBack together with another edit.
func TestSizeThatAQuotaRefusesIsTakenBack(t *testing.T) {
	t.Parallel()
	const namespace = "size-quota"
	cluster.CreateNamespace(t, namespace)
	cluster.Create(t, quota(namespace, corev1.ResourceRequestsStorage, "10Gi"))
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{Storage: v1alpha1.Storage{Size: "2Gi"}}))
	waitReady(t, namespace)
	pod := podUID(t, namespace)
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Storage.Size = "50Ti" })
	waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonApplyFailed)
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) {
		s.Storage.Size, s.Image = "2Gi", gatewayRepository+"0.0.110"
	})
	if tenant := waitReady(t, namespace); tenant.Status.Version != "0.0.110" || podUID(t, namespace) == pod {
		t.Errorf("version %s runs", tenant.Status.Version)
	}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Storage.Size = "" })
	waitReady(t, namespace)
	waitRequest(t, namespace, "2Gi")
}

// TestSizeOfAClaimThatIsNotBoundIsAppliedThen: a claim that waits for its pod cannot change, and the pod waits for Secrets.
func TestSizeOfAClaimThatIsNotBoundIsAppliedThen(t *testing.T) {
	t.Parallel()
	const namespace = "size-unbound"
	cluster.CreateNamespace(t, namespace)
	secrets := quota(namespace, "count/secrets", "2")
	cluster.Create(t, secrets)
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{Storage: v1alpha1.Storage{StorageClassName: "devcluster-first-consumer"}}))
	cluster.Eventually(t, 60*time.Second, func() error {
		tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		if ready := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionReady); ready == nil || ready.Reason != v1alpha1.ReasonIssueFailed {
			return fmt.Errorf("Ready is %+v", ready)
		}
		return nil
	})
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Storage.Size = "2Gi" })
	tenant := waitCondition(t, namespace, v1alpha1.ConditionWarning, metav1.ConditionTrue, v1alpha1.ReasonStorageSizeDiffers)
	if message := messageOf(tenant, v1alpha1.ConditionWarning); !strings.Contains(message, "before it is bound") {
		t.Errorf("Warning: %s", message)
	}
	if reason := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionReady).Reason; reason == v1alpha1.ReasonApplyFailed {
		t.Errorf("Ready: %s", messageOf(tenant, v1alpha1.ConditionReady))
	}
	if err := admin.Delete(t.Context(), secrets); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 60*time.Second, func() error {
		tenant = get(t, tenant, namespace, v1alpha1.Name)
		if !meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionReady) || warningOf(tenant) != "" {
			return fmt.Errorf("it says %+v", tenant.Status.Conditions)
		}
		return nil
	})
	waitSize(t, namespace, "2Gi")
}

// TestSizeIsHeldAgainstWhatTheVolumeHas, which here no program grows.
func TestSizeIsHeldAgainstWhatTheVolumeHas(t *testing.T) {
	t.Parallel()
	yes := true
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "size-by-hand"}, Provisioner: "example.com/by-hand", AllowVolumeExpansion: &yes}
	cluster.Create(t, class)
	made := func(t *testing.T, namespace, requested, capacity string) (edit func(size string)) {
		t.Helper()
		cluster.CreateNamespace(t, namespace)
		volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: namespace}, Spec: corev1.PersistentVolumeSpec{
			AccessModes:            []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Capacity:               corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(capacity)},
			ClaimRef:               &corev1.ObjectReference{Namespace: namespace, Name: manifests.ClaimName},
			StorageClassName:       class.Name,
			PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/nonexistent"}},
		}}
		cluster.Create(t, volume)
		cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{Storage: v1alpha1.Storage{Size: requested, StorageClassName: class.Name}}))
		waitReady(t, namespace)
		waitSize(t, namespace, capacity)
		return func(size string) {
			t.Helper()
			change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Storage.Size = size })
		}
	}
	differs := func(t *testing.T, namespace string, words ...string) {
		t.Helper()
		message := messageOf(waitCondition(t, namespace, v1alpha1.ConditionWarning, metav1.ConditionTrue, v1alpha1.ReasonStorageSizeDiffers), v1alpha1.ConditionWarning)
		for _, word := range words {
			if !strings.Contains(message, word) {
				t.Errorf("it warns %q, want %q", message, word)
			}
		}
		waitReady(t, namespace)
	}
	t.Run("a growth that fails is taken back", func(t *testing.T) {
		const namespace = "size-failed"
		size := made(t, namespace, "2Gi", "2Gi")
		size("50Ti")
		waitRequest(t, namespace, "50Ti")
		size("2Gi")
		differs(t, namespace, "is 2Gi", "requests 50Ti", "a little more than 2Gi")
		waitRequest(t, namespace, "50Ti")
		size("2049Mi")
		waitRequest(t, namespace, "2049Mi")
		if warning := warningOf(waitReady(t, namespace)); warning != "" {
			t.Errorf("it warns %q", warning)
		}
	})
	t.Run("a volume larger than requested", func(t *testing.T) {
		const namespace = "size-larger"
		size := made(t, namespace, "1Gi", "10Gi")
		size("5Gi")
		differs(t, namespace, "is 5Gi", "requests 1Gi", "has 10Gi")
		size("10Gi")
		differs(t, namespace, "is 10Gi", "requests 1Gi")
		size("11Gi")
		waitRequest(t, namespace, "11Gi")
	})
	t.Run("a size that is rejected stops nothing else", func(t *testing.T) {
		const namespace = "size-rejected"
		made(t, namespace, "2Gi", "2Gi")
		pod := podUID(t, namespace)
		change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Storage.Size, s.Image = "1Gi", gatewayRepository+"0.0.110" })
		tenant := waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonInvalidStorage)
		if message := messageOf(tenant, v1alpha1.ConditionAccepted); !strings.HasSuffix(message, "the rest of the spec is applied") {
			t.Errorf("Accepted says %q", message)
		}
		tenant = waitCondition(t, namespace, v1alpha1.ConditionAvailable, metav1.ConditionTrue, v1alpha1.ReasonAvailable)
		if podUID(t, namespace) == pod || tenant.Status.Version != "0.0.110" {
			t.Error("the image did not change")
		}
		if out, code := planOfTenant(t, namespace, "{storage: {size: 1Gi, storageClassName: size-by-hand}}"); code != 1 || !strings.Contains(out, "the rest of the spec is applied") || !strings.Contains(out, "restarts once") {
			t.Errorf("plan: exit code %d:\n%s", code, out)
		}
		waitRequest(t, namespace, "2Gi")
	})
}

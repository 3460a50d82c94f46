package e2e

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestVolumeThatIsLeavingKeepsNoCertificateFromBeingMade: a claim that somebody deleted stays for as long as the gateway's
// pod uses it, and the gateway must not run out of certificates meanwhile.
func TestVolumeThatIsLeavingKeepsNoCertificateFromBeingMade(t *testing.T) {
	const namespace = "leaving-volume"
	makeTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	if err := admin.Delete(t.Context(), get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName)); err != nil {
		t.Fatal(err)
	}
	waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWaitingForRemoval)
	if err := admin.Delete(t.Context(), get(t, &corev1.Secret{}, namespace, manifests.ServerTLSName)); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, func() error {
		return admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: manifests.ServerTLSName}, &corev1.Secret{})
	})
	if claim := get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName); claim.DeletionTimestamp == nil {
		t.Error("the claim is not leaving, so this shows nothing")
	}
}

// TestCertgenWaitsUntilItHasItsRights: a tenant is made anew while the workload and the rights of the former one are still
// being removed. A Job that started now would be denied, and the tenant would say that its certificates cannot be made.
func TestCertgenWaitsUntilItHasItsRights(t *testing.T) {
	const namespace = "rights-first"
	makeTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	tenant := waitReady(t, namespace)
	stay := []client.Object{
		get(t, &rbacv1.RoleBinding{}, namespace, manifests.CertgenName),
		get(t, &appsv1.StatefulSet{}, namespace, manifests.GatewayName),
	}
	setFinalizers(t, stay, `["test.example.com/stay"]`)
	if err := admin.Delete(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	waitGone(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
	waitGone(t, &batchv1.Job{}, namespace, manifests.CertgenName)
	create(t, tenantWith(namespace, v1alpha1.GatewayTenantSpec{}))
	waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWaitingForRemoval)
	if err := admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: manifests.CertgenName}, &batchv1.Job{}); !apierrors.IsNotFound(err) {
		t.Errorf("the Job is there before its rights are: %v", err)
	}
	setFinalizers(t, stay, "null")
	waitReady(t, namespace)
}

// setFinalizers gives objects these finalizers and no others.
func setFinalizers(t *testing.T, objects []client.Object, finalizers string) {
	t.Helper()
	for _, object := range objects {
		if err := admin.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":`+finalizers+`}}`))); err != nil {
			t.Fatal(err)
		}
	}
}

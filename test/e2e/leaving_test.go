package e2e

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// TestVolumeThatIsLeavingKeepsNoCertificateFromBeingMade: a claim that somebody deleted stays for as long as the gateway's
// pod uses it, and the gateway must not run out of certificates meanwhile.
func TestVolumeThatIsLeavingKeepsNoCertificateFromBeingMade(t *testing.T) {
	t.Parallel()
	const namespace = "leaving-volume"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	if err := admin.Delete(t.Context(), get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName)); err != nil {
		t.Fatal(err)
	}
	waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWaitingForRemoval)
	if err := admin.Delete(t.Context(), get(t, &corev1.Secret{}, namespace, manifests.ServerTLSName)); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 20*time.Second, func() error {
		return admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: manifests.ServerTLSName}, &corev1.Secret{})
	})
	if claim := get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName); claim.DeletionTimestamp == nil {
		t.Error("the claim is not leaving, so this shows nothing")
	}
}

// TestCertgenWaitsUntilItHasItsRights: a tenant is made anew while the workload and the rights of the former one are still
// being removed. A Job that started now would be denied, and the tenant would say that its certificates cannot be made.
func TestCertgenWaitsUntilItHasItsRights(t *testing.T) {
	t.Parallel()
	const namespace = "rights-first"
	comeBack := makeAnewWhile(t, namespace, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: manifests.CertgenName}},
		&appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: manifests.GatewayName}})
	waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWaitingForRemoval)
	notThere(t, &batchv1.Job{}, namespace, manifests.CertgenName)
	comeBack()
}

// TestFormerGatewayIsNotTheNewTenants: it would have the new one wait for a turn of the platform's, and be Available.
func TestFormerGatewayIsNotTheNewTenants(t *testing.T) {
	t.Parallel()
	const namespace = "not-its-gateway"
	comeBack := makeAnewWhile(t, namespace, &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: manifests.GatewayName}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: manifests.TokenKeysName}})
	waitSays(t, namespace, 20*time.Second, metav1.ConditionFalse, v1alpha1.ReasonSecretBlocked, "its finalizer test.example.com/stay keeps it")
	tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
	if warning := warningOf(tenant); warning != "" {
		t.Errorf("it warns: %s", warning)
	}
	if meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionAvailable) {
		t.Error("the former tenant's gateway is told to be available")
	}
	comeBack()
}

// TestCertgenWaitsForAFormerGatewaysSecrets: it would fail at those that are not its to change.
func TestCertgenWaitsForAFormerGatewaysSecrets(t *testing.T) {
	t.Parallel()
	const namespace = "former-secrets"
	comeBack := makeAnewWhile(t, namespace, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: manifests.CAName}})
	waitGone(t, &appsv1.StatefulSet{}, namespace, manifests.GatewayName)
	waitSays(t, namespace, 20*time.Second, metav1.ConditionFalse, v1alpha1.ReasonSecretBlocked, "its finalizer test.example.com/stay keeps it")
	notThere(t, &batchv1.Job{}, namespace, manifests.CertgenName)
	comeBack()
}

// makeAnewWhile makes a tenant, and once it is Ready, another in its place while these objects of the former one stay until
// comeBack is called. Then it must become Ready.
func makeAnewWhile(t *testing.T, namespace string, stay ...client.Object) (comeBack func()) {
	t.Helper()
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	tenant := waitReady(t, namespace)
	for _, object := range stay {
		object.SetNamespace(namespace)
	}
	setFinalizers(t, stay, `["test.example.com/stay"]`)
	if err := admin.Delete(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	waitGone(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
	waitGone(t, &batchv1.Job{}, namespace, manifests.CertgenName)
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	return func() {
		t.Helper()
		setFinalizers(t, stay, "null")
		waitReady(t, namespace)
	}
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

package e2e

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

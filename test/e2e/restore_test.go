package e2e

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// TestRestoreInAnyOrder deletes the namespace of a tenant, creates it with the annotation of a restore, and restores the tenant's
// objects while the operator runs. Nothing that the backup has is issued or created again.
func TestRestoreInAnyOrder(t *testing.T) {
	for order, kinds := range operatortest.RestoreOrders {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			namespace := "restored-" + strings.ToLower(strings.ReplaceAll(order, " ", "-"))
			saved := saveAndDelete(t, namespace)
			cluster.Create(t, operatortest.RestoringNamespace(namespace))
			for _, object := range operatortest.InOrder(saved.objects, kinds) {
				if err := operatortest.Restore(t.Context(), admin, object); err != nil {
					t.Fatal(err)
				}
				if object.GetKind() == "GatewayTenant" { // the operator reports it before the rest is there
					waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonRestoring)
				}
			}
			restored := identities(t, namespace)
			operator.quietFor(t, time.Second, writesTo(namespace))
			saved.check(t, namespace)
			if is := identities(t, namespace); !reflect.DeepEqual(is, restored) {
				t.Errorf("while the backup was being restored, the objects became %v, want %v", is, restored)
			}
			noSecretVanishes(t, namespace)
			if err := operatortest.EndRestore(t.Context(), admin, namespace); err != nil {
				t.Fatal(err)
			}
			tenant := waitReady(t, namespace)
			saved.check(t, namespace)
			now := identities(t, namespace)
			for name, uid := range restored {
				if now[name] != uid {
					t.Errorf("%s was restored with uid %s and has uid %q", name, uid, now[name])
				}
			}
			cluster.Eventually(t, 30*time.Second, func() error { // Certgen gives the Secrets to the GatewayTenant while the gateway serves.
				if _, strangers := objectsIn(t, namespace, tenant); len(strangers) > 0 {
					return fmt.Errorf("not controlled by the GatewayTenant: %v", strangers)
				}
				return nil
			})
			saved.check(t, namespace)
		})
	}
}

// TestSecretsRestoredOntoARetainedVolume deletes a GatewayTenant, whose volume claim stays, and restores its Secrets before it is
// created again.
func TestSecretsRestoredOntoARetainedVolume(t *testing.T) {
	t.Parallel()
	const namespace = "retained-with-secrets"
	saved := newSaved(t, namespace)
	claim := get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName)
	if err := admin.Delete(t.Context(), get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)); err != nil {
		t.Fatal(err)
	}
	for _, name := range manifests.SecretNames {
		waitGone(t, &corev1.Secret{}, namespace, name)
	}
	for _, object := range saved.objects {
		if object.GetKind() == "Secret" {
			if err := operatortest.Restore(t.Context(), admin, object); err != nil {
				t.Fatal(err)
			}
		}
	}
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	waitReady(t, namespace)
	saved.check(t, namespace)
	if is := get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName); is.UID != claim.UID {
		t.Error("the volume claim is another one")
	}
}

// savedTenant is a backup of a tenant, with what must be the same after it was restored.
type savedTenant struct {
	objects []*unstructured.Unstructured
	secrets map[string]*corev1.Secret
	facts   map[string]string // what the claim records of its volume
	config  string            // gateway.toml
}

// newSaved creates a tenant whose volume records facts that differ from those of a new one, and saves it.
func newSaved(t *testing.T, namespace string) savedTenant {
	t.Helper()
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	claim := get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName)
	before := claim.DeepCopy()
	const prefix = "openshell.ambient-code.io/"
	claim.Annotations[prefix+"gateway-id"] = "openshell"
	if err := admin.Patch(t.Context(), claim, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, readyLimit, func() error {
		if config := get(t, &corev1.ConfigMap{}, namespace, manifests.ConfigName).Data[manifests.ConfigKey]; !strings.Contains(config, `gateway_id = 'openshell'`) {
			return fmt.Errorf("gateway.toml does not have the gateway_id yet: %s", config)
		}
		return nil
	})
	waitReady(t, namespace)
	objects, err := operatortest.Backup(t.Context(), admin, namespace)
	if err != nil {
		t.Fatal(err)
	}
	s := savedTenant{
		objects: objects, secrets: secretsOf(t, namespace), facts: map[string]string{},
		config: get(t, &corev1.ConfigMap{}, namespace, manifests.ConfigName).Data[manifests.ConfigKey],
	}
	for key, value := range get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName).Annotations {
		if fact, is := strings.CutPrefix(key, prefix); is && fact != "applied-hash" {
			s.facts[key] = value
		}
	}
	return s
}

// saveAndDelete saves a new tenant and deletes its namespace.
func saveAndDelete(t *testing.T, namespace string) savedTenant {
	t.Helper()
	saved := newSaved(t, namespace)
	if err := admin.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		t.Fatal(err)
	}
	waitGone(t, &corev1.Namespace{}, "", namespace)
	return saved
}

// check fails the test unless the tenant has the CA, the certificates and the keys of the backup, and its volume what was recorded.
func (s savedTenant) check(t *testing.T, namespace string) {
	t.Helper()
	for name, secret := range secretsOf(t, namespace) {
		if !reflect.DeepEqual(secret.Data, s.secrets[name].Data) {
			t.Errorf("Secret %s does not have the contents of the backup", name)
		}
	}
	annotations := get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName).Annotations
	for key, want := range s.facts {
		if is := annotations[key]; is != want {
			t.Errorf("annotation %s of the claim is %q, want %q", key, is, want)
		}
	}
	if is := get(t, &corev1.ConfigMap{}, namespace, manifests.ConfigName).Data[manifests.ConfigKey]; is != s.config {
		t.Errorf("gateway.toml is %s, want %s", is, s.config)
	}
}

// identities returns the uids of the objects that a backup has.
func identities(t *testing.T, namespace string) map[string]string {
	t.Helper()
	uids := map[string]string{}
	kinds := namespacedKinds()
	kinds["PersistentVolumeClaim"], kinds["GatewayTenant"] = &corev1.PersistentVolumeClaimList{}, &v1alpha1.GatewayTenantList{}
	delete(kinds, "Job")
	for kind, list := range kinds {
		if err := admin.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
			t.Fatal(err)
		}
		for _, object := range items(t, list) {
			uids[kind+"/"+object.GetName()] = string(object.GetUID())
		}
	}
	binding := get(t, &rbacv1.ClusterRoleBinding{}, "", manifests.NodeReaderPrefix+namespace) // it is restored before its GatewayTenant, and stays
	uids["ClusterRoleBinding"] = string(binding.UID)
	return uids
}

package e2e

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// TestOrphanedCertgenLeavesTheSecretsToTheNextTenant deletes a GatewayTenant with --cascade=orphan while its certgen Job
// waits for clients to trust a new CA. The Job stays and ends its wait. If it gave the Secrets to the former GatewayTenant,
// the garbage collector would delete them.
func TestOrphanedCertgenLeavesTheSecretsToTheNextTenant(t *testing.T) {
	const namespace, delay = "orphaned-certgen", 10 * time.Second
	withOptions(t, func(o *options.Options) { o.Lifetimes.TrustDelay = delay })
	cluster.CreateNamespace(t, namespace)
	for _, secret := range upstreamSecrets(t, namespace) {
		cluster.Create(t, secret)
	}
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	waitReady(t, namespace)
	spec := v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{"gateway.example.com"}}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { *s = spec })
	cluster.Eventually(t, 30*time.Second, func() error {
		var server corev1.Secret
		if err := admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: manifests.ServerTLSName}, &server); err != nil {
			return err
		}
		if server.Annotations["openshell.ambient-code.io/trusted-since"] == "" {
			return fmt.Errorf("certgen does not wait yet: %v", server.Annotations)
		}
		return nil
	})
	noSecretVanishes(t, namespace)
	tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
	job := get(t, &batchv1.Job{}, namespace, manifests.CertgenName)
	if err := admin.Delete(t.Context(), tenant, client.PropagationPolicy(metav1.DeletePropagationOrphan)); err != nil {
		t.Fatal(err)
	}
	waitGone(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
	before := secretsOf(t, namespace)
	for name, secret := range before {
		if len(secret.OwnerReferences) > 0 {
			t.Fatalf("Secret %s is not orphaned: %v", name, secret.OwnerReferences)
		}
	}
	if is := get(t, &batchv1.Job{}, namespace, manifests.CertgenName); is.UID != job.UID || is.Status.Active != 1 {
		t.Fatalf("certgen ended before its GatewayTenant was deleted: %+v", is.Status)
	}

	cluster.Eventually(t, delay+20*time.Second, func() error { return orphanedCertgenSays(t, namespace) })
	for name, secret := range secretsOf(t, namespace) {
		if was := before[name]; was == nil || secret.UID != was.UID || !reflect.DeepEqual(secret.Data, was.Data) || len(secret.OwnerReferences) > 0 {
			t.Errorf("after certgen ended, Secret %s is another, has other contents, or an owner: %v", name, secret.OwnerReferences)
		}
	}
	restart(t) // with the shorter trust delay, since the new name is reported after another one
	cluster.Create(t, operatortest.Tenant(namespace, spec))
	tenant = waitReady(t, namespace)
	serves(t, namespace, "gateway.example.com")
	after := secretsOf(t, namespace)
	for name := range before {
		if !metav1.IsControlledBy(after[name], tenant) {
			t.Errorf("Secret %s would outlive its tenant", name)
		}
	}
	for _, name := range []string{manifests.CAName, manifests.TokenKeysName} {
		if !reflect.DeepEqual(after[name].Data, before[name].Data) {
			t.Errorf("the keys in Secret %s are others", name)
		}
	}
}

// orphanedCertgenSays returns an error until a pod of certgen ended because its GatewayTenant does not exist.
func orphanedCertgenSays(t *testing.T, namespace string) error {
	t.Helper()
	var pods corev1.PodList
	if err := admin.List(t.Context(), &pods, client.InNamespace(namespace), client.MatchingLabels{manifests.LabelName: manifests.CertgenName}); err != nil {
		return err
	}
	var messages []string
	for _, pod := range pods.Items {
		for _, container := range pod.Status.ContainerStatuses {
			if ended := container.State.Terminated; ended != nil {
				messages = append(messages, ended.Message)
			}
		}
	}
	if all := strings.Join(messages, "; "); !strings.Contains(all, "since it does not exist") {
		return fmt.Errorf("certgen said: %q", all)
	}
	return nil
}

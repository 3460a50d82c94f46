package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

const (
	annotationKeyPath = "openshell.ambient-code.io/key-encryption-key-path"
	rootKeyPath       = "/var/openshell/key-encryption-key.bin"
	subdirKeyPath     = "/var/openshell/credentials/key-encryption-key.bin"
	withKey           = gatewayRepository + "0.0.111"
)

// makeClaim makes the claim of a volume that a gateway with a key has used.
func makeClaim(t *testing.T, namespace string, annotations map[string]string) {
	t.Helper()
	annotations["openshell.ambient-code.io/highest-version"] = "0.0.111"
	cluster.Create(t, &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: manifests.ClaimName, Labels: manifests.Labels(), Annotations: annotations},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	})
}

// makeOldTenant makes a tenant as the operator left it before it recorded where the key is: in the volume's root. It is
// suspended, and nothing is recorded.
func makeOldTenant(t *testing.T, namespace, rootOwner string, until func()) {
	t.Helper()
	cluster.CreateNamespace(t, namespace)
	makeClaim(t, namespace, map[string]string{annotationKeyPath: rootKeyPath, "devcluster.invalid/root-owner": rootOwner})
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{Image: withKey}))
	until()
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Suspend = true })
	waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: manifests.ClaimName}}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:null}}}`, annotationKeyPath)
	if err := admin.Patch(t.Context(), claim, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

func waitKeyPath(t *testing.T, namespace, want string) {
	t.Helper()
	cluster.Eventually(t, 15*time.Second, func() error {
		claim := get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName)
		if is := claim.Annotations[annotationKeyPath]; is != want {
			return fmt.Errorf("the claim records %q, want %q", is, want)
		}
		return nil
	})
	if text := get(t, &corev1.ConfigMap{}, namespace, manifests.ConfigName).Data[manifests.ConfigKey]; !strings.Contains(text, "'"+want+"'") {
		t.Errorf("gateway.toml does not have %s:\n%s", want, text)
	}
}

// planOfTenant returns what the plugin says of a GatewayTenant that would be applied.
func planOfTenant(t *testing.T, namespace, spec string) (out string, code int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tenant.yaml")
	text := "apiVersion: openshell.ambient-code.io/v1alpha1\nkind: GatewayTenant\nmetadata: {name: openshell-gateway, namespace: " + namespace + "}\nspec: " + spec + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return kubectlGatewayTenant(t, "plan", "-f", file)
}

// TestKeyOfANewVolumeIsInASubdirectory, where the gateway finds it again.
func TestKeyOfANewVolumeIsInASubdirectory(t *testing.T) {
	t.Parallel()
	const namespace = "key-new"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: withKey})
	waitReady(t, namespace)
	waitKeyPath(t, namespace, subdirKeyPath)
	pod := podUID(t, namespace)
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Config = "openshell.gateway.log_level = 'debug'" })
	waitReady(t, namespace)
	if podUID(t, namespace) == pod {
		t.Error("its gateway did not restart")
	}
}

// TestGatewayThatCouldNotCreateItsKeyIsHealed, since its termination message proves that the volume has no key.
func TestGatewayThatCouldNotCreateItsKeyIsHealed(t *testing.T) {
	t.Parallel()
	const namespace = "key-lacking"
	makeOldTenant(t, namespace, "root", func() {
		tenant := waitCondition(t, namespace, v1alpha1.ConditionAvailable, metav1.ConditionFalse, v1alpha1.ReasonCrashLoop)
		if message := messageOf(tenant, v1alpha1.ConditionAvailable); !strings.Contains(message, "permissions on /var/openshell") {
			t.Fatalf("it says %q", message)
		}
	})
	if out, code := planOfTenant(t, namespace, "{image: "+withKey+"}"); code != 3 || !strings.Contains(out, "key_encryption_key_path") {
		t.Errorf("plan: exit code %d:\n%s", code, out)
	}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Suspend = false })
	waitReady(t, namespace)
	waitKeyPath(t, namespace, subdirKeyPath)
}

// TestGatewayThatIsReadyKeepsItsKey where it is, and nothing of it changes.
func TestGatewayThatIsReadyKeepsItsKey(t *testing.T) {
	t.Parallel()
	const namespace = "key-kept"
	makeOldTenant(t, namespace, "gateway", func() { waitReady(t, namespace) })
	pod := get(t, &corev1.Pod{}, namespace, "openshell-gateway-0")
	config := get(t, &corev1.ConfigMap{}, namespace, manifests.ConfigName)
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Suspend = false })
	waitReady(t, namespace)
	waitKeyPath(t, namespace, rootKeyPath)
	after := get(t, &corev1.Pod{}, namespace, "openshell-gateway-0")
	if after.UID != pod.UID || after.Status.ContainerStatuses[0].RestartCount != 0 {
		t.Error("its gateway restarted")
	}
	if get(t, &corev1.ConfigMap{}, namespace, manifests.ConfigName).ResourceVersion != config.ResourceVersion {
		t.Error("its gateway.toml was written")
	}
}

// TestKeyThatMayBeAnywhereHoldsItsGateway until a person says where it is, by one of the commands in the message.
func TestKeyThatMayBeAnywhereHoldsItsGateway(t *testing.T) {
	t.Parallel()
	command := regexp.MustCompile(`kubectl annotate [^;]+`)
	confirm := func(t *testing.T, namespace string, which int) {
		t.Helper()
		tenant := waitCondition(t, namespace, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonKeyPathUnknown)
		commands := command.FindAllString(messageOf(tenant, v1alpha1.ConditionReady), -1)
		if len(commands) != 2 {
			t.Fatalf("it offers %q", commands)
		}
		if _, err := cluster.Kubectl(t.Context(), strings.Fields(commands[which])[1:]...); err != nil {
			t.Fatal(err)
		}
		waitReady(t, namespace)
	}
	t.Run("a gateway that is ready with another gateway.toml", func(t *testing.T) {
		const namespace = "key-unknown"
		makeOldTenant(t, namespace, "gateway", func() { waitReady(t, namespace) })
		pod := podUID(t, namespace)
		if out, code := planOfTenant(t, namespace, "{image: "+withKey+", config: 'openshell.gateway.log_level = \"debug\"'}"); code != 1 || !strings.Contains(out, "is held") {
			t.Errorf("plan: exit code %d:\n%s", code, out)
		}
		change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) {
			s.Suspend, s.Config = false, "openshell.gateway.log_level = 'debug'"
		})
		tenant := waitCondition(t, namespace, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonKeyPathUnknown)
		if podUID(t, namespace) != pod || !meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionAvailable) {
			t.Error("what ran does not go on")
		}
		confirm(t, namespace, 0)
		waitKeyPath(t, namespace, rootKeyPath)
	})
	t.Run("a volume that was retained", func(t *testing.T) {
		const namespace = "key-retained"
		cluster.CreateNamespace(t, namespace)
		makeClaim(t, namespace, map[string]string{})
		cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{Image: withKey}))
		confirm(t, namespace, 1)
		waitKeyPath(t, namespace, subdirKeyPath)
	})
	t.Run("a record that is not possible", func(t *testing.T) {
		const namespace = "key-misspelt"
		cluster.CreateNamespace(t, namespace)
		makeClaim(t, namespace, map[string]string{annotationKeyPath: "/var/openshell/kek"})
		cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{Image: withKey}))
		confirm(t, namespace, 1)
		waitKeyPath(t, namespace, subdirKeyPath)
	})
}

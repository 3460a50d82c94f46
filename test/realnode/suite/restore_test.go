//go:build linux

package suite

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// TestRestoreBringsTheDatabaseBack backs up a tenant with the files of its volume, deletes its namespace and its volume, and restores
// both while the operator runs. The gateway has what was stored in it, and the same keys.
func TestRestoreBringsTheDatabaseBack(t *testing.T) {
	t.Parallel()
	g := gateway{"restored"}
	cluster.CreateTenant(t, g.namespace, v1alpha1.GatewayTenantSpec{Image: gatewayImage(newest)})
	eventuallyReady(t, g.namespace)
	g.must(t, http.MethodPut, "/values/before", "", "stored before the backup")
	token, key := g.must(t, http.MethodPost, "/tokens/a-sandbox", "", ""), keyOf(t, g.namespace)
	secrets := secretsIn(t, g.namespace)

	stopGateway(t, g.namespace)
	objects, err := operatortest.Backup(t.Context(), admin, g.namespace)
	if err != nil {
		t.Fatal(err)
	}
	claim := get(t, &corev1.PersistentVolumeClaim{}, g.namespace, manifests.ClaimName)
	volume := get(t, &corev1.PersistentVolume{}, "", claim.Spec.VolumeName)
	files := t.TempDir()
	copyFiles(t, node.VolumeDir(volume.Name), files)
	for _, object := range []client.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: g.namespace}}, volume} {
		if err := admin.Delete(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		eventuallyGone(t, object)
	}
	if err := os.RemoveAll(node.VolumeDir(volume.Name)); err != nil {
		t.Fatal(err)
	}

	cluster.Create(t, operatortest.RestoringNamespace(g.namespace))
	restoreVolume(t, volume, claim, files)
	for _, object := range operatortest.InOrder(objects, operatortest.RestoreOrders["GatewayTenant first"]) {
		if err := operatortest.Restore(t.Context(), admin, object); err != nil {
			t.Fatal(err)
		}
	}
	if err := operatortest.EndRestore(t.Context(), admin, g.namespace); err != nil {
		t.Fatal(err)
	}
	changeTenant(t, g.namespace, func(tenant *v1alpha1.GatewayTenant) { tenant.Spec.Suspend = false })
	eventuallyReady(t, g.namespace)

	if is, err := g.request(t, g.serverName(), http.MethodGet, "/values/before", "", nil); err != nil || is != "stored before the backup" {
		t.Errorf("after the restore, the value is %q (%v)", is, err)
	}
	if is := g.answer(t, token); is.Caller != "sandbox a-sandbox" {
		t.Errorf("after the restore, the gateway takes the token of a sandbox for %q", is.Caller)
	}
	if is := keyOf(t, g.namespace); is != key {
		t.Error("after the restore, the key-encryption key differs")
	}
	for name, text := range secretsIn(t, g.namespace) {
		if text != secrets[name] {
			t.Errorf("after the restore, Secret %s has other contents", name)
		}
	}
}

// stopGateway suspends a tenant and stops its gateway, so that its files do not change.
func stopGateway(t *testing.T, namespace string) {
	t.Helper()
	changeTenant(t, namespace, func(tenant *v1alpha1.GatewayTenant) { tenant.Spec.Suspend = true })
	cluster.WaitCondition(t, 20*time.Second, namespace, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
	kubectl(t, "scale", "statefulset", manifests.GatewayName, "-n", namespace, "--replicas=0")
	kubectl(t, "wait", "pod", manifests.PodName, "-n", namespace, "--for=delete", "--timeout=60s")
}

// restoreVolume creates a volume with files for the claim of a backup, as a backup tool does.
func restoreVolume(t *testing.T, of *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaim, files string) {
	t.Helper()
	volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: of.Name + "-restored"}, Spec: *of.Spec.DeepCopy()}
	volume.Spec.Local.Path = node.VolumeDir(volume.Name)
	volume.Spec.ClaimRef = &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name}
	copyFiles(t, files, volume.Spec.Local.Path)
	cluster.Create(t, volume)
}

// copyFiles copies a directory with the owners and modes of its files.
func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o755); err != nil { //nolint:gosec // as the directories of other volumes
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", from+"/.", to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// secretsIn returns the contents of the Secrets of a tenant as text.
func secretsIn(t *testing.T, namespace string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, name := range manifests.SecretNames {
		texts[name] = asJSON(get(t, &corev1.Secret{}, namespace, name).Data)
	}
	return texts
}

// eventuallyGone waits until an object is gone.
func eventuallyGone(t *testing.T, object client.Object) {
	t.Helper()
	cluster.Eventually(t, time.Minute, func() error {
		err := admin.Get(t.Context(), client.ObjectKeyFromObject(object), object)
		if err == nil {
			return fmt.Errorf("%T %s still exists", object, object.GetName())
		}
		return client.IgnoreNotFound(err)
	})
}

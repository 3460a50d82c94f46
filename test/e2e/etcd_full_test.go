package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// TestEtcdThatIsFull refuses all that would take more space: also the leader's renewals, so that nobody leads any more.
// What runs goes on, nothing is lost, and what was asked for comes about once there is space again.
func TestEtcdThatIsFull(t *testing.T) {
	const before, deprived, late = "full-before", "full-deprived", "full-late"
	withoutOperator(t)
	cluster.CreateTenant(t, before, v1alpha1.GatewayTenantSpec{})
	cluster.CreateTenant(t, deprived, v1alpha1.GatewayTenantSpec{})
	kubelet := runForever(t)
	waitSettled(t, before)
	waitSettled(t, deprived)
	was := append(uids(t, before), uids(t, deprived)...)
	connection := connectReading(t, before, listen(t, before))
	cluster.CreateNamespace(t, late)
	cluster.CreateNamespace(t, "full-of-this")

	fillEtcd(t, "full-of-this", func() {
		if err := cluster.Pause(foreverName); err != nil { // or what it makes now would be left to stand-ins that do not try twice
			t.Fatal(err)
		}
		cluster.Create(t, operatortest.Tenant(late, v1alpha1.GatewayTenantSpec{}))
	})
	if err := cluster.Resume(foreverName); err != nil {
		t.Fatal(err)
	}
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: deprived, Name: "openshell-gateway-config"}}
	if err := admin.Delete(t.Context(), config); err != nil { // which takes no space
		t.Fatal(err)
	}
	ends := kubelet.ends.Load()
	time.Sleep(30 * time.Second) // An operator that crashes ends several times in this time.
	if more := kubelet.ends.Load() - ends; more > 1 {
		t.Errorf("the operator has ended %d times in 30 s: it crashes all the time", more)
	}
	if err := kubelet.healthy(); err != nil {
		t.Error(err)
	}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(config), config); err == nil {
		t.Error("what was deleted is there again: there was space")
	}

	if err := admin.DeleteAllOf(t.Context(), &corev1.ConfigMap{}, client.InNamespace("full-of-this")); err != nil {
		t.Fatal(err)
	}
	if err := cluster.FreeEtcd(t.Context()); err != nil {
		t.Fatal(err)
	}
	freed := time.Now()
	for _, namespace := range []string{before, deprived, late} {
		cluster.Eventually(t, time.Minute, func() error { return isReady(t.Context(), namespace) })
	}
	cluster.Eventually(t, 30*time.Second, func() error { return admin.Get(t.Context(), client.ObjectKeyFromObject(config), config) })
	t.Logf("all is as it should be %s after there was space, and the operator ended %d times", time.Since(freed).Round(100*time.Millisecond), kubelet.ends.Load())
	connection.neverFailed(t)
	waitSettled(t, before)
	if lost := without(was, append(uids(t, before), uids(t, deprived)...)); len(lost) > 0 {
		t.Errorf("these were made anew or are lost:\n%s", strings.Join(lost, "\n"))
	}
}

// uids are the objects of a tenant, each with its uid: those that nobody deletes in this test.
func uids(t *testing.T, namespace string) (all []string) {
	t.Helper()
	for _, version := range versionsOf(t, namespace) {
		if !strings.HasPrefix(version, "ConfigMap/") && !strings.Contains(version, "/"+manifests.CertgenName+" ") && !strings.HasPrefix(version, "Pod/"+manifests.CertgenName) {
			all = append(all, namespace+" "+version[:strings.LastIndex(version, " ")])
		}
	}
	return all
}

// isReady tells why a tenant is not.
func isReady(ctx context.Context, namespace string) error {
	tenant := &v1alpha1.GatewayTenant{}
	if err := admin.Get(ctx, client.ObjectKey{Namespace: namespace, Name: v1alpha1.Name}, tenant); err != nil {
		return err
	}
	if !meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionReady) {
		return fmt.Errorf("%s: conditions %+v", namespace, tenant.Status.Conditions)
	}
	return nil
}

// fillEtcd makes ConfigMaps until etcd takes no more, and does something half-way. When the test ends, etcd has its usual
// limit again.
func fillEtcd(t *testing.T, namespace string, halfWay func()) {
	t.Helper()
	size, err := cluster.EtcdSize(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const room, each = 8 << 20, 256 << 10
	t.Cleanup(func() {
		if err := errors.Join(cluster.FreeEtcd(context.Background()), cluster.LimitEtcd(context.Background(), 0), cluster.FreeEtcd(context.Background())); err != nil {
			t.Error(err)
		}
	})
	if err := cluster.LimitEtcd(t.Context(), size+room); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 30*time.Second, func() error { // until the API server has found etcd again
		return admin.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "small-"}})
	})
	for i := range 4 * room / each {
		if i == room/each/2 { // other writes take room, too
			halfWay()
		}
		err := admin.Create(t.Context(), &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "large-"}, Data: map[string]string{"x": strings.Repeat("x", each)},
		})
		if err != nil && strings.Contains(err.Error(), "database space exceeded") {
			t.Logf("etcd is full after %d objects: %v", i, err)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("etcd does not become full")
}

// kubelet runs the operator's program as a pod with one replica would: when it ends, it is started again.
type kubelet struct {
	ends    atomic.Int64
	address string // of its probes
}

const foreverName = "operator-forever"

func runForever(t *testing.T) *kubelet {
	t.Helper()
	const name = foreverName
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &kubelet{address: listener.Addr().String()}
	if err := listener.Close(); err != nil { // the operator listens there
		t.Fatal(err)
	}
	config, err := cluster.ServiceAccountConfig(t.Context(), platformNamespace, "gatewaytenant-operator")
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := cluster.WriteKubeconfig(kubeconfig, config); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"--kubeconfig=" + kubeconfig, "--leader-elect", "--platform-namespace=" + platformNamespace, "--certgen-image=gatewaytenant-operator:latest",
		"--enable-bridge=false", "--metrics-bind-address=0", "--health-probe-bind-address=" + k.address,
	}
	if err := cluster.Run(name, "manager", args...); err != nil {
		t.Fatal(err)
	}
	inBackground(t, func(ctx context.Context) {
		for pause(ctx, time.Second) {
			if cluster.Running(name) {
				continue
			}
			k.ends.Add(1)
			if err := cluster.Run(name, "manager", args...); err != nil {
				t.Error(err)
				return
			}
		}
		if err := cluster.Kill(name); err != nil {
			t.Error(err)
		}
	})
	return k
}

// healthy is what the operator's probes say.
func (k *kubelet) healthy() error {
	for _, probe := range []string{"healthz", "readyz"} {
		reply, err := http.Get("http://" + k.address + "/" + probe) //nolint:noctx // it is on this machine
		if err != nil {
			return err
		}
		_ = reply.Body.Close()
		if reply.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", probe, reply.Status)
		}
	}
	return nil
}

package hostile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/operator"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig"
	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
)

const platformNamespace = "gatewaytenant-system"

// attacker is the ServiceAccount that attacks, in each tenant's namespace.
const attacker = "attacker"

// bystanders are tenants from platform-config who do nothing, and to whom nothing shall happen.
var bystanders = []string{"bystander-0", "bystander-1"}

// place is a cluster with the operator and the tenants in it.
type place struct {
	cluster *devcluster.Cluster
	admin   client.Client
	oracle  *oracle
}

// start starts a cluster, and the operator as its own ServiceAccount, with the oracle between the two.
func start(t *testing.T) *place {
	t.Helper()
	dir, err := os.MkdirTemp("", "hostile-")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOGC", "800") // there is room, and the API server's garbage would cost a sixth of the time
	debug.SetGCPercent(800) // and the operator's, which runs in here
	cluster, err := devcluster.Start(t.Context(), devcluster.Options{Dir: dir, First: []string{"../../config/crd"}, Progress: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := cluster.Stop()
		if t.Failed() || err != nil {
			t.Log("the logs are in", filepath.Join(dir, "logs"), err)
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	logs, err := os.Create(filepath.Join(dir, "logs", "operator.log"))
	if err != nil {
		t.Fatal(err)
	}
	logger := logr.FromSlogHandler(slog.NewJSONHandler(logs, nil))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	for _, args := range [][]string{{"apply", "-k", "../../config/rbac"}, {"apply", "-k", "../../config/policy"}, {"wait", "--for=condition=Established", "crd/gatewaytenants.openshell.ambient-code.io"}} {
		if _, err := cluster.Kubectl(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	admin, err := client.New(cluster.Config(), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	p := &place{cluster, admin, newOracle()}
	p.runOperator(t)
	return p
}

// runOperator runs the operator until the test ends.
func (p *place) runOperator(t *testing.T) {
	t.Helper()
	config, err := p.cluster.ServiceAccountConfig(t.Context(), platformNamespace, "gatewaytenant-operator")
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	config.Wrap(p.oracle.watching)
	mgr, err := operator.NewManager(config, options.Options{
		PlatformNamespace: platformNamespace, PlatformConfig: "platform-config", EnableBridge: true, Guard: platformconfig.DefaultGuard,
		CertgenImage: certgenImage, AllowedRepositories: []string{repository}, Lifetimes: certificates.DefaultLifetimes,
		LeaderElect: true, Concurrency: 16, RolloutPercent: 10, MetricsAddress: "0", ProbeAddress: "0",
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error("the operator ended:", err)
		}
	})
	select {
	case <-mgr.Elected():
	case err := <-ended:
		t.Fatal("the operator ended:", err)
	case <-time.After(time.Minute):
		t.Fatal("the operator did not become leader within a minute")
	}
}

// settle makes the bystanders and the tenants that will attack, and waits until all their gateways serve.
func (p *place) settle(t *testing.T, seen *observer, tenants []string) {
	t.Helper()
	began := time.Now()
	list := ""
	for _, namespace := range bystanders {
		list += fmt.Sprintf("- {name: %s, gateway: {serverDnsNames: [%s.example.com]}}\n", namespace, namespace)
		p.oracle.of(namespace).note(v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{namespace + ".example.com"}}, nil)
		p.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	}
	p.create(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: platformNamespace, Name: "platform-config"}, Data: map[string]string{"namespaces": list}})
	for _, namespace := range tenants {
		p.oracle.of(namespace)
		p.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
		p.create(t, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: attacker}})
		p.create(t, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: attacker},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "gatewaytenant-admin"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: attacker, Namespace: namespace}},
		})
		p.create(t, &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.Name}})
	}
	for _, namespace := range append(tenants, bystanders...) {
		if _, err := seen.wait(t.Context(), namespace, 3*time.Minute, func(s state) bool { return s.ready }); err != nil {
			t.Fatal("before the attack: ", err)
		}
	}
	time.Sleep(time.Second) // Events are told a little later
	fmt.Fprintf(os.Stderr, "hostile: %d tenants are Ready after %.0f s\n", len(tenants)+len(bystanders), time.Since(began).Seconds())
}

func (p *place) create(t *testing.T, object client.Object) {
	t.Helper()
	if err := p.admin.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

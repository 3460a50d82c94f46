package hostile

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

const platformNamespace = operatortest.PlatformNamespace

// attacker is the ServiceAccount that attacks, in each tenant's namespace.
const attacker = "attacker"

// attackerRoles are the roles it has there. With the second, no policy shields the bridge. The bindings have their names.
var attackerRoles = []string{"gatewaytenant-admin", "gatewaytenant-handover"}

// bystanders are tenants from platform-config who do nothing, and to whom nothing shall happen.
var bystanders = []string{"bystander-0", "bystander-1"}

// place is a cluster with the operator and the tenants in it.
type place struct {
	*operatortest.ControlPlane
	oracle *oracle
}

// start starts a cluster, and the operator as its own ServiceAccount, with the oracle between the two.
func start(t *testing.T) *place {
	t.Helper()
	t.Setenv("GOGC", "800") // there is room, and the API server's garbage would cost a sixth of the time
	debug.SetGCPercent(800) // and the operator's, which runs in here
	cluster, err := operatortest.Start(t.Context(), "hostile", devcluster.Options{First: []string{"../../config/crd"}}, "../../config/rbac", "../../config/policy")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.End(t.Failed()); err != nil {
			t.Error(err)
		}
	})
	p := &place{cluster, newOracle()}
	p.runOperator(t)
	return p
}

// runOperator runs the operator until the test ends.
func (p *place) runOperator(t *testing.T) {
	t.Helper()
	config, err := p.OperatorConfig(t.Context(), platformNamespace)
	if err != nil {
		t.Fatal(err)
	}
	config.Wrap(p.oracle.watching)
	operator, err := operatortest.StartOperator(context.Background(), config, operatortest.Options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := operator.Stop(); err != nil {
			t.Error("the operator ended:", err)
		}
	})
	if err := operator.WaitElected(time.Minute); err != nil {
		t.Fatal(err)
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
		p.Create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	}
	p.Create(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: platformNamespace, Name: "platform-config"}, Data: map[string]string{"namespaces": list}})
	for _, namespace := range tenants {
		p.oracle.of(namespace)
		p.Create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
		p.Create(t, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: attacker}})
		for _, role := range attackerRoles {
			p.Create(t, &rbacv1.RoleBinding{
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: role},
				RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
				Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: attacker, Namespace: namespace}},
			})
		}
		p.Create(t, &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.Name}})
	}
	for _, namespace := range append(tenants, bystanders...) {
		if _, err := seen.wait(t.Context(), namespace, 3*time.Minute, func(s state) bool { return s.ready }); err != nil {
			t.Fatal("before the attack: ", err)
		}
	}
	p.Eventually(t, 30*time.Second, func() error { // Events are sent later than what they are about.
		if idle := p.oracle.idle(); idle < time.Second {
			return fmt.Errorf("the operator wrote for a tenant %s ago", idle)
		}
		return nil
	})
	fmt.Fprintf(os.Stderr, "hostile: %d tenants are Ready after %.0f s\n", len(tenants)+len(bystanders), time.Since(began).Seconds())
}

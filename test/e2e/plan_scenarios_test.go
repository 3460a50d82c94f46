package e2e

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// sharedBinding is the ClusterRoleBinding of an earlier control plane. One scenario has a tenant in it.
const (
	sharedBinding         = "openshell-gateway-node-reader"
	tenantOfSharedBinding = "plan-adoption-with-leftovers"
)

// sharedBindingOf returns the name of the shared binding for the only tenant of these scenarios that is in it.
func sharedBindingOf(namespace string) string {
	if namespace != tenantOfSharedBinding {
		return ""
	}
	return sharedBinding
}

func clientKey(object client.Object) types.NamespacedName { return client.ObjectKeyFromObject(object) }

var (
	everyClient = v1alpha1.Network{AllowedClients: []v1alpha1.AllowedClient{{NamespaceSelector: &metav1.LabelSelector{}}}}
	oneClient   = v1alpha1.Network{AllowedClients: []v1alpha1.AllowedClient{{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}}}}
	newJob      = []string{"create Job openshell-gateway-certgen", "delete Job openshell-gateway-certgen"}
	allObjects  = []string{
		"create ClusterRoleBinding gatewaytenant-node-reader:NAMESPACE", "create ConfigMap openshell-gateway-config", "create Job openshell-gateway-certgen",
		"create NetworkPolicy openshell-gateway-sandbox-ssh", "create NetworkPolicy openshell-gateway-sandbox-ssh-label",
		"create PersistentVolumeClaim openshell-data-openshell-gateway-0", "create RoleBinding openshell-gateway-certgen", "create RoleBinding openshell-gateway-sandbox",
		"create Service openshell-gateway", "create ServiceAccount openshell-gateway", "create ServiceAccount openshell-gateway-certgen",
		"create ServiceAccount openshell-gateway-sandbox", "create StatefulSet openshell-gateway",
	}
)

// readyWith returns a function that creates a tenant with a spec and waits until it is Ready.
func readyWith(spec v1alpha1.GatewayTenantSpec) func(*testing.T, string) {
	return func(t *testing.T, namespace string) {
		cluster.CreateTenant(t, namespace, spec)
		waitReady(t, namespace)
	}
}

// suspendedAfter returns a function that suspends a tenant that is Ready, and then makes a change that a running operator would revert.
func suspendedAfter(change func(*testing.T, string)) func(*testing.T, string) {
	return func(t *testing.T, namespace string) {
		readyWith(v1alpha1.GatewayTenantSpec{})(t, namespace)
		applyTenant(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{Suspend: true}))
		waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
		change(t, namespace)
	}
}

// deletes returns a function that deletes an object.
func deletes(object client.Object, name string) func(*testing.T, string) {
	return func(t *testing.T, namespace string) {
		object := object.DeepCopyObject().(client.Object)
		object.SetNamespace(namespace)
		object.SetName(name)
		if err := admin.Delete(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

var planScenarios = []planScenario{
	{name: "create", before: func(t *testing.T, namespace string) { cluster.CreateNamespace(t, namespace) }, writes: allObjects},
	{name: "no change", writes: nil},
	{name: "image", before: readyWith(v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.81"}), spec: v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.87"}, writes: []string{
		"update ConfigMap openshell-gateway-config", "update PersistentVolumeClaim openshell-data-openshell-gateway-0", "update StatefulSet openshell-gateway",
	}},
	{name: "config", spec: v1alpha1.GatewayTenantSpec{Config: "openshell.gateway.log_level = 'debug'"}, writes: []string{
		"update ConfigMap openshell-gateway-config", "update StatefulSet openshell-gateway",
	}},
	{name: "names", spec: v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{"gateway.example.com"}}, writes: newJob},
	{name: "storage", spec: v1alpha1.GatewayTenantSpec{Storage: v1alpha1.Storage{Size: "2Gi"}}, writes: []string{
		"update PersistentVolumeClaim openshell-data-openshell-gateway-0",
	}},
	{name: "rotation of certificates", annotations: map[string]string{v1alpha1.AnnotationRotateTLS: "1"}, writes: newJob},
	{name: "rotation of the authority", annotations: map[string]string{v1alpha1.AnnotationRotateCA: "1"}, writes: newJob},
	{name: "rotation of token keys", annotations: map[string]string{v1alpha1.AnnotationRotateTokens: "1"}, writes: append(newJob[:2:2], "update StatefulSet openshell-gateway")},
	{name: "no sandbox tokens", spec: v1alpha1.GatewayTenantSpec{SandboxTokens: v1alpha1.SandboxTokensDisabled}, writes: []string{
		"update ConfigMap openshell-gateway-config", "update StatefulSet openshell-gateway",
	}},
	{name: "telemetry", spec: v1alpha1.GatewayTenantSpec{Telemetry: v1alpha1.TelemetryDisabled}, writes: []string{"update StatefulSet openshell-gateway"}},
	{name: "clients on", spec: v1alpha1.GatewayTenantSpec{Network: everyClient}, writes: []string{"create NetworkPolicy openshell-gateway-clients"}},
	{name: "clients changed", before: readyWith(v1alpha1.GatewayTenantSpec{Network: everyClient}), spec: v1alpha1.GatewayTenantSpec{Network: oneClient},
		writes: []string{"update NetworkPolicy openshell-gateway-clients"}},
	{name: "clients off", before: readyWith(v1alpha1.GatewayTenantSpec{Network: everyClient}), writes: []string{"delete NetworkPolicy openshell-gateway-clients"}},
	{name: "broken pod", before: func(t *testing.T, namespace string) {
		cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.111-crashes"})
		waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonCrashLoop)
	}, writes: []string{"delete Pod openshell-gateway-0", "update StatefulSet openshell-gateway"}},
	{name: "adoption with leftovers", before: adoptableWithLeftovers, writes: []string{
		"create ClusterRoleBinding gatewaytenant-node-reader:NAMESPACE", "create Job openshell-gateway-certgen",
		"create NetworkPolicy openshell-gateway-sandbox-ssh-label", "create RoleBinding openshell-gateway-certgen", "create RoleBinding openshell-gateway-sandbox",
		"delete Job openshell-gateway-certgen", "delete NetworkPolicy openshell-gateway-allow-sandbox-v2", "delete NetworkPolicy openshell-gateway-sandbox-ssh-v2",
		"delete Role openshell-gateway-certgen", "delete Role openshell-gateway-sandbox",
		"delete RoleBinding openshell-gateway-certgen", "delete RoleBinding openshell-gateway-sandbox",
		"update ClusterRoleBinding " + sharedBinding, "update ConfigMap openshell-gateway-config", "update NetworkPolicy openshell-gateway-sandbox-ssh",
		"update PersistentVolumeClaim openshell-data-openshell-gateway-0", "update Service openshell-gateway", "update ServiceAccount openshell-gateway",
		"update ServiceAccount openshell-gateway-certgen", "update ServiceAccount openshell-gateway-sandbox", "update StatefulSet openshell-gateway",
	}},
	{name: "adoption with a conflict", before: func(t *testing.T, namespace string) {
		makeEarlier(t, namespace)
		cluster.Create(t, &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: manifests.ClientsName}})
	}, spec: v1alpha1.GatewayTenantSpec{Network: everyClient}, writes: nil},
	{name: "suspend", spec: v1alpha1.GatewayTenantSpec{Suspend: true, Config: "openshell.gateway.log_level = 'debug'"}, writes: nil},
	{name: "resume without a service", before: suspendedAfter(deletes(&corev1.Service{}, manifests.GatewayName)), writes: []string{"create Service openshell-gateway"}},
	{name: "resume without a secret", before: suspendedAfter(deletes(&corev1.Secret{}, manifests.ClientTLSName)), writes: newJob},
	{name: "resume after drift", before: suspendedAfter(func(t *testing.T, namespace string) {
		service := get(t, &corev1.Service{}, namespace, manifests.GatewayName)
		service.Spec.Ports[0].Port = 1234
		if err := admin.Update(t.Context(), service); err != nil {
			t.Fatal(err)
		}
	}), writes: []string{"update Service openshell-gateway"}},
	{name: "resume with another role", before: suspendedAfter(func(t *testing.T, namespace string) {
		binding := get(t, &rbacv1.RoleBinding{}, namespace, manifests.SandboxName)
		if err := admin.Delete(t.Context(), binding); err != nil {
			t.Fatal(err)
		}
		binding.ObjectMeta = metav1.ObjectMeta{Namespace: namespace, Name: binding.Name, Labels: binding.Labels}
		binding.RoleRef.Name = "view"
		cluster.Create(t, binding)
	}), writes: []string{"create RoleBinding openshell-gateway-sandbox", "delete RoleBinding openshell-gateway-sandbox"}},
	{name: "rejected spec", spec: v1alpha1.GatewayTenantSpec{Config: "openshell.gateway.bind_address = '0.0.0.0:9999'"}, writes: nil},
}

// adoptableWithLeftovers creates the gateway of an earlier control plane with everything that it may leave.
func adoptableWithLeftovers(t *testing.T, namespace string) {
	makeEarlier(t, namespace)
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: sharedBinding}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: sharedBinding},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: manifests.GatewayName, Namespace: namespace}},
	}
	cluster.Create(t, binding)
	t.Cleanup(func() { _ = admin.Delete(context.Background(), binding) })
}

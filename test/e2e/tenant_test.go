package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// namespacedKinds are all kinds of object that a tenant has in its namespace.
func namespacedKinds() map[string]client.ObjectList {
	return map[string]client.ObjectList{
		"StatefulSet": &appsv1.StatefulSetList{}, "Service": &corev1.ServiceList{}, "ServiceAccount": &corev1.ServiceAccountList{},
		"ConfigMap": &corev1.ConfigMapList{}, "Job": &batchv1.JobList{}, "NetworkPolicy": &networkingv1.NetworkPolicyList{},
		"RoleBinding": &rbacv1.RoleBindingList{}, "Secret": &corev1.SecretList{},
	}
}

// objectsIn are the objects of a namespace, as kind/name, less those that every namespace has; with whether tenant
// controls them.
func objectsIn(t *testing.T, namespace string, tenant metav1.Object) (names, strangers []string) {
	t.Helper()
	for kind, list := range namespacedKinds() {
		if err := admin.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
			t.Fatal(err)
		}
		for _, object := range items(t, list) {
			name := kind + "/" + object.GetName()
			if name == "ServiceAccount/default" || name == "ConfigMap/kube-root-ca.crt" {
				continue
			}
			names = append(names, name)
			if tenant != nil && !metav1.IsControlledBy(object, tenant) {
				strangers = append(strangers, name)
			}
		}
	}
	slices.Sort(names)
	return names, strangers
}

func TestTenantGetsItsGateway(t *testing.T) {
	t.Parallel()
	const namespace = "gets-its-gateway"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{"gateway.example.com", "192.0.2.7"}})
	tenant := waitReady(t, namespace)

	names, strangers := objectsIn(t, namespace, tenant)
	want := []string{
		"ConfigMap/openshell-gateway-config",
		"Job/openshell-gateway-certgen",
		"NetworkPolicy/openshell-gateway-sandbox-ssh", "NetworkPolicy/openshell-gateway-sandbox-ssh-label",
		"RoleBinding/openshell-gateway-certgen", "RoleBinding/openshell-gateway-sandbox",
		"Secret/openshell-client-tls", "Secret/openshell-gateway-ca", "Secret/openshell-gateway-jwt-keys", "Secret/openshell-server-tls",
		"Service/openshell-gateway",
		"ServiceAccount/openshell-gateway", "ServiceAccount/openshell-gateway-certgen", "ServiceAccount/openshell-gateway-sandbox",
		"StatefulSet/openshell-gateway",
	}
	if !slices.Equal(names, want) {
		t.Errorf("objects:\n%s\nwant:\n%s", strings.Join(names, "\n"), strings.Join(want, "\n"))
	}
	if len(strangers) > 0 {
		t.Errorf("not controlled by the GatewayTenant: %v", strangers)
	}
	binding := get(t, &rbacv1.ClusterRoleBinding{}, "", "gatewaytenant-node-reader:"+namespace)
	if owners := binding.OwnerReferences; len(owners) != 1 || owners[0].Kind != "Namespace" || owners[0].Name != namespace {
		t.Errorf("owners of the ClusterRoleBinding: %v; want the Namespace", owners)
	}
	if tenant.Status.Endpoint != "https://openshell-gateway."+namespace+".svc.cluster.local:8080" || tenant.Status.Version != "0.0.111" {
		t.Errorf("status: %+v", tenant.Status)
	}
	for _, name := range []string{"gateway.example.com", "192.0.2.7", "localhost", "127.0.0.1", "::1", "openshell-gateway." + namespace + ".svc"} {
		if !slices.Contains(tenant.Status.ServerDNSNames, name) {
			t.Errorf("the certificate carries %v, not %s", tenant.Status.ServerDNSNames, name)
		}
	}
	if life := time.Until(tenant.Status.CertificateNotAfter.Time); life < 364*24*time.Hour {
		t.Errorf("the certificates end in %s", life)
	}
}

func TestDeletedTenantLeavesOnlyItsVolume(t *testing.T) {
	t.Parallel()
	const namespace = "leaves-its-volume"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	tenant := waitReady(t, namespace)
	claim := get(t, &corev1.PersistentVolumeClaim{}, namespace, "openshell-data-openshell-gateway-0")
	if err := admin.Delete(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 30*time.Second, func() error {
		if names, _ := objectsIn(t, namespace, nil); len(names) > 0 {
			return fmt.Errorf("still there: %v", names)
		}
		return nil
	})
	waitGone(t, &rbacv1.ClusterRoleBinding{}, "", "gatewaytenant-node-reader:"+namespace)
	after := get(t, &corev1.PersistentVolumeClaim{}, namespace, claim.Name)
	if after.UID != claim.UID || after.DeletionTimestamp != nil {
		t.Error("the volume claim did not stay")
	}
}

func TestTenantDeletedWhileTheOperatorIsDownLosesItsBinding(t *testing.T) {
	const namespace = "deleted-while-down"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	tenant := waitReady(t, namespace)
	operator.stop(t)
	if err := admin.Delete(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	waitGone(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
	if err := operator.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitGone(t, &rbacv1.ClusterRoleBinding{}, "", "gatewaytenant-node-reader:"+namespace)
}

func TestNamespaceDeletedTakesTheBindingWithIt(t *testing.T) {
	t.Parallel()
	const namespace = "taken-with-it"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	if err := admin.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		t.Fatal(err)
	}
	waitGone(t, &corev1.Namespace{}, "", namespace)
	waitGone(t, &rbacv1.ClusterRoleBinding{}, "", "gatewaytenant-node-reader:"+namespace)
}

func TestTenantMadeAnewAtOnceIsReadyAgain(t *testing.T) {
	t.Parallel()
	const namespace = "made-anew"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	before := waitReady(t, namespace)
	if err := admin.Delete(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	waitGone(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	cluster.Eventually(t, 30*time.Second, func() error {
		names, strangers := objectsIn(t, namespace, get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name))
		if len(names) < 15 || len(strangers) > 0 {
			return fmt.Errorf("%d objects, of which of the former tenant: %v", len(names), strangers)
		}
		return nil
	})
	waitReady(t, namespace)
}

func TestForeignObjectIsNotOverwritten(t *testing.T) {
	t.Parallel()
	const namespace = "foreign-object"
	cluster.CreateNamespace(t, namespace)
	cluster.Create(t, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "openshell-gateway", Namespace: namespace},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
	})
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	tenant := waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonConflict)
	if message := tenant.Status.Conditions[len(tenant.Status.Conditions)-1].Message; !strings.Contains(message, "Service "+namespace+"/openshell-gateway") {
		t.Errorf("the message does not name the object: %s", message)
	}
	if ports := get(t, &corev1.Service{}, namespace, "openshell-gateway").Spec.Ports; len(ports) != 1 || ports[0].Port != 80 {
		t.Errorf("the foreign Service was changed: %v", ports)
	}
	if err := admin.Delete(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "openshell-gateway", Namespace: namespace}}); err != nil {
		t.Fatal(err)
	}
	waitReady(t, namespace)
}

// TestForeignBindingIsNotOverwritten: it could give a stranger the rights of a gateway, or the other way round.
func TestForeignBindingIsNotOverwritten(t *testing.T) {
	t.Parallel()
	const namespace, name = "foreign-binding", "gatewaytenant-node-reader:foreign-binding"
	foreign := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "somebody"}},
	}
	cluster.Create(t, foreign)
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	tenant := waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonConflict)
	if message := messageOf(tenant, v1alpha1.ConditionReady); !strings.Contains(message, "ClusterRoleBinding "+name) {
		t.Errorf("the message does not name the object: %s", message)
	}
	if is := get(t, &rbacv1.ClusterRoleBinding{}, "", name); is.Subjects[0].Name != "somebody" {
		t.Errorf("the foreign binding was changed: %v", is.Subjects)
	}
	if err := admin.Delete(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	waitReady(t, namespace)
}

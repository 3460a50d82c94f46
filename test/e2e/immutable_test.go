package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// immutableValues are values that the API server does not let the operator change, what Ready says, and the command that it suggests.
var immutableValues = []struct {
	name    string
	change  func(t *testing.T, namespace string)
	says    []string
	command string
}{
	{"config", immutableConfig, []string{"ConfigMap immutable-config/openshell-gateway-config", "immutable", "keeps running"}, "delete configmap"},
	{"selector", replaceSet(func(set *appsv1.StatefulSet) {
		set.Spec.Selector.MatchLabels["another"], set.Spec.Template.Labels["another"] = "label", "label"
	}), []string{"StatefulSet immutable-selector/openshell-gateway", "restarts once", "data stay"}, "delete statefulset"},
	{"claim-template", replaceSet(func(set *appsv1.StatefulSet) {
		set.Spec.VolumeClaimTemplates[0].Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}
	}), []string{"StatefulSet immutable-claim-template/openshell-gateway"}, "delete statefulset"},
	{"service-name", replaceSet(func(set *appsv1.StatefulSet) { set.Spec.ServiceName = "another" }), []string{"StatefulSet immutable-service-name/openshell-gateway"}, "delete statefulset"},
	{"headless", headlessService, []string{"Service immutable-headless/openshell-gateway", "another IP address"}, "delete service"},
	{"role", bindAnotherRole, []string{"ClusterRoleBinding gatewaytenant-node-reader:immutable-role", "lacks these rights until then"}, "delete clusterrolebinding"},
}

// TestImmutableObjectSaysWhatToDelete: the command in the message leads to a gateway that serves, on the same volume.
func TestImmutableObjectSaysWhatToDelete(t *testing.T) {
	t.Parallel()
	for _, test := range immutableValues {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			namespace := "immutable-" + test.name
			cluster.CreateNamespace(t, namespace)
			serveFirst(t, namespace)
			claim := get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName).UID
			test.change(t, namespace)
			var message string
			cluster.Eventually(t, 40*time.Second, func() error {
				message = messageOf(get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name), v1alpha1.ConditionReady)
				if !strings.Contains(message, "kubectl "+test.command) {
					return fmt.Errorf("Ready says %q", message)
				}
				return nil
			})
			for _, want := range test.says {
				if !strings.Contains(message, want) {
					t.Errorf("Ready says %q, want %q", message, want)
				}
			}
			suggested(t, namespace, test.command)
			waitReady(t, namespace)
			if is := get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName); is.UID != claim || is.DeletionTimestamp != nil {
				t.Error("the volume claim did not stay")
			}
		})
	}
}

func immutableConfig(t *testing.T, namespace string) {
	t.Helper()
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: manifests.ConfigName, Namespace: namespace}}
	if err := admin.Patch(t.Context(), config, client.RawPatch(types.MergePatchType, []byte(`{"immutable":true}`))); err != nil {
		t.Fatal(err)
	}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Config = "openshell.gateway.log_level = 'debug'" })
}

func replaceSet(edit func(*appsv1.StatefulSet)) func(t *testing.T, namespace string) {
	return func(t *testing.T, namespace string) {
		t.Helper()
		set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: manifests.GatewayName, Namespace: namespace}}
		replaceObject(t, namespace, set, func() { edit(set) })
	}
}

// headlessService replaces the Service by one without a selector, whose families of IP addresses do not fit another one.
func headlessService(t *testing.T, namespace string) {
	t.Helper()
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: manifests.GatewayName, Namespace: namespace}}
	replaceObject(t, namespace, service, func() {
		service.Spec = corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone, Ports: []corev1.ServicePort{{Name: "grpc", Port: 8080}}}
	})
}

func bindAnotherRole(t *testing.T, namespace string) {
	t.Helper()
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: manifests.NodeReaderPrefix + namespace}}
	replaceObject(t, namespace, binding, func() { binding.RoleRef.Name = "view" })
}

// replaceObject replaces an object of a tenant by an edited one that another client creates for the operator to adopt.
func replaceObject(t *testing.T, namespace string, object client.Object, edit func()) {
	t.Helper()
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Suspend = true })
	waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		t.Fatal(err)
	}
	if err := admin.Delete(t.Context(), object.DeepCopyObject().(client.Object), client.PropagationPolicy(metav1.DeletePropagationForeground)); err != nil {
		t.Fatal(err)
	}
	waitGone(t, object.DeepCopyObject().(client.Object), object.GetNamespace(), object.GetName())
	object.SetResourceVersion("")
	object.SetOwnerReferences(nil)
	object.SetManagedFields(nil)
	object.SetAnnotations(nil)
	edit()
	cluster.Create(t, object)
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Suspend = false })
}

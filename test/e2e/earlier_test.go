package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/earlier"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// makeEarlier makes a gateway in a new namespace as the earlier control plane did, and waits until it serves.
func makeEarlier(t *testing.T, namespace string) {
	t.Helper()
	cluster.CreateNamespace(t, namespace)
	if err := earlier.Create(t.Context(), admin, namespace); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 15*time.Second, func() error {
		set := get(t, &appsv1.StatefulSet{}, namespace, manifests.GatewayName)
		if set.Status.ReadyReplicas != 1 {
			return fmt.Errorf("it does not serve: %+v", set.Status)
		}
		return nil
	})
}

// kept is what adoption must not replace: objects by their uids, Secrets also by their contents.
func kept(t *testing.T, namespace string) map[string]string {
	t.Helper()
	kept := map[string]string{
		"StatefulSet": string(get(t, &appsv1.StatefulSet{}, namespace, manifests.GatewayName).UID),
		"claim":       string(get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName).UID),
		"Service":     string(get(t, &corev1.Service{}, namespace, manifests.GatewayName).UID),
	}
	for _, name := range []string{manifests.ServerTLSName, manifests.ClientTLSName, manifests.TokenKeysName} {
		secret := get(t, &corev1.Secret{}, namespace, name)
		kept[name] = fmt.Sprint(secret.UID, hash(secret.Data))
	}
	return kept
}

func hash(data map[string][]byte) string {
	sum := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(data)) {
		_, _ = sum.Write(data[key]) // a hash does not fail
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// TestAdoptionThatWaitsForItsTurn remembers which version has used the volume: if somebody deletes the earlier gateway
// meanwhile, nothing else tells.
func TestAdoptionThatWaitsForItsTurn(t *testing.T) {
	const first, waits = "earlier-first", "earlier-waits"
	makeEarlier(t, first)
	makeEarlier(t, waits)
	cluster.Create(t, operatortest.Tenant(first, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.71-crashes"}))
	waitCondition(t, first, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonCrashLoop)
	cluster.Create(t, operatortest.Tenant(waits, v1alpha1.GatewayTenantSpec{}))
	waitCondition(t, waits, v1alpha1.ConditionWarning, metav1.ConditionTrue, v1alpha1.ReasonUpdateQueued)
	set := get(t, &appsv1.StatefulSet{}, waits, manifests.GatewayName)
	if err := admin.Delete(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	waitReady(t, waits)
}

// TestGatewayOfTheEarlierControlPlaneIsTakenOver in place: the same volume, Secrets and StatefulSet, one restart, and
// nothing of the earlier one is left. Who goes on as the earlier one did is named.
func TestGatewayOfTheEarlierControlPlaneIsTakenOver(t *testing.T) {
	const namespace, shared = "earlier", "openshell-gateway-node-reader"
	makeEarlier(t, namespace)
	ours, others := rbacv1.Subject{Kind: "ServiceAccount", Name: "openshell-gateway", Namespace: namespace}, rbacv1.Subject{Kind: "ServiceAccount", Name: "openshell-gateway", Namespace: "elsewhere"}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: shared}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: shared},
		Subjects: []rbacv1.Subject{others, ours},
	}
	cluster.Create(t, binding)
	t.Cleanup(func() { _ = admin.Delete(context.Background(), binding) })
	claim := get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName)
	claim.Spec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse("2Gi")
	if err := admin.Update(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	config := get(t, &corev1.ConfigMap{}, namespace, manifests.ConfigName)
	config.Data[manifests.ConfigKey] += "\n[openshell.gateway.gateway_jwt]\ngateway_id = \"main\"\n" // it is in the tokens of running sandboxes
	if err := admin.Update(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	before, pods := kept(t, namespace), podsOf(t, namespace)
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	tenant := waitReady(t, namespace)
	text := get(t, config, namespace, manifests.ConfigName).Data[manifests.ConfigKey]
	if !strings.Contains(text, "gateway_id = 'main'") || strings.Contains(text, "supervisor_sideload_method") {
		t.Errorf("its gateway.toml loses what its sandboxes depend on: %s", text)
	}
	cluster.Eventually(t, 15*time.Second, func() error {
		if _, strangers := objectsIn(t, namespace, tenant); len(strangers) > 0 {
			return fmt.Errorf("not the tenant's: %v", strangers)
		}
		return nil
	})
	if after := kept(t, namespace); !maps.Equal(after, before) {
		t.Errorf("it was %v and is %v", before, after)
	}
	if n := pods()[namespace]; n > 2 {
		t.Errorf("%d restarts", n-1)
	}
	claim = get(t, claim, namespace, manifests.ClaimName)
	if id := claim.Annotations["openshell.ambient-code.io/gateway-id"]; id != "main" {
		t.Errorf("the claim records gateway_id %q", id)
	}
	if size := claim.Spec.Resources.Requests[corev1.ResourceStorage]; size.String() != "2Gi" {
		t.Errorf("the claim has %s", size.String())
	}
	nothingEarlier(t, namespace)
	if binding = get(t, binding, "", shared); slices.Contains(binding.Subjects, ours) || !slices.Contains(binding.Subjects, others) {
		t.Errorf("the shared binding has %v", binding.Subjects)
	}

	config = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: manifests.ConfigName, Namespace: namespace}}
	for i := range 4 {
		patch := fmt.Sprintf(`{"data":{"gateway.toml":"# %d"}}`, i)
		if err := admin.Patch(t.Context(), config, client.RawPatch(types.MergePatchType, []byte(patch)), client.FieldOwner("agent-control-plane")); err != nil {
			t.Fatal(err)
		}
		cluster.Eventually(t, 5*time.Second, func() error {
			if text := get(t, config, namespace, config.Name).Data["gateway.toml"]; strings.HasPrefix(text, "#") {
				return errStill
			}
			return nil
		})
	}
	tenant = waitCondition(t, namespace, v1alpha1.ConditionWarning, metav1.ConditionTrue, v1alpha1.ReasonChangedByOthers)
	if message := messageOf(tenant, v1alpha1.ConditionWarning); !strings.Contains(message, "agent-control-plane") {
		t.Errorf("Warning: %s", message)
	}
}

// nothingEarlier fails the test if something of the earlier control plane is left.
func nothingEarlier(t *testing.T, namespace string) {
	t.Helper()
	for _, list := range []client.ObjectList{&rbacv1.RoleList{}, &networkingv1.NetworkPolicyList{}} {
		if err := admin.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
			t.Fatal(err)
		}
		for _, object := range items(t, list) {
			if object.GetLabels()[manifests.LabelManagedBy] != manifests.Manager {
				t.Errorf("%T %s is still there", object, object.GetName())
			}
		}
	}
	template := get(t, &appsv1.StatefulSet{}, namespace, manifests.GatewayName).Spec.Template
	if _, there := template.Annotations["kubectl.kubernetes.io/restartedAt"]; there || len(template.Spec.Containers[0].Env) != 1 {
		t.Errorf("the pod still has %v %v", template.Annotations, template.Spec.Containers[0].Env)
	}
}

// TestGatewaysThatCannotBeTakenOverAreLeftAlone, and what to do about them is said.
func TestGatewaysThatCannotBeTakenOverAreLeftAlone(t *testing.T) {
	t.Parallel()
	labels := map[string]string{manifests.LabelName: manifests.AppName, "app.kubernetes.io/instance": manifests.GatewayName}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "openshell-gateway", Image: gatewayRepository + "0.0.71"}}}}
	for namespace, c := range map[string]struct {
		object client.Object
		word   string
	}{
		"of-helm": {&appsv1.StatefulSet{
			ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"meta.helm.sh/release-name": "openshell-gateway"}},
			Spec:       appsv1.StatefulSetSpec{ServiceName: manifests.GatewayName, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template},
		}, "helm uninstall openshell-gateway -n of-helm"},
		"with-postgres": {&appsv1.Deployment{Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template}}, "database"},
	} {
		t.Run(namespace, func(t *testing.T) {
			cluster.CreateNamespace(t, namespace)
			c.object.SetName(manifests.GatewayName)
			c.object.SetNamespace(namespace)
			c.object.SetLabels(labels)
			cluster.Create(t, c.object)
			cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
			tenant := waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonConflict)
			if message := messageOf(tenant, v1alpha1.ConditionReady); !strings.Contains(message, c.word) {
				t.Errorf("Ready says %q", message)
			}
			if names, _ := objectsIn(t, namespace, nil); len(slices.DeleteFunc(names, func(name string) bool { return name == "StatefulSet/openshell-gateway" })) > 0 {
				t.Errorf("there are %v", names)
			}
		})
	}
}

// TestRejectedSpecTouchesNothingOfAnEarlierGateway: neither its certgen Job nor its Secrets are ours before it is adopted.
func TestRejectedSpecTouchesNothingOfAnEarlierGateway(t *testing.T) {
	const namespace = "rejected-adoption"
	makeEarlier(t, namespace)
	versions := func() []string {
		return slices.DeleteFunc(versionsOf(t, namespace), func(is string) bool {
			return strings.HasPrefix(is, "GatewayTenant/") || strings.HasPrefix(is, "Pod/")
		})
	}
	before := versions()
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{Config: "there_is_none = 1"}))
	waitCondition(t, namespace, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalidConfig)
	operator.quietFor(t, 2*time.Second, writesTo(namespace))
	if diff := cmp.Diff(before, versions()); diff != "" {
		t.Errorf("something of the gateway changed:\n%s", diff)
	}
	change(t, namespace, func(spec *v1alpha1.GatewayTenantSpec) { spec.Config = "" })
	waitReady(t, namespace)
}

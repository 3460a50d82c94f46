package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// cause is why a gateway may not serve: how it comes and goes, and what Ready says meanwhile.
type cause struct {
	what, reason string
	words        []string
	spec         v1alpha1.GatewayTenantSpec
	begin        func(t *testing.T, namespace string) // before the GatewayTenant is created, unless this creates it
	end          func(t *testing.T, namespace string)
}

var causes = []cause{
	{"never-pulls", v1alpha1.ReasonImagePullFailed, []string{"0.0.111-never-pulls", "not found", "spec.image"},
		v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.111-never-pulls"}, nil, repairImage},
	{"crashes", v1alpha1.ReasonCrashLoop, []string{"exit code 1", "crashes, as its tag says", "kubectl logs"},
		v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.111-crashes"}, nil, repairImage},
	{"hangs", v1alpha1.ReasonPodNotReady, []string{"container openshell-gateway runs, but is not ready", "/readyz", "kubectl logs openshell-gateway-0 -n broken-hangs"},
		v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.111-hangs"}, nil, repairImage},
	{"quota", v1alpha1.ReasonPodRefused, []string{"exceeded quota", "limits.memory", "raise the quota"}, v1alpha1.GatewayTenantSpec{}, makeQuota, removeQuota},
	{"policy", v1alpha1.ReasonPodRefused, []string{"no gateways here", "policy"}, v1alpha1.GatewayTenantSpec{}, makePolicy, removePolicy},
	{"unbound", v1alpha1.ReasonVolumePending, []string{"openshell-data-openshell-gateway-0 is not bound", "kubectl describe pvc"},
		v1alpha1.GatewayTenantSpec{Storage: v1alpha1.Storage{StorageClassName: "comes-later"}}, nil, makeVolume},
}

// TestReadySaysWhyAGatewayDoesNotServe within 20 s, with one Warning Event, never says that it serves, writes nothing at rest, and is Ready within
// 15 s when the cause is gone. The stand-in for containers breaks images by their tags, in a kubelet's ways.
func TestReadySaysWhyAGatewayDoesNotServe(t *testing.T) {
	t.Parallel()
	readySaysWhy(t, causes, (*testing.T).Parallel)
}

// readySaysWhy has a subtest for each cause, which begins with a call of begin.
func readySaysWhy(t *testing.T, causes []cause, begin func(*testing.T)) {
	t.Helper()
	for _, c := range causes {
		t.Run(c.what, func(t *testing.T) {
			begin(t)
			namespace := "broken-" + c.what
			cluster.CreateNamespace(t, namespace)
			if c.begin != nil {
				c.begin(t, namespace)
			}
			if err := admin.Create(t.Context(), operatortest.Tenant(namespace, c.spec)); client.IgnoreAlreadyExists(err) != nil {
				t.Fatal(err)
			}
			tenant := cluster.WaitCondition(t, 20*time.Second, namespace, v1alpha1.ConditionReady, metav1.ConditionFalse, c.reason)
			stop := neverReady(t, namespace)
			cluster.Eventually(t, 15*time.Second, func() error {
				tenant = get(t, tenant, namespace, v1alpha1.Name)
				for _, word := range c.words {
					if message := messageOf(tenant, v1alpha1.ConditionReady); !strings.Contains(message, word) {
						return fmt.Errorf("Ready says %q, not %q", message, word)
					}
				}
				return nil
			})
			atRest(t, namespace)
			oneWarning(t, namespace, c.reason)
			stop()
			c.end(t, namespace)
			waitReady(t, namespace)
		})
	}
}

// atRest fails the test if a tenant that stays as it is changes while its kubelet tries again and again.
func atRest(t *testing.T, namespace string) {
	t.Helper()
	operator.waitIdle(t, writesTo(namespace, "gatewaytenants"))
	before := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
	operator.quietFor(t, 5*time.Second, writesTo(namespace, "gatewaytenants"))
	if after := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name); after.ResourceVersion != before.ResourceVersion {
		t.Errorf("its status is written although nothing changes:\n%s\n%s", messageOf(before, v1alpha1.ConditionReady), messageOf(after, v1alpha1.ConditionReady))
	}
}

// repairImage also needs the broken pod to be out of the way: its StatefulSet would wait for it for ever.
func repairImage(t *testing.T, namespace string) {
	t.Helper()
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Image = "" })
}

func makeQuota(t *testing.T, namespace string) {
	t.Helper()
	cluster.Create(t, &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "small", Namespace: namespace},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourceLimitsMemory: resource.MustParse("300Mi")}},
	})
}

func removeQuota(t *testing.T, namespace string) {
	t.Helper()
	if err := admin.Delete(t.Context(), &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "small", Namespace: namespace}}); err != nil {
		t.Fatal(err)
	}
}

const policyName = "no-gateways"

// makePolicy refuses gateways' pods in the namespace.
func makePolicy(t *testing.T, namespace string) {
	t.Helper()
	fail := admissionv1.Fail
	cluster.Create(t, &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: policyName},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: &fail,
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}}}},
			Validations: []admissionv1.Validation{{Expression: "object.metadata.name != 'openshell-gateway-0'", Message: "no gateways here"}},
		},
	})
	cluster.Create(t, &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: policyName},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: policyName, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}}},
		},
	})
	cluster.Eventually(t, 30*time.Second, func() error { // The API server reads policies from a cache.
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: manifests.PodName},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "any", Image: "any"}}}, // A pod that is invalid is refused for that.
		}
		if err := admin.Create(t.Context(), pod, client.DryRunAll); err == nil || !strings.Contains(err.Error(), "no gateways here") {
			return fmt.Errorf("the policy is not in force: %w", err)
		}
		return nil
	})
}

func removePolicy(t *testing.T, _ string) {
	t.Helper()
	for _, object := range []client.Object{&admissionv1.ValidatingAdmissionPolicyBinding{}, &admissionv1.ValidatingAdmissionPolicy{}} {
		object.SetName(policyName)
		if err := admin.Delete(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// cordon keeps all pods from the only node, once the gateway has run there.
func cordon(t *testing.T, namespace string) {
	t.Helper()
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	waitReady(t, namespace)
	schedulable(t, false)
	t.Cleanup(func() { schedulable(t, true) })
	if err := admin.Delete(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "openshell-gateway-0", Namespace: namespace}}); err != nil {
		t.Fatal(err)
	}
}

func uncordon(t *testing.T, _ string) {
	t.Helper()
	schedulable(t, true)
}

func schedulable(t *testing.T, is bool) {
	t.Helper()
	patch := fmt.Sprintf(`{"spec":{"unschedulable":%v}}`, !is)
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "devcluster"}}
	if err := admin.Patch(context.Background(), node, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Error(err)
	}
}

// makeVolume makes a volume of the class that nobody provisions, bound to this one claim: the controller manager would look
// for claims that fit only every 15 s.
func makeVolume(t *testing.T, namespace string) {
	t.Helper()
	claim := get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName)
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "comes-later"},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: "comes-later",
			Capacity:               corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
			PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/nonexistent"}},
			ClaimRef:               &corev1.ObjectReference{Namespace: namespace, Name: claim.Name, UID: claim.UID},
		},
	}
	cluster.Create(t, volume)
	t.Cleanup(func() { _ = admin.Delete(context.Background(), volume) })
}

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// denyIn makes the API server reject objects of a resource in a namespace unless a CEL expression holds.
func denyIn(t *testing.T, namespace, group, resource, expression, message string) {
	t.Helper()
	name := "deny-" + namespace + "-" + resource
	fail := admissionv1.Fail
	cluster.Create(t, &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: &fail,
			MatchConstraints: &admissionv1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": namespace}},
				ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
					Rule:       admissionv1.Rule{APIGroups: []string{group}, APIVersions: []string{"v1"}, Resources: []string{resource}},
				}}},
			},
			Validations: []admissionv1.Validation{{Expression: expression, Message: message}},
		},
	})
	cluster.Create(t, &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny}},
	})
}

// waitDenied waits until a policy is in effect, by an object that it rejects.
func waitDenied(t *testing.T, object client.Object) {
	t.Helper()
	cluster.Eventually(t, 15*time.Second, func() error {
		if err := admin.Create(t.Context(), object.DeepCopyObject().(client.Object), client.DryRunAll); err == nil || !strings.Contains(err.Error(), "denied request") {
			return fmt.Errorf("the policy is not in effect: %w", err)
		}
		return nil
	})
}

func anyPolicy(namespace string) client.Object {
	return &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "any", Namespace: namespace}}
}

func anyPod(namespace, name string) client.Object {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "a:1"}}},
	}
}

// TestRefusedObjectDoesNotHoldTheImage: a NetworkPolicy and a larger volume are refused, and the gateway gets its image nevertheless.
// Ready names both with what to do, and Available is about the pod. A size that was refused can be taken back.
func TestRefusedObjectDoesNotHoldTheImage(t *testing.T) {
	t.Parallel()
	const namespace, image = "refused-object", "ghcr.io/nvidia/openshell/gateway:0.0.110"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Storage: v1alpha1.Storage{Size: "2Gi", StorageClassName: "devcluster"}})
	waitReady(t, namespace)
	waitSize(t, namespace, "2Gi")
	cluster.Create(t, &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "storage", Namespace: namespace},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourceRequestsStorage: resource.MustParse("10Gi")}},
	})
	denyIn(t, namespace, "networking.k8s.io", "networkpolicies", "false", "NetworkPolicies are the network team's")
	waitDenied(t, anyPolicy(namespace))
	if err := admin.Delete(t.Context(), &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: manifests.SandboxSSHName, Namespace: namespace}}); err != nil {
		t.Fatal(err)
	}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Image, s.Storage.Size = image, "50Ti" })
	cluster.Eventually(t, 30*time.Second, func() error {
		tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		available := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionAvailable)
		if available.Status != metav1.ConditionTrue || available.ObservedGeneration != tenant.Generation {
			return fmt.Errorf("Available is %+v", available)
		}
		for _, want := range []string{
			"NetworkPolicy refused-object/openshell-gateway-sandbox-ssh", "let the policy admit this object; see: kubectl get validatingadmissionpolicy deny-refused-object-networkpolicies -o yaml",
			"PersistentVolumeClaim refused-object/openshell-data-openshell-gateway-0", "kubectl describe resourcequota storage -n refused-object",
		} {
			if message := messageOf(tenant, v1alpha1.ConditionReady); !strings.Contains(message, want) {
				return fmt.Errorf("Ready says %q, want %q", message, want)
			}
		}
		if pod := get(t, &corev1.Pod{}, namespace, manifests.PodName); pod.Spec.Containers[0].Image != image {
			return fmt.Errorf("the pod runs %s", pod.Spec.Containers[0].Image)
		}
		return nil
	})
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Storage.Size = "2Gi" })
	cluster.Eventually(t, 20*time.Second, func() error {
		tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		if message := messageOf(tenant, v1alpha1.ConditionReady); strings.Contains(message, "PersistentVolumeClaim") || !meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionAccepted) {
			return fmt.Errorf("the status is %+v", tenant.Status)
		}
		return nil
	})
}

// TestNewGatewayWaitsForItsNetworkPolicies, since its sandboxes would be open to other pods without them.
func TestNewGatewayWaitsForItsNetworkPolicies(t *testing.T) {
	t.Parallel()
	const namespace = "no-policies"
	cluster.CreateNamespace(t, namespace)
	denyIn(t, namespace, "networking.k8s.io", "networkpolicies", "false", "NetworkPolicies are the network team's")
	waitDenied(t, anyPolicy(namespace))
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	waitCondition(t, namespace, v1alpha1.ConditionCertificatesReady, metav1.ConditionTrue, v1alpha1.ReasonIssued)
	tenant := waitCondition(t, namespace, v1alpha1.ConditionAvailable, metav1.ConditionFalse, v1alpha1.ReasonApplyFailed)
	if message := messageOf(tenant, v1alpha1.ConditionAvailable); !strings.HasPrefix(message, "nothing runs") {
		t.Errorf("Available says %q", message)
	}
	for _, want := range []string{"openshell-gateway-sandbox-ssh:", "openshell-gateway-sandbox-ssh-label:"} {
		if message := messageOf(tenant, v1alpha1.ConditionReady); !strings.Contains(message, want) {
			t.Errorf("Ready says %q, want %q", message, want)
		}
	}
	if err := admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: manifests.GatewayName}, &appsv1.StatefulSet{}); err == nil {
		t.Error("the StatefulSet exists")
	}
}

// TestOtherPodOfTheNameIsReported, and deleted with the command in the message.
func TestOtherPodOfTheNameIsReported(t *testing.T) {
	t.Parallel()
	const namespace = "other-pod"
	cluster.CreateNamespace(t, namespace)
	cluster.Create(t, anyPod(namespace, manifests.PodName))
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	cluster.Eventually(t, 40*time.Second, func() error { // it is reported later while many gateways start
		tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		available := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionAvailable)
		if available == nil || available.Reason != v1alpha1.ReasonConflict || !strings.Contains(available.Message, "another pod has this name") {
			return fmt.Errorf("Available is %+v", available)
		}
		return nil
	})
	suggested(t, namespace, "delete pod")
	waitReady(t, namespace)
}

// TestLimitRangeAndRequiredLabelsAdmitAGateway: usual limits of a namespace, and a policy that requires labels of all pods.
func TestLimitRangeAndRequiredLabelsAdmitAGateway(t *testing.T) {
	t.Parallel()
	const namespace = "limits"
	cluster.CreateNamespace(t, namespace)
	const labels = "['name', 'instance', 'component', 'managed-by'].all(l, has(object.metadata.labels) && ('app.kubernetes.io/' + l) in object.metadata.labels)"
	for resource, group := range map[string]string{"services": "", "configmaps": "", "secrets": "", "persistentvolumeclaims": "", "jobs": "batch", "statefulsets": "apps"} {
		denyIn(t, namespace, group, resource, "object.metadata.name == 'kube-root-ca.crt' || "+labels, "labels are missing")
	}
	denyIn(t, namespace, "", "pods", labels, "labels are missing")
	waitDenied(t, anyPod(namespace, "any"))
	cluster.Create(t, &corev1.LimitRange{
		ObjectMeta: metav1.ObjectMeta{Name: "limits", Namespace: namespace},
		Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
			Type:                 corev1.LimitTypeContainer,
			Min:                  corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
			MaxLimitRequestRatio: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("5"), corev1.ResourceMemory: resource.MustParse("2")},
		}}},
	})
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	waitReady(t, namespace)
}

// TestLimitRangeThatAdmitsNoGatewayIsReported with its values and what to do, for certgen's pod and for the volume claim.
func TestLimitRangeThatAdmitsNoGatewayIsReported(t *testing.T) {
	t.Parallel()
	const namespace = "tight-limits"
	cluster.CreateNamespace(t, namespace)
	cluster.Create(t, &corev1.LimitRange{
		ObjectMeta: metav1.ObjectMeta{Name: "limits", Namespace: namespace},
		Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{
			{Type: corev1.LimitTypeContainer, Min: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}},
			{Type: corev1.LimitTypePersistentVolumeClaim, Min: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("5Gi")}},
		}},
	})
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	tenant := waitCondition(t, namespace, v1alpha1.ConditionCertificatesReady, metav1.ConditionFalse, v1alpha1.ReasonIssueFailed)
	for condition, wants := range map[string][]string{
		v1alpha1.ConditionCertificatesReady: {"minimum memory usage per Container is 1Gi, but request is 64Mi", "change the LimitRange", "kubectl describe limitrange -n tight-limits"},
		v1alpha1.ConditionReady:             {"minimum storage usage per PersistentVolumeClaim is 5Gi, but request is 1Gi", "set spec.storage.size"},
	} {
		for _, want := range wants {
			if message := messageOf(tenant, condition); !strings.Contains(message, want) {
				t.Errorf("%s says %q, want %q", condition, message, want)
			}
		}
	}
}

package devcluster

import (
	"context"
	"encoding/json"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// AddNode adds a node that is ready. No pod is scheduled there unless it tolerates the taint devcluster.invalid/added.
func (c *Cluster) AddNode(ctx context.Context, name string) error {
	clientset, err := kubernetes.NewForConfig(c.admin)
	if err != nil {
		return err
	}
	_, err = clientset.CoreV1().Nodes().Create(ctx, &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name, corev1.LabelOSStable: "linux"}},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: "devcluster.invalid/added", Effect: corev1.TaintEffectNoSchedule}}},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	return c.RecoverNode(ctx, name)
}

// RecoverNode makes a node ready that AddNode added.
func (c *Cluster) RecoverNode(ctx context.Context, name string) error {
	return c.setReady(ctx, name, corev1.NodeCondition{Status: corev1.ConditionTrue, Reason: "KubeletReady", Message: "kubelet is posting ready status"})
}

// LoseNode simulates the loss of a node that AddNode added: nothing happens to its pods until RecoverNode. It marks the pods
// as not ready, each with an Event, as the node controller does. Kubernetes then taints the node and deletes the pods, which
// stay.
func (c *Cluster) LoseNode(ctx context.Context, name string) error {
	gone := corev1.NodeCondition{Status: corev1.ConditionUnknown, Reason: "NodeStatusUnknown", Message: "Kubelet stopped posting node status."}
	if err := c.setReady(ctx, name, gone); err != nil {
		return err
	}
	clientset, err := kubernetes.NewForConfig(c.admin)
	if err != nil {
		return err
	}
	pods, err := clientset.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + name})
	if err != nil {
		return err
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		const patch = `{"status":{"conditions":[{"type":"Ready","status":"False"}]}}`
		pods := clientset.CoreV1().Pods(pod.Namespace)
		if _, err := pods.Patch(ctx, pod.Name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, "status"); err != nil {
			return err
		}
		event := &corev1.Event{
			ObjectMeta:     metav1.ObjectMeta{Namespace: pod.Namespace, GenerateName: pod.Name + "-"},
			InvolvedObject: corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
			Type:           corev1.EventTypeWarning, Reason: "NodeNotReady", Message: "Node is not ready",
			Source:         corev1.EventSource{Component: "node-controller"},
			FirstTimestamp: metav1.Now(), LastTimestamp: metav1.Now(), Count: 1,
		}
		if _, err := clientset.CoreV1().Events(pod.Namespace).Create(ctx, event, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// setReady sets the Ready condition of a node.
func (c *Cluster) setReady(ctx context.Context, name string, ready corev1.NodeCondition) error {
	clientset, err := kubernetes.NewForConfig(c.admin)
	if err != nil {
		return err
	}
	ready.Type, ready.LastHeartbeatTime, ready.LastTransitionTime = corev1.NodeReady, metav1.Now(), metav1.Now()
	ample := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("100"), corev1.ResourceMemory: resource.MustParse("1Ti"), corev1.ResourcePods: resource.MustParse("100"),
	}
	status := map[string]any{"capacity": ample, "allocatable": ample, "conditions": []corev1.NodeCondition{ready}}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	_, err = clientset.CoreV1().Nodes().Patch(ctx, name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}

// OnNode returns a mutation for MutatePods that puts pods onto a node that AddNode added. If the node is lost, its pods are
// deleted after some seconds.
func OnNode(name string, seconds int) string {
	return fmt.Sprintf(`[
		JSONPatch{op: "add", path: "/spec/nodeSelector", value: {"kubernetes.io/hostname": %q}},
		JSONPatch{op: "add", path: "/spec/tolerations", value: [
			Object.spec.tolerations{key: "devcluster.invalid/added", operator: "Exists", effect: "NoSchedule"},
			Object.spec.tolerations{key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: %d}]}]`, name, seconds)
}

// WithInitContainer returns a mutation for MutatePods that adds an init container with this image, as a service mesh does.
func WithInitContainer(name, image string) string {
	return fmt.Sprintf(`[JSONPatch{op: "add", path: "/spec/initContainers", value: [Object.spec.initContainers{name: %q, image: %q}]}]`, name, image)
}

// MutatePods changes the pods that are created in a namespace from now on. The mutation is a CEL expression that returns a
// list of JSONPatch. It takes effect within seconds.
func (c *Cluster) MutatePods(ctx context.Context, namespace, mutation string) error {
	return MutatePods(ctx, c.admin, namespace, mutation)
}

// MutatePods does that in any cluster.
func MutatePods(ctx context.Context, config *rest.Config, namespace, mutation string) error {
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	name := "mutate-pods-" + namespace
	fail, never := admissionregistrationv1.Fail, admissionregistrationv1.NeverReinvocationPolicy
	_, err = clientset.AdmissionregistrationV1().MutatingAdmissionPolicies().Create(ctx, &admissionregistrationv1.MutatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionregistrationv1.MutatingAdmissionPolicySpec{
			MatchConstraints: &admissionregistrationv1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}},
				ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{RuleWithOperations: admissionregistrationv1.RuleWithOperations{
					Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
					Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
				}}},
			},
			FailurePolicy:      &fail,
			ReinvocationPolicy: never,
			Mutations: []admissionregistrationv1.Mutation{{
				PatchType: admissionregistrationv1.PatchTypeJSONPatch, JSONPatch: &admissionregistrationv1.JSONPatch{Expression: mutation},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	_, err = clientset.AdmissionregistrationV1().MutatingAdmissionPolicyBindings().Create(ctx, &admissionregistrationv1.MutatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: admissionregistrationv1.MutatingAdmissionPolicyBindingSpec{PolicyName: name},
	}, metav1.CreateOptions{})
	return err
}

package manifests

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/client-go/applyconfigurations/apps/v1"
	batchv1 "k8s.io/client-go/applyconfigurations/batch/v1"
	corev1 "k8s.io/client-go/applyconfigurations/core/v1"
	networkingv1 "k8s.io/client-go/applyconfigurations/networking/v1"
	rbacv1 "k8s.io/client-go/applyconfigurations/rbac/v1"
)

// TestTemplatesSayNothingThatKubernetesDoesNotKnow decodes every file and encodes it back: what a type does not know,
// or knows by another spelling, is lost on the way.
func TestTemplatesSayNothingThatKubernetesDoesNotKnow(t *testing.T) {
	types := map[string]any{
		"statefulset":                     template[appsv1.StatefulSetApplyConfiguration]("statefulset"),
		"job-certgen":                     template[batchv1.JobApplyConfiguration]("job-certgen"),
		"service":                         template[corev1.ServiceApplyConfiguration]("service"),
		"persistentvolumeclaim":           template[corev1.PersistentVolumeClaimApplyConfiguration]("persistentvolumeclaim"),
		"configmap":                       template[corev1.ConfigMapApplyConfiguration]("configmap"),
		"serviceaccount-gateway":          template[corev1.ServiceAccountApplyConfiguration]("serviceaccount-gateway"),
		"serviceaccount-sandbox":          template[corev1.ServiceAccountApplyConfiguration]("serviceaccount-sandbox"),
		"serviceaccount-certgen":          template[corev1.ServiceAccountApplyConfiguration]("serviceaccount-certgen"),
		"job-preflight":                   template[batchv1.JobApplyConfiguration]("job-preflight"),
		"serviceaccount-preflight":        template[corev1.ServiceAccountApplyConfiguration]("serviceaccount-preflight"),
		"networkpolicy-preflight":         template[networkingv1.NetworkPolicyApplyConfiguration]("networkpolicy-preflight"),
		"rolebinding-sandbox-v2":          template[rbacv1.RoleBindingApplyConfiguration]("rolebinding-sandbox-v2"),
		"rolebinding-sandbox":             template[rbacv1.RoleBindingApplyConfiguration]("rolebinding-sandbox"),
		"rolebinding-certgen":             template[rbacv1.RoleBindingApplyConfiguration]("rolebinding-certgen"),
		"clusterrolebinding-node-reader":  template[rbacv1.ClusterRoleBindingApplyConfiguration]("clusterrolebinding-node-reader"),
		"networkpolicy-sandbox-ssh":       template[networkingv1.NetworkPolicyApplyConfiguration]("networkpolicy-sandbox-ssh"),
		"networkpolicy-clients":           template[networkingv1.NetworkPolicyApplyConfiguration]("networkpolicy-clients"),
		"networkpolicy-sandbox-ssh-label": template[networkingv1.NetworkPolicyApplyConfiguration]("networkpolicy-sandbox-ssh-label"),
	}
	for name, text := range templates {
		object, known := types[name]
		if !known {
			t.Errorf("gateway/%s.yaml: nothing reads it", name)
			continue
		}
		back, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decoded(t, text), decoded(t, back)); diff != "" {
			t.Errorf("gateway/%s.yaml says what its type does not know:\n%s", name, diff)
		}
		delete(types, name)
	}
	for name := range types {
		t.Errorf("gateway/%s.yaml is missing", name)
	}
}

// decoded is JSON as a tree, less what is empty: encoding drops that.
func decoded(t *testing.T, text []byte) any {
	t.Helper()
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	return withoutEmpty(tree)
}

func withoutEmpty(tree any) any {
	switch tree := tree.(type) {
	case map[string]any:
		for key, value := range tree {
			if child, isMap := withoutEmpty(value).(map[string]any); isMap && len(child) == 0 {
				delete(tree, key)
			}
		}
	case []any:
		for _, value := range tree {
			withoutEmpty(value)
		}
	}
	return tree
}

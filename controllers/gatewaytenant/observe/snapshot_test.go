package observe_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/observetest"
)

// TestOperatorAndSnapshotAgree: a plan that kubectl gatewaytenant makes from all fields of the objects is the one that the operator makes
// from the little that its caches keep.
func TestOperatorAndSnapshotAgree(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(*fixture)
		nothing bool // is left to do
	}{
		{"nothing exists", func(f *fixture) { f.cluster, f.secrets = observetest.New(f.t), map[string]*corev1.Secret{} }, false},
		{"an earlier control plane's gateway", func(*fixture) {}, false},
		{"an earlier control plane's gateway and its shared binding", func(f *fixture) {
			f.cluster.Put(&rbacv1.ClusterRoleBinding{
				TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRoleBinding"},
				ObjectMeta: metav1.ObjectMeta{Name: observe.SharedBinding.Name}, Subjects: []rbacv1.Subject{plan.SharedSubject("b"), plan.SharedSubject(observetest.Namespace)},
			})
		}, false},
		{"another owner controls the Service", func(f *fixture) {
			f.own(service)
		}, false},
		{"the gateway was adopted", (*fixture).adopt, true},
		{"the image changes", func(f *fixture) {
			f.adopt()
			f.tenant.Spec.Image = "ghcr.io/nvidia/openshell/gateway:0.0.110"
		}, false},
		{"the config changes", func(f *fixture) {
			f.adopt()
			f.tenant.Spec.Config = "[openshell.gateway]\nlog_level = \"debug\"\n"
		}, false},
		{"the volume grows", func(f *fixture) {
			f.adopt()
			f.cluster.Set(observe.Ref{Kind: "PersistentVolumeClaim", Name: manifests.ClaimName}, map[string]any{"phase": "Bound", "capacity": map[string]any{"storage": "1Gi"}}, "status")
			f.tenant.Spec.Storage.Size = "2Gi"
		}, false},
		{"clients are no longer limited", func(f *fixture) {
			f.tenant.Spec.Network.AllowedClients = []v1alpha1.AllowedClient{}
			f.adopt()
			f.tenant.Spec.Network.AllowedClients = nil
		}, false},
		{"the token signing keys are rotated", func(f *fixture) {
			f.adopt()
			f.tenant.Annotations = map[string]string{v1alpha1.AnnotationRotateTokens: "2026"}
		}, false},
		{"the Secrets are missing", func(f *fixture) {
			f.adopt()
			f.secrets = map[string]*corev1.Secret{}
		}, false},
		{"another client changed the Service", func(f *fixture) {
			f.adopt()
			changed := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Service", "spec": map[string]any{"type": "NodePort"}}}
			changed.SetName(service.Name)
			changed.SetNamespace(observetest.Namespace)
			f.cluster.ApplyAs("kubectl", changed)
		}, false},
		{"the pod is broken and the image changes", func(f *fixture) {
			f.adopt()
			f.breakPod("1")
			f.tenant.Spec.Image = "ghcr.io/nvidia/openshell/gateway:0.0.110"
		}, false},
		{"the pod is broken and outdated", func(f *fixture) {
			f.adopt()
			f.breakPod("0")
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := adopted(t)
			test.change(f)
			operator, snapshot := f.plan(f.fromCaches()), f.plan(f.fromSnapshot())
			if diff := cmp.Diff(steps(operator), steps(snapshot)); diff != "" {
				t.Errorf("the steps differ (-operator +snapshot):\n%s", diff)
			}
			if operator.Slot != snapshot.Slot || operator.Held != snapshot.Held || fmt.Sprint(operator.Rejected) != fmt.Sprint(snapshot.Rejected) {
				t.Errorf("the operator's plan is %+v, the one from the snapshot %+v", operator, snapshot)
			}
			if got := steps(operator); (len(got) == 0) != test.nothing {
				t.Errorf("the steps are %q, want none: %t", got, test.nothing)
			}
		})
	}
}

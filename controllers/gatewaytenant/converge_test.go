package gatewaytenant

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestCertgenNeedsTheRightsThatAreRendered: while an adoption cannot replace an earlier control plane's RoleBinding, which
// gives fewer rights, certgen would be denied.
func TestCertgenNeedsTheRightsThatAreRendered(t *testing.T) {
	named := func(kind, name string) *unstructured.Unstructured {
		object := &unstructured.Unstructured{}
		object.SetAPIVersion("v1")
		object.SetKind(kind)
		object.SetName(name)
		object.SetLabels(manifests.Labels())
		return object
	}
	account, binding := named("ServiceAccount", manifests.CertgenName), named("RoleBinding", manifests.CertgenName)
	p := &pass{objects: manifests.Objects{Foundation: []*unstructured.Unstructured{named("Service", manifests.GatewayName), account, binding}}}
	applied := func(object *unstructured.Unstructured) *unstructured.Unstructured {
		hash, err := apply.Hash(object)
		if err != nil {
			t.Fatal(err)
		}
		there := object.DeepCopy()
		there.SetAnnotations(map[string]string{apply.AnnotationHash: hash})
		return there
	}
	live := func(objects ...*unstructured.Unstructured) map[childKey]metav1.Object {
		all := map[childKey]metav1.Object{}
		for _, object := range objects {
			all[childKey{object.GetKind(), object.GetName()}] = object
		}
		return all
	}
	for _, test := range []struct {
		name string
		seen map[childKey]metav1.Object
		want bool
	}{
		{"nothing", live(), false},
		{"no binding", live(applied(account)), false},
		{"an earlier control plane's binding", live(applied(account), binding), false},
		{"all that is rendered", live(applied(account), applied(binding)), true},
	} {
		p.seen.live = test.seen
		if got := p.mayIssue(); got != test.want {
			t.Errorf("%s: %t", test.name, got)
		}
	}
}

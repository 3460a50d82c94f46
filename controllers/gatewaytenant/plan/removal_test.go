package plan

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestRemoval(t *testing.T) {
	binding := func(change func(*metav1.ObjectMeta)) metav1.Object {
		object := &metav1.ObjectMeta{Name: "gatewaytenant-node-reader:tenant-a", ManagedFields: ownsHash()}
		change(object)
		return object
	}
	const deletes = "delete ClusterRoleBinding gatewaytenant-node-reader:tenant-a, because its GatewayTenant does not exist any more"
	for _, test := range []struct {
		name    string
		binding metav1.Object
		want    string // It is empty if nothing is to be done.
	}{
		{"the operator has applied it", binding(func(*metav1.ObjectMeta) {}), deletes},
		{"it is being deleted", binding(func(o *metav1.ObjectMeta) { o.DeletionTimestamp = &metav1.Time{Time: now} }), ""},
		{"another manager has applied it", binding(func(o *metav1.ObjectMeta) { o.ManagedFields[0].Manager = "kubectl" }), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ""
			for _, step := range Removal(test.binding) {
				got += line(step)
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

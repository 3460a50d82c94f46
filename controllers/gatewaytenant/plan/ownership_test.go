package plan

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

func TestCheckOwnership(t *testing.T) {
	desired := &unstructured.Unstructured{Object: map[string]any{"kind": "Service"}}
	desired.SetOwnerReferences([]metav1.OwnerReference{manifests.Owner("ours")})
	live := func(owner *metav1.OwnerReference, labels map[string]string) *metav1.ObjectMeta {
		object := &metav1.ObjectMeta{Labels: labels}
		if owner != nil {
			object.OwnerReferences = []metav1.OwnerReference{*owner}
		}
		return object
	}
	openshell := map[string]string{manifests.LabelName: manifests.AppName}
	controller := true
	former, ours := manifests.Owner("former"), manifests.Owner("ours")
	other := metav1.OwnerReference{Kind: "Deployment", Name: "x", UID: "x", Controller: &controller}
	terminating := live(&ours, openshell)
	terminating.DeletionTimestamp = &metav1.Time{Time: now}
	const free, conflict, wait = "free", "conflict", "wait"
	for _, test := range []struct {
		name string
		live metav1.Object
		want string
	}{
		{"it does not exist", nil, free},
		{"the tenant controls it", live(&ours, nil), free},
		{"the tenant controls it and it is being deleted", terminating, wait},
		{"a former tenant controls it", live(&former, openshell), wait},
		{"another object controls it", live(&other, openshell), conflict},
		{"no object controls it and it has the label of OpenShell", live(nil, openshell), free},
		{"no object controls it and it lacks the label", live(nil, nil), conflict},
	} {
		t.Run(test.name, func(t *testing.T) {
			err, got := CheckOwnership(desired, test.live, "ours"), free
			switch {
			case IsConflict(err):
				got = conflict
			case IsBeingRemoved(err):
				got = wait
			}
			if got != test.want {
				t.Errorf("got %s (%v), want %s", got, err, test.want)
			}
		})
	}
}

// TestRemovalNamesTheFinalizers expects the way out of a removal that does not end, such as that of certgen's ServiceAccount.
func TestRemovalNamesTheFinalizers(t *testing.T) {
	desired := &unstructured.Unstructured{Object: map[string]any{"kind": "ServiceAccount"}}
	live := &metav1.ObjectMeta{Name: "x", Namespace: "a", DeletionTimestamp: &metav1.Time{Time: now}, Finalizers: []string{"example.com/y"}}
	if err := CheckOwnership(desired, live); !IsBeingRemoved(err) || !strings.Contains(err.Error(), "its finalizer example.com/y keeps it") || !strings.Contains(err.Error(), "kubectl patch serviceaccount x -n a") {
		t.Errorf("got %v", err)
	}
}

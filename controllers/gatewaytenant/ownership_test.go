package gatewaytenant

import (
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

func TestWhoseObjectItIs(t *testing.T) {
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
	yes := true
	former, mine := manifests.Owner("former"), manifests.Owner("ours")
	stranger := metav1.OwnerReference{Kind: "Deployment", Name: "x", UID: "x", Controller: &yes}
	going := live(&mine, openshell)
	going.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	const free, conflict, wait = "free", "conflict", "wait"
	for _, c := range []struct {
		what string
		live metav1.Object
		want string
	}{
		{"absent", nil, free},
		{"ours", live(&mine, nil), free},
		{"ours, being deleted", going, wait},
		{"a former tenant's", live(&former, openshell), wait},
		{"a stranger's", live(&stranger, openshell), conflict},
		{"nobody's, with OpenShell's label", live(nil, openshell), free},
		{"nobody's, without the label", live(nil, nil), conflict},
	} {
		err, got := Ours(desired, c.live, "ours"), free
		switch {
		case errors.As(err, new(*conflictError)):
			got = conflict
		case errors.As(err, new(*leavingError)):
			got = wait
		}
		if got != c.want {
			t.Errorf("%s: %s (%v), want %s", c.what, got, err, c.want)
		}
	}
}

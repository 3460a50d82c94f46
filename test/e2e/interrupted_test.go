package e2e

import (
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
)

// interrupted is a client whose applies fail.
type interrupted struct{ client.Client }

var errInterrupted = errors.New("interrupted")

func (interrupted) Apply(context.Context, runtime.ApplyConfiguration, ...client.ApplyOption) error {
	return errInterrupted
}

// TestForeignElementGoesAlsoIfItsRemovalWasCutShort interrupts a removal, which takes two writes, after the first of them. The next
// reconcile does not know about that write.
func TestForeignElementGoesAlsoIfItsRemovalWasCutShort(t *testing.T) {
	const namespace, name = "interrupted", "one"
	cluster.CreateNamespace(t, namespace)
	desired := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"ports": []any{map[string]any{"name": "ours", "port": int64(1), "protocol": "TCP"}},
	}}}
	desired.SetAPIVersion("v1")
	desired.SetKind("Service")
	desired.SetNamespace(namespace)
	desired.SetName(name)
	live := func() *corev1.Service { return get(t, &corev1.Service{}, namespace, name) }
	applier := apply.New(admin, apply.NewComparer(admin.Scheme(), "somebody", apply.Exclusive))
	if err := applier.CompareAndApply(t.Context(), desired, nil); err != nil {
		t.Fatal(err)
	}
	theirs := client.RawPatch(types.JSONPatchType, []byte(`[{"op":"add","path":"/spec/ports/-","value":{"name":"theirs","port":2}}]`))
	if err := admin.Patch(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}, theirs, client.FieldOwner("another")); err != nil {
		t.Fatal(err)
	}
	if err := apply.New(interrupted{admin}, apply.NewComparer(admin.Scheme(), "somebody", apply.Exclusive)).CompareAndApply(t.Context(), desired, live()); !errors.Is(err, errInterrupted) {
		t.Fatalf("%v, want it interrupted", err)
	}
	if err := applier.CompareAndApply(t.Context(), desired, live()); err != nil {
		t.Fatal(err)
	}
	after := live()
	if ports := after.Spec.Ports; len(ports) != 1 {
		t.Errorf("the ports are %+v", ports)
	}
	if err := applier.CompareAndApply(t.Context(), desired, after); err != nil || live().ResourceVersion != after.ResourceVersion {
		t.Errorf("it is written again where nothing has changed (%v)", err)
	}
}

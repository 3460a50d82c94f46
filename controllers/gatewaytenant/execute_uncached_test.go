package gatewaytenant

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestObjectThatIsInNoCache: an apply that creates an object conflicts if the object exists.
func TestObjectThatIsInNoCache(t *testing.T) {
	for _, test := range []struct {
		name, kind, manager string
		forced              bool
	}{
		{"a Service", "Service", manifests.Manager, false},
		{"a ClusterRoleBinding of another manager", "ClusterRoleBinding", "kubectl", false},
		{"a ClusterRoleBinding that the operator has applied", "ClusterRoleBinding", manifests.Manager, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			forced := false
			c := interceptor.NewClient(nil, interceptor.Funcs{
				Apply: func(_ context.Context, _ client.WithWatch, _ runtime.ApplyConfiguration, options ...client.ApplyOption) error {
					o := (&client.ApplyOptions{}).ApplyOptions(options)
					if forced = o.Force != nil && *o.Force; forced {
						return nil
					}
					return apierrors.NewApplyConflict([]metav1.StatusCause{{Type: metav1.CauseTypeFieldManagerConflict}}, "conflicts")
				},
				Get: func(_ context.Context, _ client.WithWatch, _ client.ObjectKey, object client.Object, _ ...client.GetOption) error {
					object.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: test.manager, Operation: metav1.ManagedFieldsOperationApply, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1("{}")}})
					return nil
				},
			})
			comparer := apply.NewComparer(clientgoscheme.Scheme, manifests.Manager)
			r := &Reconciler{Client: c, live: c, comparer: comparer, applier: apply.New(c, comparer)}
			err := r.execute(t.Context(), "a", []plan.Step{stepOf(plan.Create, test.kind, plan.FoundationStage)}).err
			if forced != test.forced || plan.IsUncachedConflict(err) == test.forced {
				t.Errorf("it is applied with force: %t, want %t; error %v", forced, test.forced, err)
			}
		})
	}
}

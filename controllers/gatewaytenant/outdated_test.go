package gatewaytenant

import (
	"context"
	"errors"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestStatusWaitsForOutdatedObjects expects no status as long as an object changes before it is applied, because the status would
// report the present spec, of which nothing was applied. If that lasts, it is reported.
func TestStatusWaitsForOutdatedObjects(t *testing.T) {
	d := newDiagnosis(t)
	d.gt.Status = v1alpha1.GatewayTenantStatus{}
	set := d.sets.objects[d.gt.Namespace].(*appsv1.StatefulSet)
	set.OwnerReferences = []metav1.OwnerReference{manifests.Owner(d.gt.UID)}
	conflict := apierrors.NewConflict(schema.GroupResource{Resource: "objects"}, "a", errors.New("the object has been modified"))
	d.r.Client = interceptor.NewClient(d.r.Client.(client.WithWatch), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			switch object := object.(type) {
			case *v1alpha1.GatewayTenant:
				d.gt.DeepCopyInto(object)
				return nil
			case *metav1.PartialObjectMetadata:
				return nil
			}
			return c.Get(ctx, key, object, options...)
		},
		Apply: func(context.Context, client.WithWatch, runtime.ApplyConfiguration, ...client.ApplyOption) error {
			return conflict
		},
	})
	d.r.watched = func(string) bool { return true }
	d.r.slots = oneSlot(t, set)
	d.r.platform, d.r.evaluations, d.r.counter = testPlatform(t), &evaluationCache{}, &tenantCounter{counted: time.Now().Add(time.Hour)}
	d.r.comparer = apply.NewComparer(clientgoscheme.Scheme, manifests.Manager, apply.Exclusive)
	d.r.applier = apply.New(d.r.Client, d.r.comparer)
	request := ctrl.Request{NamespacedName: client.ObjectKeyFromObject(d.gt)}
	result, err := d.r.Reconcile(t.Context(), request)
	if err != nil || result.RequeueAfter != outdatedRetry || d.writes > 0 {
		t.Errorf("the status was written %d times, the next reconcile is after %s, error %v", d.writes, result.RequeueAfter, err)
	}
	d.clock = d.clock.Add(writtenGrace)
	if _, err = d.r.Reconcile(t.Context(), request); err == nil || d.writes != 1 {
		t.Errorf("after a while, the status was written %d times, error %v", d.writes, err)
	}
	if ready := meta.FindStatusCondition(d.gt.Status.Conditions, v1alpha1.ConditionReady); ready == nil || ready.Reason != v1alpha1.ReasonApplyFailed {
		t.Errorf("Ready is %+v", ready)
	}
}

package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// eventually tries until check is content, or fails the test with what it last said.
func eventually(t *testing.T, limit time.Duration, check func() error) {
	t.Helper()
	var err error
	limit = patient(limit)
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatalf("not within %s: %v", limit, err)
}

// makeNamespace makes a namespace of the test's own.
func makeNamespace(t *testing.T, name string) {
	t.Helper()
	create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	t.Cleanup(func() {
		_ = admin.Delete(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	})
}

func create(t *testing.T, object client.Object) {
	t.Helper()
	if err := admin.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

func get[T client.Object](t *testing.T, object T, namespace, name string) T {
	t.Helper()
	if err := admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object); err != nil {
		t.Fatal(err)
	}
	return object
}

// makeTenant makes a namespace with a GatewayTenant in it.
func makeTenant(t *testing.T, namespace string, spec v1alpha1.GatewayTenantSpec) {
	t.Helper()
	makeNamespace(t, namespace)
	create(t, tenantWith(namespace, spec))
}

func tenantWith(namespace string, spec v1alpha1.GatewayTenantSpec) *v1alpha1.GatewayTenant {
	return &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: namespace}, Spec: spec}
}

// errStill is for what eventually waits for where there is nothing to add.
var errStill = errors.New("it is still as it was")

// edit changes a GatewayTenant.
func edit(t *testing.T, namespace string, do func(*v1alpha1.GatewayTenant)) {
	t.Helper()
	before := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
	after := before.DeepCopy()
	do(after)
	if err := admin.Patch(t.Context(), after, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}

// change changes a GatewayTenant's spec.
func change(t *testing.T, namespace string, do func(*v1alpha1.GatewayTenantSpec)) {
	t.Helper()
	edit(t, namespace, func(tenant *v1alpha1.GatewayTenant) { do(&tenant.Spec) })
}

// annotate sets an annotation of a GatewayTenant; without a value, it takes it off.
func annotate(t *testing.T, namespace, annotation, value string) {
	t.Helper()
	edit(t, namespace, func(tenant *v1alpha1.GatewayTenant) {
		metav1.SetMetaDataAnnotation(&tenant.ObjectMeta, annotation, value)
		if value == "" {
			delete(tenant.Annotations, annotation)
		}
	})
}

// waitReady waits until a tenant is Ready at its present generation, and returns it.
func waitReady(t *testing.T, namespace string) *v1alpha1.GatewayTenant {
	t.Helper()
	return waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
}

// waitCondition waits until a condition of a tenant is as given at its present generation, and returns the tenant.
func waitCondition(t *testing.T, namespace, condition string, status metav1.ConditionStatus, reason string) *v1alpha1.GatewayTenant {
	t.Helper()
	return waitConditionWithin(t, 15*time.Second, namespace, condition, status, reason)
}

func waitConditionWithin(
	t *testing.T, limit time.Duration, namespace, condition string, status metav1.ConditionStatus, reason string,
) *v1alpha1.GatewayTenant {
	t.Helper()
	tenant := &v1alpha1.GatewayTenant{}
	eventually(t, limit, func() error {
		if err := admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: v1alpha1.Name}, tenant); err != nil {
			return err
		}
		is := meta.FindStatusCondition(tenant.Status.Conditions, condition)
		if is == nil || is.Status != status || is.Reason != reason || is.ObservedGeneration != tenant.Generation {
			return fmt.Errorf("%s: generation %d: %s is %+v, want %s %s", namespace, tenant.Generation, condition, is, status, reason)
		}
		return nil
	})
	return tenant
}

// waitGone waits until an object is gone.
func waitGone(t *testing.T, object client.Object, namespace, name string) {
	t.Helper()
	eventually(t, 30*time.Second, func() error {
		err := admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object)
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("%T %s/%s is still there (%w)", object, namespace, name, err)
	})
}

package e2e

import (
	"errors"
	"fmt"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// get reads an object and returns it.
func get[T client.Object](t *testing.T, object T, namespace, name string) T {
	t.Helper()
	return operatortest.Get(t, cluster.Access, object, namespace, name)
}

// alone fails a test that runs in parallel with others. It is for what changes something that all tests share.
func alone(t *testing.T) {
	t.Helper()
	t.Setenv("CHANGED_BY", t.Name()) // panics in a parallel test and in its subtests; the variable has no other use
}

// readyLimit is how long a tenant may take from a change until its status is final.
const readyLimit = 15 * time.Second

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
	return cluster.WaitReady(t, readyLimit, namespace)
}

// waitCondition waits until a condition of a tenant is as given at its present generation, and returns the tenant.
func waitCondition(t *testing.T, namespace, condition string, status metav1.ConditionStatus, reason string) *v1alpha1.GatewayTenant {
	t.Helper()
	return cluster.WaitCondition(t, readyLimit, namespace, condition, status, reason)
}

// waitGone waits until an object is gone.
func waitGone(t *testing.T, object client.Object, namespace, name string) {
	t.Helper()
	cluster.Eventually(t, 30*time.Second, func() error {
		err := admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object)
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("%T %s/%s is still there (%w)", object, namespace, name, err)
	})
}

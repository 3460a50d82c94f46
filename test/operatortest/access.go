package operatortest

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// Access is an administrator's access to the cluster of an operator under test. Its methods fail the test instead of
// returning an error.
type Access struct {
	Client client.WithWatch
	// Patience multiplies the limit of each wait. Zero means 1.
	Patience int
}

// Limit returns how long a wait may take that usually ends within limit.
func (a *Access) Limit(limit time.Duration) time.Duration {
	return limit * time.Duration(max(a.Patience, 1))
}

// Eventually calls check until it returns nil. After the limit it fails the test with the last error of check.
func (a *Access) Eventually(t testing.TB, limit time.Duration, check func() error) {
	t.Helper()
	if err := Poll(context.Background(), 50*time.Millisecond, a.Limit(limit), check); err != nil {
		t.Fatal(err)
	}
}

// Create creates an object.
func (a *Access) Create(t testing.TB, object client.Object) {
	t.Helper()
	if err := a.Client.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

// CreateNamespace creates a namespace that is deleted when the test ends.
func (a *Access) CreateNamespace(t testing.TB, name string) {
	t.Helper()
	a.Create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	t.Cleanup(func() {
		_ = a.Client.Delete(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	})
}

// CreateTenant creates a namespace with a GatewayTenant. The namespace is deleted when the test ends.
func (a *Access) CreateTenant(t testing.TB, namespace string, spec v1alpha1.GatewayTenantSpec) {
	t.Helper()
	a.CreateNamespace(t, namespace)
	a.Create(t, Tenant(namespace, spec))
}

// Tenant returns a GatewayTenant.
func Tenant(namespace string, spec v1alpha1.GatewayTenantSpec) *v1alpha1.GatewayTenant {
	return &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: namespace}, Spec: spec}
}

// Get reads an object and returns it.
func Get[T client.Object](t testing.TB, a *Access, object T, namespace, name string) T {
	t.Helper()
	if err := a.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object); err != nil {
		t.Fatal(err)
	}
	return object
}

// WaitCondition waits until a condition of a tenant has a status and reason at the present generation, and returns the
// tenant.
func (a *Access) WaitCondition(
	t testing.TB, limit time.Duration, namespace, condition string, status metav1.ConditionStatus, reason string,
) *v1alpha1.GatewayTenant {
	t.Helper()
	tenant := &v1alpha1.GatewayTenant{}
	a.Eventually(t, limit, func() (err error) {
		tenant, err = TenantWith(t.Context(), a.Client, namespace, condition, status, reason)
		return err
	})
	return tenant
}

// TenantWith reads a tenant. It returns an error unless the condition has the status and reason at the present generation.
func TenantWith(
	ctx context.Context, reader client.Reader, namespace, condition string, status metav1.ConditionStatus, reason string,
) (*v1alpha1.GatewayTenant, error) {
	tenant := &v1alpha1.GatewayTenant{}
	if err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: v1alpha1.Name}, tenant); err != nil {
		return nil, err
	}
	is := meta.FindStatusCondition(tenant.Status.Conditions, condition)
	if is == nil || is.Status != status || is.Reason != reason || is.ObservedGeneration != tenant.Generation {
		return nil, fmt.Errorf("%s: generation %d: %s is %+v, want %s %s", namespace, tenant.Generation, condition, is, status, reason)
	}
	return tenant, nil
}

// WaitReady waits until a tenant is Ready at its present generation, and returns it.
func (a *Access) WaitReady(t testing.TB, limit time.Duration, namespace string) *v1alpha1.GatewayTenant {
	t.Helper()
	return a.WaitCondition(t, limit, namespace, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
}

package operatortest

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
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

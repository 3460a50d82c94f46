package e2e

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
)

// restart ends the operator that all tests share, and starts it again.
func restart(t *testing.T, change ...func(*options.Options)) {
	t.Helper()
	operator.stop(t)
	if err := operator.start(context.Background(), change...); err != nil {
		t.Fatal(err)
	}
}

// withOptions restarts the operator with other options, until the test ends.
func withOptions(t *testing.T, change func(*options.Options)) {
	t.Helper()
	restart(t, change)
	t.Cleanup(func() { restart(t) })
}

func TestBridgeThatIsSwitchedOffDoesNothing(t *testing.T) {
	withOptions(t, func(o *options.Options) { o.EnableBridge = false })
	cluster.CreateNamespace(t, "bridge-off")
	platformConfig(t, entry("bridge-off"))
	cluster.CreateTenant(t, "bridge-off-by-hand", v1alpha1.GatewayTenantSpec{})
	waitReady(t, "bridge-off-by-hand") // that there is no bridge disturbs nothing else
	noTenant(t, "bridge-off")
	platformConfig(t)
}

func TestOtherNamespacesAreNotTouched(t *testing.T) {
	withOptions(t, func(o *options.Options) { o.WatchNamespaces = []string{"watched", "watched-bridged"} })
	cluster.CreateTenant(t, "not-watched", v1alpha1.GatewayTenantSpec{})
	cluster.CreateTenant(t, "watched", v1alpha1.GatewayTenantSpec{})
	cluster.CreateNamespace(t, "watched-bridged")
	cluster.CreateNamespace(t, "not-watched-bridged")
	platformConfig(t, entry("not-watched-bridged"), entry("watched-bridged"))
	waitReady(t, "watched")
	waitReady(t, "watched-bridged")
	if names, _ := objectsIn(t, "not-watched", nil); len(names) > 0 {
		t.Errorf("in a namespace that is not watched there are %v", names)
	}
	noTenant(t, "not-watched-bridged")
	platformConfig(t)
	waitGone(t, &v1alpha1.GatewayTenant{}, "watched-bridged", v1alpha1.Name)
}

// noTenant fails the test if there is a GatewayTenant in the namespace.
func noTenant(t *testing.T, namespace string) {
	t.Helper()
	notThere(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
}

// notThere fails the test if there is such an object.
func notThere(t *testing.T, object client.Object, namespace, name string) {
	t.Helper()
	if err := admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object); !apierrors.IsNotFound(err) {
		t.Errorf("%s: want no %T %s there, and got: %v", namespace, object, name, err)
	}
}

package gatewaytenant

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestPlanWarnsOfAGatewayThatBecomesOpen, and does not repeat the default for tenants that are new or were open before.
func TestPlanWarnsOfAGatewayThatBecomesOpen(t *testing.T) {
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	open := metav1.Condition{Type: v1alpha1.ConditionWarning, Status: metav1.ConditionTrue, Message: "something else; " + openDefault.message}
	for _, c := range []struct {
		what   string
		status v1alpha1.GatewayTenantStatus
		warns  bool
	}{
		{"new", v1alpha1.GatewayTenantStatus{}, false},
		{"was open", v1alpha1.GatewayTenantStatus{ObservedGeneration: 1, Conditions: []metav1.Condition{open}}, false},
		{"had OIDC", v1alpha1.GatewayTenantStatus{ObservedGeneration: 1}, true},
	} {
		tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: v1alpha1.Name}, Status: c.status}
		f, err := Foresee(tenant, Live{}, platform, runtime.NewScheme(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if warns := slices.Contains(f.Warnings, openDefault.message); warns != c.warns {
			t.Errorf("%s: it warns %q", c.what, f.Warnings)
		}
	}
}

// TestFormerTenantsObjectsAreNoRefusal: they are in the way for a moment, and then the gateway is made.
func TestFormerTenantsObjectsAreNoRefusal(t *testing.T) {
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	of := func(apiVersion, kind, name string) *unstructured.Unstructured {
		object := &unstructured.Unstructured{Object: map[string]any{}}
		object.SetAPIVersion(apiVersion)
		object.SetKind(kind)
		object.SetNamespace("a")
		object.SetName(name)
		object.SetOwnerReferences([]metav1.OwnerReference{manifests.Owner("former")})
		return object
	}
	live := Live{Objects: []*unstructured.Unstructured{of("apps/v1", "StatefulSet", manifests.GatewayName), of("v1", "ConfigMap", manifests.ConfigName)}}
	tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: v1alpha1.Name}}
	f, err := Foresee(tenant, live, platform, scheme, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if f.Rejected != nil || f.Blocked != "" {
		t.Errorf("rejected: %v, blocked: %q", f.Rejected, f.Blocked)
	}
	if len(f.Warnings) != 2 || len(f.Restart) > 0 {
		t.Errorf("it warns %q, and restarts for %q", f.Warnings, f.Restart)
	}
	made := 0
	for _, change := range f.Changes {
		if len(change.Fields) == 0 && !change.Removed {
			made++
		}
	}
	if made != len(f.Changes) || made < 10 {
		t.Errorf("of %d changes, %d make an object", len(f.Changes), made)
	}
}

package platformconfig

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// TestReleasedTenantHasNoMarks: its owner may not set or remove any of them.
func TestReleasedTenantHasNoMarks(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{
		Namespace: "a", Name: v1alpha1.Name,
		Labels: map[string]string{v1alpha1.LabelSource: v1alpha1.SourcePlatformConfig, "team": "a"},
		Annotations: map[string]string{
			v1alpha1.AnnotationSource: "platform/platform-config", v1alpha1.AnnotationHandOver: v1alpha1.HandOverToTenant, "note": "kept",
		},
	}}
	server := fake.NewClientBuilder().WithScheme(scheme).WithObjects(tenant).Build()
	live := &v1alpha1.GatewayTenant{}
	if err := server.Get(t.Context(), client.ObjectKeyFromObject(tenant), live); err != nil {
		t.Fatal(err)
	}
	if err := (&tenantRemover{client: server}).release(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	if err := server.Get(t.Context(), client.ObjectKeyFromObject(tenant), live); err != nil {
		t.Fatal(err)
	}
	if len(live.Labels) != 1 || len(live.Annotations) != 1 {
		t.Errorf("released with the labels %v and the annotations %v", live.Labels, live.Annotations)
	}
}

package plugin

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	bridgeplan "github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestPlanOfAnEntryLeavesWhatTheAPIServerWouldRefuse, as the bridge does.
func TestPlanOfAnEntryLeavesWhatTheAPIServerWouldRefuse(t *testing.T) {
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	for storage, c := range map[string]struct{ size, words string }{
		"{size: 3Gi}":  {"3Gi", ""},
		"{size: 1 GB}": {"2Gi", `line 1: gateway.storage.size: `},
	} {
		t.Run(storage, func(t *testing.T) {
			before := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"serverDnsNames": []any{}, "storage": map[string]any{"size": "2Gi"}}}}
			before.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("GatewayTenant"))
			before.SetNamespace("a")
			before.SetName(v1alpha1.Name)
			before.SetManagedFields([]metav1.ManagedFieldsEntry{{
				Manager: bridgeplan.FieldOwner, Operation: metav1.ManagedFieldsOperationApply, APIVersion: v1alpha1.GroupVersion.String(),
				FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:serverDnsNames":{},"f:storage":{"f:size":{}}}}`),
			}})
			tenant, err := typed(before)
			if err != nil {
				t.Fatal(err)
			}
			text := "- {name: a, gateway: {serverDnsNames: [], storage: " + storage + ", image: 'ghcr.io/nvidia/openshell/gateway:0.0.72'}}"
			source := entries.Read(&corev1.ConfigMap{Data: map[string]string{entries.Key: text}}, platform)
			after, refused, err := previewAsFarAsAccepted(bridgeplan.Work{Entry: source.Entries[0]}, before, tenant)
			if err != nil {
				t.Fatal(err)
			}
			size, _, _ := unstructured.NestedString(after.Object, "spec", "storage", "size")
			image, _, _ := unstructured.NestedString(after.Object, "spec", "image")
			if size != c.size || !strings.HasSuffix(image, ":0.0.72") || !strings.Contains(refused, c.words) || (refused == "") != (c.words == "") {
				t.Errorf("the size is %s, the image %s, refused is %q; want %s and %q", size, image, refused, c.size, c.words)
			}
		})
	}
}

package plugin

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

const (
	withKey       = "ghcr.io/nvidia/openshell/gateway:0.0.111"
	noRootKey     = "failed to prepare default credential storage key-encryption key directory '/var/openshell/key-encryption-key.bin': failed to set permissions on /var/openshell"
	adoptedConfig = "[openshell.gateway.gateway_jwt]\ngateway_id = 'main'\n"
)

// volumeTest is a tenant whose volume decides about the preview.
type volumeTest struct {
	name       string
	objects    []*unstructured.Unstructured
	unreadable []string
	held       bool
	unknown    bool
}

// TestForecastDecidesAboutTheKeyAsTheOperatorDoes, and names what cannot be read.
func TestForecastDecidesAboutTheKeyAsTheOperatorDoes(t *testing.T) {
	tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: v1alpha1.Name, UID: "1"}, Spec: v1alpha1.GatewayTenantSpec{Image: withKey}}
	of := func(object client.Object) *unstructured.Unstructured {
		object.SetNamespace("a")
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		if err != nil {
			t.Fatal(err)
		}
		return &unstructured.Unstructured{Object: content}
	}
	claim := of(&corev1.PersistentVolumeClaim{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: metav1.ObjectMeta{Name: manifests.ClaimName, Labels: manifests.Labels(), Annotations: map[string]string{"openshell.ambient-code.io/highest-version": "0.0.111"}},
	})
	set := of(&appsv1.StatefulSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"},
		ObjectMeta: metav1.ObjectMeta{Name: manifests.GatewayName, UID: "2", OwnerReferences: []metav1.OwnerReference{manifests.Owner("1")}},
		Spec:       appsv1.StatefulSetSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: manifests.GatewayName, Image: withKey}}}}},
	})
	controller := true
	pod := of(&corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: manifests.PodName, OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: manifests.GatewayName, UID: "2", Controller: &controller}}},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			Name: manifests.GatewayName, LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Message: noRootKey}},
		}}},
	})
	for _, test := range []volumeTest{
		{"its termination message tells", []*unstructured.Unstructured{pod, claim, set}, nil, false, false},
		{"it has no pod", []*unstructured.Unstructured{claim, set}, nil, true, false},
		{"its pod cannot be read", []*unstructured.Unstructured{claim, set}, []string{"Pod"}, true, true},
	} {
		t.Run(test.name, func(t *testing.T) { test.check(t, tenant, v1alpha1.ReasonKeyPathUnknown) })
	}
}

// TestForecastKeepsWhatTheOperatorKeeps, and names what cannot be read.
func TestForecastKeepsWhatTheOperatorKeeps(t *testing.T) {
	tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: v1alpha1.Name, UID: "1"}}
	of := func(apiVersion, kind, name string, with map[string]any) *unstructured.Unstructured {
		object := &unstructured.Unstructured{Object: with}
		object.SetAPIVersion(apiVersion)
		object.SetKind(kind)
		object.SetNamespace("a")
		object.SetName(name)
		object.SetLabels(manifests.Labels())
		return object
	}
	claim := of("v1", "PersistentVolumeClaim", manifests.ClaimName, map[string]any{"metadata": map[string]any{"annotations": map[string]any{"openshell.ambient-code.io/highest-version": "0.0.71"}}})
	set := of("apps/v1", "StatefulSet", manifests.GatewayName, map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": manifests.GatewayName, "image": "ghcr.io/nvidia/openshell/gateway:0.0.71"}},
	}}}})
	config := of("v1", "ConfigMap", manifests.ConfigName, map[string]any{"data": map[string]any{manifests.ConfigKey: adoptedConfig}})
	for _, test := range []struct {
		volumeTest
		gatewayIDs []string
	}{
		{volumeTest{"the ConfigMap exists", []*unstructured.Unstructured{claim, set, config}, nil, false, false}, []string{"main"}},
		{volumeTest{"the ConfigMap is missing", []*unstructured.Unstructured{claim, set}, nil, true, false}, nil},
		{volumeTest{"the ConfigMap cannot be read", []*unstructured.Unstructured{claim, set}, []string{"ConfigMap"}, true, true}, nil},
		{volumeTest{"no gateway exists", []*unstructured.Unstructured{}, nil, false, false}, []string{"a"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			preview := test.check(t, tenant, v1alpha1.ReasonEarlierConfigUnknown)
			if (preview.Rejected != nil) != test.held {
				t.Errorf("it is rejected because of %+v", preview.Rejected)
			}
			if ids := gatewayIDs(preview.Objects); !slices.Equal(ids, test.gatewayIDs) {
				t.Errorf("the rendered gateway_id is %q, want %q", ids, test.gatewayIDs)
			}
		})
	}
}

// check makes a preview and checks whether the tenant is held for this reason.
func (test volumeTest) check(t *testing.T, tenant *v1alpha1.GatewayTenant, reason string) gatewayPreview {
	t.Helper()
	preview, err := testPreviewer(t).previewGateway(tenant, observe.Snapshot{Objects: test.objects, Unreadable: test.unreadable})
	if err != nil {
		t.Fatal(err)
	}
	if held := preview.Rejected != nil && preview.Rejected.Reason == reason; held != test.held {
		t.Errorf("it is rejected because of %+v, want it held: %t", preview.Rejected, test.held)
	}
	if preview.unknown != test.unknown {
		t.Errorf("it is unknown: %t, want %t; unsure of %q", preview.unknown, test.unknown, preview.unsure)
	}
	return preview
}

// gatewayIDs returns the values of gateway_id in the rendered gateway.toml.
func gatewayIDs(objects manifests.Objects) []string {
	var ids []string
	for _, object := range objects.Foundation {
		if object.GetKind() == "ConfigMap" {
			text, _, _ := unstructured.NestedString(object.Object, "data", manifests.ConfigKey)
			_, rest, _ := strings.Cut(text, "gateway_id = '")
			id, _, _ := strings.Cut(rest, "'")
			ids = append(ids, id)
		}
	}
	return ids
}

package gatewaytenant

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

const adoptedConfig = "[openshell.gateway.gateway_jwt]\ngateway_id = 'main'\n"

// TestEarlierConfigIsReadByName: the operator's role does not allow it to list all ConfigMaps of a namespace.
func TestEarlierConfigIsReadByName(t *testing.T) {
	for what, c := range map[string]struct {
		items []corev1.ConfigMap
		err   error
		want  string // "-" means none
	}{
		"it exists":         {[]corev1.ConfigMap{{Data: map[string]string{manifests.ConfigKey: adoptedConfig}}}, nil, adoptedConfig},
		"it has no text":    {[]corev1.ConfigMap{{}}, nil, ""},
		"it does not exist": {nil, nil, "-"},
		"it is not read":    {nil, errors.New("timeout"), "-"},
	} {
		r := &Reconciler{live: interceptor.NewClient(nil, interceptor.Funcs{
			List: func(_ context.Context, _ client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
				var o client.ListOptions
				o.ApplyOptions(options)
				if o.Namespace != "a" || o.FieldSelector.String() != "metadata.name="+manifests.ConfigName {
					t.Errorf("%s: it lists %s in %q", what, o.FieldSelector, o.Namespace)
				}
				list.(*corev1.ConfigMapList).Items = c.items
				return c.err
			},
		})}
		text, err := r.earlierConfig(t.Context(), "a")
		if (err != nil) != (c.err != nil) || (text == nil) != (c.want == "-") || text != nil && *text != c.want {
			t.Errorf("%s: %v, %v", what, text, err)
		}
	}
}

// TestPlanKeepsWhatTheOperatorKeeps and says what it cannot see.
func TestPlanKeepsWhatTheOperatorKeeps(t *testing.T) {
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	gt := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: v1alpha1.Name, UID: "1"}}
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
		"containers": []any{map[string]any{"name": manifests.GatewayName, "image": manifests.BuiltinImage}},
	}}}})
	config := of("v1", "ConfigMap", manifests.ConfigName, map[string]any{"data": map[string]any{manifests.ConfigKey: adoptedConfig}})
	for _, c := range []struct {
		what       string
		live       Live
		held       bool
		unsure     bool
		gatewayIDs []string
	}{
		{"the ConfigMap exists", Live{Objects: []*unstructured.Unstructured{claim, set, config}}, false, false, []string{"main"}},
		{"the ConfigMap is missing", Live{Objects: []*unstructured.Unstructured{claim, set}}, true, false, nil},
		{"the ConfigMap cannot be read", Live{Objects: []*unstructured.Unstructured{claim, set}, Unreadable: []string{"ConfigMap"}}, true, true, nil},
		{"there is no gateway", Live{Objects: []*unstructured.Unstructured{}}, false, false, []string{"a"}},
	} {
		f, err := Foresee(gt, c.live, platform, newScheme(t), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if held := f.Rejected != nil && f.Rejected.Reason == v1alpha1.ReasonEarlierConfigUnknown; held != c.held || f.Unknown != c.unsure {
			t.Errorf("%s: it is rejected for %+v, unknown: %v, unsure of %q", c.what, f.Rejected, f.Unknown, f.Unsure)
		}
		var ids []string
		objects, err := Rendered(gt, c.live, platform, time.Now())
		if (err != nil) != c.held {
			t.Errorf("%s: %v", c.what, err)
		}
		for _, object := range objects {
			if object.GetKind() == "ConfigMap" {
				text, _, _ := unstructured.NestedString(object.Object, "data", manifests.ConfigKey)
				_, rest, _ := strings.Cut(text, "gateway_id = '")
				id, _, _ := strings.Cut(rest, "'")
				ids = append(ids, id)
			}
		}
		if !slices.Equal(ids, c.gatewayIDs) {
			t.Errorf("%s: it renders gateway_id %q, want %q", c.what, ids, c.gatewayIDs)
		}
	}
}

package apply_test

import (
	"maps"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/observetest"
)

// rendered returns the objects of a tenant that are compared by value.
func rendered(t *testing.T) map[string]*unstructured.Unstructured {
	t.Helper()
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	gt := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: observetest.Namespace, Name: v1alpha1.Name, UID: "11111111-1111-1111-1111-111111111111"}}
	gt.Spec.Network.AllowedClients = []v1alpha1.AllowedClient{{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "client"}}}}
	tenant, err := manifests.NewTenant(gt, platform)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := manifests.Render(tenant, manifests.RenderInput{NamespaceUID: "2", TokenKey: "key"})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*unstructured.Unstructured{}
	for _, object := range append(slices.Clone(objects.Foundation), objects.Gateway) {
		if object.GetKind() != "PersistentVolumeClaim" {
			all[object.GetKind()+" "+object.GetName()] = object
		}
	}
	return all
}

// cachedObject returns an applied object as a cache has it, after a change to its content that managedFields do not show.
func cachedObject(t *testing.T, desired *unstructured.Unstructured, change func(object *unstructured.Unstructured)) (metav1.Object, *unstructured.Unstructured) {
	t.Helper()
	cluster := observetest.New(t)
	cluster.Apply(desired)
	cluster.Change(observe.RefOf(desired), change)
	live := cluster.Snapshot().Find(observe.RefOf(desired))
	return digested(t, live), live
}

func digested(t *testing.T, live *unstructured.Unstructured) metav1.Object {
	t.Helper()
	typed, err := clientgoscheme.Scheme.New(live.GroupVersionKind())
	if err != nil {
		t.Fatal(err)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, typed); err != nil {
		t.Fatal(err)
	}
	apply.NewDigester(manifests.Manager).Add(typed)
	metadata := typed.(client.Object)
	apply.CompactHash(metadata)
	apply.NewCompactor(manifests.Manager).Compact(metadata)
	return metadata
}

func compare(t *testing.T, desired *unstructured.Unstructured, live metav1.Object) apply.Difference {
	t.Helper()
	difference, err := apply.NewComparer(clientgoscheme.Scheme, manifests.Manager, apply.Exclusive).Compare(desired, live)
	if err != nil {
		t.Fatal(err)
	}
	return difference
}

// TestValuesDecide changes each value of each object. The applied hash and managedFields are left as the operator wrote them, as a
// client can that gives the fields back, or that applies under the operator's name.
func TestValuesDecide(t *testing.T) {
	for name, desired := range rendered(t) {
		t.Run(name, func(t *testing.T) {
			if live, _ := cachedObject(t, desired, func(*unstructured.Unstructured) {}); compare(t, desired, live).Needed {
				t.Fatalf("it has to be applied although nothing was changed: %+v", compare(t, desired, live))
			}
			changes := 0
			forEachLeaf(desired.Object, nil, func(path []any) {
				changes++
				live, _ := cachedObject(t, desired, func(object *unstructured.Unstructured) { changeAt(object.Object, path) })
				if !compare(t, desired, live).Needed {
					t.Errorf("%v has another value, and it is not applied", path)
				}
			})
			if changes < 2 {
				t.Errorf("only %d values were changed", changes)
			}
		})
	}
}

// forEachLeaf calls visit with the path to each value that is compared.
func forEachLeaf(value any, path []any, visit func(path []any)) {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			at := append(slices.Clone(path), key)
			switch {
			case key == "ownerReferences" && value["name"] == "gatewaytenant-node-reader:tenant-a": // the garbage collector's; managedFields show a change
			case len(path) == 0 && (key == "apiVersion" || key == "kind"), key == "volumeClaimTemplates",
				len(path) == 1 && path[0] == "metadata" && (key == "name" || key == "namespace"):
			default:
				forEachLeaf(value[key], at, visit)
			}
		}
	case []any:
		for i, item := range value {
			forEachLeaf(item, append(slices.Clone(path), i), visit)
		}
	default:
		visit(path)
	}
}

// changeAt gives the value at a path another value.
func changeAt(value any, path []any) {
	for _, step := range path[:len(path)-1] {
		switch step := step.(type) {
		case string:
			value = value.(map[string]any)[step]
		case int:
			value = value.([]any)[step]
		}
	}
	another := func(is any) any {
		switch is := is.(type) {
		case bool:
			return !is
		case int64:
			return is + 1
		case string:
			if is == "100m" || is == "500m" || is == "256Mi" || is == "512Mi" {
				return "7" + is
			}
			return is + "x"
		}
		return "x"
	}
	switch last := path[len(path)-1].(type) {
	case string:
		value.(map[string]any)[last] = another(value.(map[string]any)[last])
	case int:
		value.([]any)[last] = another(value.([]any)[last])
	}
}

// TestNothingMayBeAdded adds values that no manager owns where clients may add nothing, and expects that the fields are taken
// over, so that the apply removes them.
func TestNothingMayBeAdded(t *testing.T) {
	const set = "StatefulSet openshell-gateway"
	container := func(object *unstructured.Unstructured) map[string]any {
		containers, _, _ := unstructured.NestedFieldNoCopy(object.Object, "spec", "template", "spec", "containers")
		return containers.([]any)[0].(map[string]any)
	}
	pod := func(object *unstructured.Unstructured) map[string]any {
		is, _, _ := unstructured.NestedFieldNoCopy(object.Object, "spec", "template", "spec")
		return is.(map[string]any)
	}
	added := func(list any, item map[string]any) []any { items, _ := list.([]any); return append(items, item) }
	for _, test := range []struct {
		name, object          string
		change                func(*unstructured.Unstructured)
		podTemplate, security bool
	}{
		{"a capability", set, func(o *unstructured.Unstructured) {
			container(o)["securityContext"].(map[string]any)["capabilities"].(map[string]any)["add"] = []any{"NET_ADMIN"}
		}, true, true},
		{"a group of the pod", set, func(o *unstructured.Unstructured) {
			pod(o)["securityContext"].(map[string]any)["supplementalGroups"] = []any{int64(0)}
		}, true, true},
		{"the node's network", set, func(o *unstructured.Unstructured) { pod(o)["hostNetwork"] = true }, true, true},
		{"the processes of all containers", set, func(o *unstructured.Unstructured) { pod(o)["shareProcessNamespace"] = true }, true, true},
		{"a container", set, func(o *unstructured.Unstructured) {
			pod(o)["containers"] = added(pod(o)["containers"], map[string]any{"name": "other", "image": "other:1"})
		}, true, false},
		{"a privileged container", set, func(o *unstructured.Unstructured) {
			pod(o)["initContainers"] = added(nil, map[string]any{"name": "other", "image": "other:1", "securityContext": map[string]any{"privileged": true}})
		}, true, true},
		{"a variable", set, func(o *unstructured.Unstructured) {
			container(o)["env"] = added(container(o)["env"], map[string]any{"name": "OTHER", "value": "1"})
		}, true, false},
		{"a volume", set, func(o *unstructured.Unstructured) {
			pod(o)["volumes"] = added(pod(o)["volumes"], map[string]any{"name": "other", "emptyDir": map[string]any{}})
		}, true, false},
		{"a direction of a NetworkPolicy", "NetworkPolicy openshell-gateway-clients", func(o *unstructured.Unstructured) {
			o.Object["spec"].(map[string]any)["egress"] = []any{map[string]any{}}
		}, false, false},
		{"a port of the Service", "Service openshell-gateway", func(o *unstructured.Unstructured) {
			spec := o.Object["spec"].(map[string]any)
			spec["ports"] = added(spec["ports"], map[string]any{"name": "other", "port": int64(7), "protocol": "TCP"})
		}, false, false},
		{"a subject", "RoleBinding openshell-gateway-sandbox", func(o *unstructured.Unstructured) {
			o.Object["subjects"] = added(o.Object["subjects"], map[string]any{"kind": "ServiceAccount", "name": "other", "namespace": "default"})
		}, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			desired := rendered(t)[test.object]
			live, content := cachedObject(t, desired, test.change)
			is := compare(t, desired, live)
			if !is.Needed || !is.Incomplete || is.PodTemplate != test.podTemplate || is.Security != test.security {
				t.Errorf("got %+v", is)
			}
			preview, err := apply.NewComparer(clientgoscheme.Scheme, manifests.Manager, apply.Exclusive).Preview(desired, content)
			if err != nil {
				t.Fatal(err)
			}
			preview.Object.SetManagedFields(content.GetManagedFields())
			if after := compare(t, desired, digested(t, preview.Object)); after.Needed {
				t.Errorf("after an apply, it is still not as desired: %+v", after)
			}
			if len(preview.Fields) == 0 {
				t.Error("an apply would change nothing")
			}
		})
	}
}

// TestWhatOthersMaySet expects that fields which the operator does not set are left to others.
func TestWhatOthersMaySet(t *testing.T) {
	for name, desired := range rendered(t) {
		live, _ := cachedObject(t, desired, func(o *unstructured.Unstructured) {
			o.SetLabels(map[string]string{"other": "1"})
			maps.Copy(o.Object["metadata"].(map[string]any)["labels"].(map[string]any), map[string]any{
				"app.kubernetes.io/name": "openshell", "app.kubernetes.io/instance": "openshell-gateway", "app.kubernetes.io/component": "gateway",
				"app.kubernetes.io/managed-by": "gatewaytenant-operator",
			})
			if desired.GetKind() == "StatefulSet" {
				_ = unstructured.SetNestedField(o.Object, "other", "spec", "template", "spec", "priorityClassName")
				_ = unstructured.SetNestedMap(o.Object, map[string]any{"pool": "other"}, "spec", "template", "spec", "nodeSelector")
			}
			if desired.GetKind() == "ServiceAccount" {
				o.Object["secrets"] = []any{map[string]any{"name": "other"}}
			}
		})
		if is := compare(t, desired, live); is.Needed {
			t.Errorf("%s has to be applied: %+v", name, is)
		}
	}
}

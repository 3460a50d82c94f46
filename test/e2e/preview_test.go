package e2e

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
)

const previewPod = `
  serviceName: one
  selector: {matchLabels: {app: one}}
  template:
    metadata: {labels: {app: one}}
    spec:
      containers:
        - {name: main, image: "x:1", env: [{name: OURS, value: "1"}]}`

// TestPreviewMatchesTheAPIServer applies objects and compares the result with the preview. Each object was written by
// another manager or by an earlier apply of ours, or by both.
func TestPreviewMatchesTheAPIServer(t *testing.T) {
	t.Parallel()
	const namespace = "preview"
	cluster.CreateNamespace(t, namespace)
	const service = "apiVersion: v1\nkind: Service\nspec:\n  ports: [{name: ours, port: 1}]"
	const configMap = "apiVersion: v1\nkind: ConfigMap\ndata: {ours: a}"
	const statefulSet = "apiVersion: apps/v1\nkind: StatefulSet\nspec:" + previewPod
	const claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}"
	for name, c := range map[string]struct {
		applied, theirs, desired string // applied is what we applied before, theirs what another manager applies after that.
		want                     []string
	}{
		"foreign-port": {applied: service, theirs: "apiVersion: v1\nkind: Service\nspec:\n  ports: [{name: theirs, port: 2}]", desired: service,
			want: []string{`spec.ports[port=2,protocol="TCP"]`}},
		"foreign-env": {applied: statefulSet, theirs: strings.ReplaceAll(statefulSet, "{name: OURS, value: \"1\"}", "{name: THEIRS, value: \"1\"}"), desired: statefulSet,
			want: []string{`spec.template.spec.containers[name="main"].env[name="THEIRS"]`}},
		"foreign-container": {applied: statefulSet, theirs: strings.ReplaceAll(statefulSet, "{name: main, ", "{name: theirs, "), desired: statefulSet,
			want: []string{`spec.template.spec.containers[name="theirs"]`}},
		"foreign-label": {applied: configMap, theirs: "apiVersion: v1\nkind: ConfigMap\nmetadata: {labels: {theirs: a}}", desired: configMap},
		"adopted-data": {theirs: "apiVersion: v1\nkind: ConfigMap\nmetadata: {labels: {theirs: a}}\ndata: {ours: b, theirs: b}\nbinaryData: {more: AA==}", desired: configMap,
			want: []string{"binaryData", "data.ours", "data.theirs"}},
		"adopted-pod": {theirs: strings.ReplaceAll(statefulSet, "{name: main, ", "{name: main, command: [a], ") + "\n        - {name: theirs, image: z}\n      volumes: [{name: theirs, emptyDir: {}}]\n      nodeSelector: {a: b}", desired: statefulSet,
			want: []string{`spec.template.spec.containers[name="main"].command`, `spec.template.spec.containers[name="theirs"]`, "spec.template.spec.nodeSelector", "spec.template.spec.volumes"}},
		"adopted-claim": {theirs: claim, desired: claim},
		"removed-container": {applied: statefulSet + "\n        - {name: former, image: z, ports: [{containerPort: 1}]}", desired: statefulSet,
			want: []string{`spec.template.spec.containers[name="former"]`}},
		"removed-port": {applied: strings.ReplaceAll(service, "}]", "}, {name: former, port: 3}]"), desired: service,
			want: []string{`spec.ports[port=3,protocol="TCP"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			parse := func(text string) *unstructured.Unstructured {
				object := &unstructured.Unstructured{}
				if err := yaml.Unmarshal([]byte(text), object); err != nil {
					t.Fatal(err)
				}
				object.SetNamespace(namespace)
				object.SetName(name)
				return object
			}
			desired := parse(c.desired)
			live := func() *unstructured.Unstructured {
				object := desired.DeepCopy()
				if err := admin.Get(t.Context(), client.ObjectKeyFromObject(desired), object); client.IgnoreNotFound(err) != nil {
					t.Fatal(err)
				} else if err != nil {
					return nil
				}
				return object
			}
			comparer := apply.NewComparer(admin.Scheme(), "somebody", apply.Exclusive)
			applier := apply.New(admin, comparer)
			if c.applied != "" {
				if err := applier.CompareAndApply(t.Context(), parse(c.applied), nil); err != nil {
					t.Fatal(err)
				}
			}
			if c.theirs != "" {
				if err := admin.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(parse(c.theirs)), client.FieldOwner("another"), client.ForceOwnership); err != nil {
					t.Fatal(err)
				}
			}
			if desired.GetKind() == "PersistentVolumeClaim" { // its binding changes its spec
				cluster.Eventually(t, 30*time.Second, func() error {
					if volume, _, _ := unstructured.NestedString(live().Object, "spec", "volumeName"); volume == "" {
						return errors.New("the claim is not bound")
					}
					return nil
				})
			}
			var preview apply.Preview
			err := retry.RetryOnConflict(retry.DefaultRetry, func() (err error) { // controllers write the status meanwhile
				before := live()
				if preview, err = comparer.Preview(desired, before); err != nil {
					return err
				}
				return applier.CompareAndApply(t.Context(), desired, before)
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, preview.Fields); diff != "" {
				t.Errorf("fields: -want +got\n%s", diff)
			}
			if diff := cmp.Diff(contentOf(t, live()), contentOf(t, preview.Object)); diff != "" {
				t.Errorf("-API server +preview\n%s", diff)
			}
		})
	}
}

// contentOf returns an object as the API server stores it, without what the server itself maintains.
func contentOf(t *testing.T, object *unstructured.Unstructured) runtime.Object {
	t.Helper()
	object = object.DeepCopy()
	delete(object.Object, "status")
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "annotations"} {
		unstructured.RemoveNestedField(object.Object, "metadata", field)
	}
	typed, err := admin.Scheme().New(object.GroupVersionKind())
	if err != nil {
		t.Fatal(err)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, typed); err != nil {
		t.Fatal(err)
	}
	return typed
}

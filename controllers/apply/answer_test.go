package apply_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/observetest"
)

// admission is an API server with one object, and an admission webhook that changes it in each write.
type admission struct {
	client.Client
	t       *testing.T
	cluster *observetest.Cluster
	webhook func(*unstructured.Unstructured)
	ref     observe.Ref
	writes  int
}

func (a *admission) live() *unstructured.Unstructured { return a.cluster.Snapshot().Find(a.ref) }

func (a *admission) Apply(_ context.Context, configuration runtime.ApplyConfiguration, _ ...client.ApplyOption) error {
	a.writes++
	object := configuration.(interface {
		UnstructuredContent() map[string]any
		SetUnstructuredContent(map[string]any)
	})
	applied := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(object.UnstructuredContent())}
	unstructured.RemoveNestedField(applied.Object, "metadata", "uid")
	a.cluster.ApplyAs(manifests.Manager, applied)
	a.cluster.Change(a.ref, func(object *unstructured.Unstructured) {
		a.webhook(object)
		object.SetResourceVersion("7")
	})
	object.SetUnstructuredContent(a.live().Object)
	return nil
}

func (a *admission) Patch(_ context.Context, _ client.Object, _ client.Patch, _ ...client.PatchOption) error {
	a.writes++
	return nil
}

func (a *admission) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.(*unstructured.UnstructuredList).Items = []unstructured.Unstructured{*a.live()}
	return nil
}

// TestAdmissionWebhookLeadsToNoRepeatedWrites: to apply the same again would change nothing.
func TestAdmissionWebhookLeadsToNoRepeatedWrites(t *testing.T) {
	container := func(object *unstructured.Unstructured) map[string]any {
		containers, _, _ := unstructured.NestedFieldNoCopy(object.Object, "spec", "template", "spec", "containers")
		return containers.([]any)[0].(map[string]any)
	}
	for _, test := range []struct {
		name       string
		webhook    func(*unstructured.Unstructured)
		overridden []string
	}{
		{"adds a sidecar", func(object *unstructured.Unstructured) {
			containers, _, _ := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
			if len(containers) == 1 {
				_ = unstructured.SetNestedSlice(object.Object, append(containers, map[string]any{"name": "sidecar", "image": "sidecar:1"}), "spec", "template", "spec", "containers")
			}
		}, nil},
		{"adds to the security context", func(object *unstructured.Unstructured) {
			container(object)["securityContext"].(map[string]any)["procMount"] = "Default"
		}, nil},
		{"changes the image", func(object *unstructured.Unstructured) { container(object)["image"] = "mirror/gateway:1" },
			[]string{`spec.template.spec.containers[name="openshell-gateway"].image`}},
		{"changes the image, and the field has another owner", func(object *unstructured.Unstructured) {
			container(object)["image"] = "mirror/gateway:1"
			entries := slices.DeleteFunc(object.GetManagedFields(), func(entry metav1.ManagedFieldsEntry) bool {
				return entry.Operation != metav1.ManagedFieldsOperationApply
			})
			entries[0].FieldsV1 = metav1.NewFieldsV1(strings.Replace(entries[0].FieldsV1.GetRawString(), `"f:image":{},`, "", 1))
			object.SetManagedFields(append(entries, metav1.ManagedFieldsEntry{
				Manager: manifests.Manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "apps/v1", FieldsType: "FieldsV1",
				FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"openshell-gateway\"}":{"f:image":{}}}}}}}`),
			}))
		}, []string{`spec.template.spec.containers[name="openshell-gateway"].image`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			desired := rendered(t)["StatefulSet openshell-gateway"]
			server := &admission{t: t, cluster: observetest.New(t), webhook: test.webhook, ref: observe.RefOf(desired)}
			var overridden []string
			comparer := apply.NewComparer(clientgoscheme.Scheme, manifests.Manager, apply.Exclusive)
			applier := apply.New(server, comparer, apply.WithReader(server), apply.OnApplied(func(write apply.Write) { overridden = append(overridden, write.Overridden...) }))
			reconcile := func() {
				t.Helper()
				var live metav1.Object
				if is := server.live(); is != nil {
					live = digested(t, is)
				}
				if err := applier.CompareAndApply(t.Context(), desired, live); err != nil {
					t.Fatal(err)
				}
			}
			reconcile()
			reconcile()
			writes := server.writes
			reconcile()
			if server.writes != writes || writes > 3 {
				t.Errorf("%d writes, and then %d more", writes, server.writes-writes)
			}
			if !slices.Equal(overridden, test.overridden) {
				t.Errorf("overridden are %q, want %q", overridden, test.overridden)
			}
			server.cluster.Change(server.ref, func(object *unstructured.Unstructured) { container(object)["image"] = "rival:1" })
			if reconcile(); server.writes == writes {
				t.Error("another value is not repaired any more")
			}
		})
	}
}

package apply_test

import (
	"context"
	"encoding/json"
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

// Patch takes a takeover, which replaces managedFields and removes the applied hash.
func (a *admission) Patch(_ context.Context, object client.Object, patch client.Patch, _ ...client.PatchOption) error {
	a.writes++
	text, err := patch.Data(object)
	if err != nil {
		return err
	}
	var operations []struct {
		Op, Path string
		Value    json.RawMessage
	}
	if err := json.Unmarshal(text, &operations); err != nil {
		return err
	}
	a.cluster.Change(a.ref, func(object *unstructured.Unstructured) {
		for _, operation := range operations {
			switch {
			case operation.Path == "/metadata/managedFields":
				var entries []metav1.ManagedFieldsEntry
				if err = json.Unmarshal(operation.Value, &entries); err == nil {
					object.SetManagedFields(entries)
				}
			case operation.Op == "remove":
				unstructured.RemoveNestedField(object.Object, "metadata", "annotations", apply.AnnotationHash)
			}
		}
	})
	return err
}

func (a *admission) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.(*unstructured.UnstructuredList).Items = []unstructured.Unstructured{*a.live()}
	return nil
}

// reconciler returns a function that compares and applies desired as the operator does, and reports whether it wrote. It
// collects the fields that a webhook changed in overridden.
func (a *admission) reconciler(overridden *[]string) func(desired *unstructured.Unstructured) bool {
	comparer := apply.NewComparer(clientgoscheme.Scheme, manifests.Manager, apply.Exclusive)
	applier := apply.New(a, comparer, apply.WithReader(a), apply.OnApplied(func(write apply.Write) { *overridden = append(*overridden, write.Overridden...) }))
	return func(desired *unstructured.Unstructured) bool {
		a.t.Helper()
		var live metav1.Object
		if is := a.live(); is != nil {
			live = digested(a.t, is)
		}
		writes := a.writes
		if err := applier.CompareAndApply(a.t.Context(), desired, live); err != nil {
			a.t.Fatal(err)
		}
		return a.writes != writes
	}
}

func podOf(object *unstructured.Unstructured) map[string]any {
	pod, _, _ := unstructured.NestedFieldNoCopy(object.Object, "spec", "template", "spec")
	return pod.(map[string]any)
}

// TestAdmissionWebhookLeadsToNoRepeatedWrites: to apply the same again would change nothing.
func TestAdmissionWebhookLeadsToNoRepeatedWrites(t *testing.T) {
	container := func(object *unstructured.Unstructured) map[string]any {
		return podOf(object)["containers"].([]any)[0].(map[string]any)
	}
	addSidecar := func(object *unstructured.Unstructured) {
		if containers := podOf(object)["containers"].([]any); len(containers) == 1 {
			podOf(object)["containers"] = append(containers, map[string]any{"name": "sidecar", "image": "sidecar:1"})
		}
	}
	takeImage := func(object *unstructured.Unstructured) {
		container(object)["image"] = "mirror/gateway:1"
		entries := slices.DeleteFunc(object.GetManagedFields(), func(entry metav1.ManagedFieldsEntry) bool {
			return entry.Operation != metav1.ManagedFieldsOperationApply
		})
		entries[0].FieldsV1 = metav1.NewFieldsV1(strings.Replace(entries[0].FieldsV1.GetRawString(), `"f:image":{},`, "", 1))
		object.SetManagedFields(append(entries, metav1.ManagedFieldsEntry{
			Manager: manifests.Manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "apps/v1", FieldsType: "FieldsV1",
			FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"openshell-gateway\"}":{"f:image":{}}}}}}}`),
		}))
	}
	const image = `spec.template.spec.containers[name="openshell-gateway"].image`
	for _, test := range []struct {
		name       string
		webhook    func(*unstructured.Unstructured)
		overridden []string
	}{
		{"adds a sidecar", addSidecar, nil},
		{"adds to the security context", func(object *unstructured.Unstructured) {
			container(object)["securityContext"].(map[string]any)["procMount"] = "Default"
		}, nil},
		{"changes the image", func(object *unstructured.Unstructured) { container(object)["image"] = "mirror/gateway:1" },
			[]string{image}},
		{"changes the image, and the field has another owner", takeImage, []string{image}},
		{"does so and adds a sidecar", func(object *unstructured.Unstructured) { addSidecar(object); takeImage(object) }, []string{image}},
	} {
		t.Run(test.name, func(t *testing.T) {
			desired := rendered(t)["StatefulSet openshell-gateway"]
			server := &admission{t: t, cluster: observetest.New(t), webhook: test.webhook, ref: observe.RefOf(desired)}
			var overridden []string
			reconcile := server.reconciler(&overridden)
			reconcile(desired)
			reconcile(desired)
			if writes := server.writes; reconcile(desired) || writes > 3 {
				t.Errorf("%d writes, and then %d more", writes, server.writes-writes)
			}
			if !slices.Equal(overridden, test.overridden) {
				t.Errorf("overridden are %q, want %q", overridden, test.overridden)
			}
			server.cluster.Change(server.ref, func(object *unstructured.Unstructured) { container(object)["image"] = "rival:1" })
			if !reconcile(desired) {
				t.Error("another value is not repaired any more")
			}
			desired = desired.DeepCopy()
			desired.SetLabels(map[string]string{"new": "1"})
			for range 3 {
				reconcile(desired)
			}
			if reconcile(desired) {
				t.Error("after the desired state has changed, there are repeated writes")
			}
		})
	}
}

// TestForeignContainerIsNotTakenForAWebhooks adds a container that no other manager owns, and forges the applied hash or the owned
// fields. The first apply is then sent without knowing of the container.
func TestForeignContainerIsNotTakenForAWebhooks(t *testing.T) {
	forgeHash := func(object *unstructured.Unstructured) {
		annotations := object.GetAnnotations()
		annotations[apply.AnnotationHash] = "0"
		object.SetAnnotations(annotations)
	}
	dropImage := func(object *unstructured.Unstructured) {
		entries := object.GetManagedFields()
		entries[0].FieldsV1 = metav1.NewFieldsV1(strings.Replace(entries[0].FieldsV1.GetRawString(), `"f:image":{},`, "", 1))
		object.SetManagedFields(entries)
	}
	ownContainer := func(object *unstructured.Unstructured) {
		object.SetManagedFields(append(object.GetManagedFields(), metav1.ManagedFieldsEntry{
			Manager: manifests.Manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "apps/v1", FieldsType: "FieldsV1",
			FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:template":{"f:spec":{"f:initContainers":{"k:{\"name\":\"foreign\"}":{".":{},"f:name":{},"f:image":{},"f:securityContext":{"f:privileged":{}}}}}}}}`),
		}))
	}
	for name, forgeries := range map[string][]func(*unstructured.Unstructured){
		"nothing": nil, "the hash": {forgeHash}, "a lost field": {dropImage},
		"the hash and our name": {forgeHash, ownContainer}, "a lost field and our name": {dropImage, ownContainer},
	} {
		t.Run(name, func(t *testing.T) {
			desired := rendered(t)["StatefulSet openshell-gateway"]
			server := &admission{t: t, cluster: observetest.New(t), webhook: func(*unstructured.Unstructured) {}, ref: observe.RefOf(desired)}
			reconcile := server.reconciler(new([]string))
			reconcile(desired)
			if reconcile(desired) {
				t.Fatal("an unchanged object is written")
			}
			server.cluster.Change(server.ref, func(object *unstructured.Unstructured) {
				podOf(object)["initContainers"] = []any{map[string]any{"name": "foreign", "image": "foreign:1", "securityContext": map[string]any{"privileged": true}}}
				for _, forge := range forgeries {
					forge(object)
				}
			})
			reconcile(desired)
			reconcile(desired)
			if reconcile(desired) {
				t.Error("there are repeated writes")
			}
			if podOf(server.live())["initContainers"] != nil {
				t.Error("the container is still there")
			}
		})
	}
}

package apply

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestAnnotationsAreCut(t *testing.T) {
	annotations := map[string]string{"ours": strings.Repeat("x", 1<<20), "short": "1", AnnotationHash: "a"}
	for i := range 1000 {
		annotations[fmt.Sprintf("theirs-%d", i)] = "x"
	}
	kept := TrimAnnotations(annotations, "ours", "short", "absent")
	if len(kept) != 3 || len(kept["ours"]) != maxAnnotation || kept["short"] != "1" || kept[AnnotationHash] != "a" {
		t.Errorf("kept are %d annotations, of which ours has %d bytes", len(kept), len(kept["ours"]))
	}
	if again := TrimAnnotations(kept, "ours", "short"); len(again["ours"]) != maxAnnotation {
		t.Error("what was cut is cut again")
	}
	if TrimAnnotations(map[string]string{"a": "b"}, "c") != nil {
		t.Error("there is a map for nothing")
	}
}

// manyFields is a set of fields of others that has a size.
func manyFields(size int) string {
	var text strings.Builder
	text.WriteString(`{"f:spec":{"f:ports":{"k:{\"port\":9,\"protocol\":\"TCP\"}":{".":{}}}},"f:metadata":{"f:annotations":{`)
	for i := 0; text.Len() < size; i++ {
		fmt.Fprintf(&text, `"f:x%d":{},`, i)
	}
	return strings.TrimSuffix(text.String(), ",") + "}}}"
}

func entryOf(manager, fields string) metav1.ManagedFieldsEntry {
	return metav1.ManagedFieldsEntry{
		Manager: manager, Operation: metav1.ManagedFieldsOperationApply, APIVersion: "v1", FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields),
	}
}

func TestManagedFieldsOfOthersAreBounded(t *testing.T) {
	const ours = `{"f:spec":{"f:type":{}}}`
	compactor := NewCompactor("us", "bridge")
	size := func(object *metav1.ObjectMeta) int { return (&corev1.Pod{ObjectMeta: *object}).Size() }
	usual := &metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{entryOf("them", manyFields(10<<10)), entryOf("us", ours)}}
	before := size(usual)
	if compactor.Compact(usual); size(usual) != before || compactor.fields.hasWithheld(usual) {
		t.Errorf("of %d bytes, %d are kept", before, size(usual))
	}
	large := &metav1.ObjectMeta{}
	for i := range 100 {
		large.ManagedFields = append(large.ManagedFields, entryOf(fmt.Sprint("them-", i), manyFields(10<<10)))
	}
	large.ManagedFields = append(large.ManagedFields, entryOf("bridge", ours), entryOf("us", ours))
	for range 2 { // a resync shows transforms their own results
		compactor.Compact(large)
		if size(large) > 16<<10 || !compactor.fields.hasWithheld(large) || !AppliedBy(large, "us") || !AppliedBy(large, "bridge") {
			t.Errorf("%d bytes are kept: %v", size(large), large.ManagedFields)
		}
	}
	forged := &metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{entryOf("us", manyFields(1<<20))}}
	if compactor.Compact(forged); size(forged) > 16<<10 {
		t.Errorf("%d bytes are kept of what bears our name", size(forged))
	}
}

// service is an API server with one Service, in which another manager has a port.
type service struct {
	client.Client
	live           *metav1.PartialObjectMetadata
	reads, patches int
	patched        string
}

func (s *service) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	s.reads++
	typed := &corev1.Service{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}, ObjectMeta: *s.live.ObjectMeta.DeepCopy(), Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeClusterIP, Ports: []corev1.ServicePort{{Port: 8080, Protocol: corev1.ProtocolTCP}},
	}}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	list.(*unstructured.UnstructuredList).Items = []unstructured.Unstructured{{Object: content}}
	return err
}

func (s *service) Patch(_ context.Context, object client.Object, patch client.Patch, _ ...client.PatchOption) error {
	s.patches++
	text, err := patch.Data(object)
	s.patched = string(text)
	return err
}

func (s *service) Apply(context.Context, runtime.ApplyConfiguration, ...client.ApplyOption) error {
	return nil
}

// TestForeignPortIsFoundBehindManyFields keeps others from hiding an element of a list by making managedFields too large
// for the cache.
func TestForeignPortIsFoundBehindManyFields(t *testing.T) {
	desired, hash := desiredService(t)
	live := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Name: "a", Namespace: "b", UID: "1", ResourceVersion: "7", Annotations: map[string]string{AnnotationHash: hash},
		ManagedFields: []metav1.ManagedFieldsEntry{entryOf("them", manyFields(100<<10)), entryOf("us", serviceFields)},
	}}
	server := &service{live: live}
	applier := New(server, NewComparer(clientgoscheme.Scheme, "us", Exclusive), WithReader(server))
	cached := live.DeepCopy()
	NewCompactor("us").Compact(cached)
	if err := applier.CompareAndApply(t.Context(), desired, cached); err != nil {
		t.Fatal(err)
	}
	if server.reads != 1 || server.patches != 1 || !strings.Contains(server.patched, `\"port\":9`) || !strings.Contains(server.patched, "f:x100") {
		t.Errorf("%d reads, %d patches: the port is made ours: %t, the others' fields stay: %t", server.reads, server.patches,
			strings.Contains(server.patched, `\"port\":9`), strings.Contains(server.patched, "f:x100"))
	}
	live.ManagedFields[0] = entryOf("them", strings.Replace(live.ManagedFields[0].FieldsV1.GetRawString(), `\"port\":9`, `\"port\":8080`, 1))
	live.ResourceVersion, cached.ResourceVersion = "8", "8"
	for range 2 {
		if err := applier.CompareAndApply(t.Context(), desired, cached); err != nil || server.patches != 1 || server.reads != 2 {
			t.Errorf("an unchanged version is read again: %d reads, %d patches (%v)", server.reads, server.patches, err)
		}
	}
	live.UID, cached.ResourceVersion = "2", "9"
	if err := applier.CompareAndApply(t.Context(), desired, cached); err == nil || !strings.Contains(err.Error(), "taken its place") {
		t.Errorf("another object is taken for the one in the cache: %v", err)
	}
}

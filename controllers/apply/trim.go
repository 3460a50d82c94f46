package apply

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/bounded"
)

// What is kept in memory of an object's metadata, however much other clients write into it.
const (
	// maxAnnotation is how many bytes of an annotation's value are kept. Every value that is compared is shorter, so one
	// that was cut equals none of them.
	maxAnnotation = 512
	// maxFields is how many bytes of managedFields are kept as they are. Those of a gateway's largest object are 3 KiB.
	maxFields = 64 << 10
	// maxManagers is how many managers are kept by name where managedFields are larger.
	maxManagers = 16
)

// TrimAnnotations returns the annotations of these names and the applied hash, with their values cut to a bounded length.
func TrimAnnotations(annotations map[string]string, names ...string) map[string]string {
	var kept map[string]string
	for _, name := range append(slices.Clip(names), AnnotationHash) {
		value, has := annotations[name]
		if !has {
			continue
		}
		if kept == nil {
			kept = map[string]string{}
		}
		if len(value) > maxAnnotation {
			value = strings.Clone(value[:maxAnnotation])
		}
		kept[name] = value
	}
	return kept
}

// withheld takes the place of a set of fields that is too large to be kept. The API server keeps no empty set.
var withheld = []byte("{}")

// trimFields bounds managedFields. If they are too large, the entries of the given managers stay, and of the others' the
// names: an Applier that sees one of these reads the object before it decides what is to become of it.
func trimFields(object metav1.Object, own []string) {
	entries, size := object.GetManagedFields(), 0
	for _, entry := range entries {
		size += 100 + len(entry.FieldsV1.GetRawBytes()) + len(entry.Manager) + len(entry.APIVersion) + len(entry.Subresource)
	}
	if size <= maxFields {
		return
	}
	var kept []metav1.ManagedFieldsEntry
	others, ownSize := 0, 0
	for _, entry := range entries {
		if size := 100 + len(entry.FieldsV1.GetRawBytes()); slices.Contains(own, entry.Manager) && ownSize+size <= maxFields {
			kept = append(kept, entry)
			ownSize += size
			continue
		}
		if entry.Subresource == "" && others < maxManagers {
			kept = append(kept, metav1.ManagedFieldsEntry{
				Manager: entry.Manager, Operation: entry.Operation, APIVersion: entry.APIVersion, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(string(withheld)),
			})
			others++
		}
	}
	object.SetManagedFields(kept)
}

// isTrimmed reports whether fields of other managers are withheld.
func (o *ownership) isTrimmed(live metav1.Object) bool {
	return slices.ContainsFunc(live.GetManagedFields(), func(entry metav1.ManagedFieldsEntry) bool {
		return o.others(entry) && bytes.Equal(entry.FieldsV1.GetRawBytes(), withheld)
	})
}

// reread returns the metadata that the API server has of live now. It fails if another object has taken its place.
func (a *Applier) reread(ctx context.Context, desired *unstructured.Unstructured, live metav1.Object) (metav1.Object, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(desired.GroupVersionKind().GroupVersion().WithKind(desired.GetKind() + "List"))
	err := bounded.Pages(ctx, 1, 1, func(ctx context.Context, page metav1.ListOptions) (string, error) {
		named := client.MatchingFields{metav1.ObjectNameField: desired.GetName()}
		return "", a.reader.List(ctx, list, client.InNamespace(desired.GetNamespace()), named, client.Limit(page.Limit))
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", Describe(desired), err)
	}
	if len(list.Items) == 0 || list.Items[0].UID != live.GetUID() {
		return nil, fmt.Errorf("reading %s: another object has taken its place", Describe(desired))
	}
	return &list.Items[0], nil
}

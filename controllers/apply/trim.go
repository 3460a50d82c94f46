package apply

import (
	"bytes"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Bounds on what is kept in memory of an object's metadata, however much other clients write into it.
const (
	// maxAnnotation is how many bytes of an annotation's value are kept. Every value that is compared is shorter, so a value
	// that was cut equals none of them.
	maxAnnotation = 512
	// maxFields is how many bytes of managedFields are kept unchanged. Those of a gateway's largest object have 3 KiB.
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

// withheld replaces a set of fields that is too large to be kept. The API server never stores an empty set.
var withheld = []byte("{}")

// trimFields bounds managedFields. If they are too large, it keeps the entries of the given managers, and the names of
// some other managers with withheld as their fields. An Applier then reads the object before it applies it.
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

// hasWithheld reports whether fields of other managers are withheld.
func (o *ownership) hasWithheld(live metav1.Object) bool {
	return slices.ContainsFunc(live.GetManagedFields(), func(entry metav1.ManagedFieldsEntry) bool {
		return o.isOther(entry) && bytes.Equal(entry.FieldsV1.GetRawBytes(), withheld)
	})
}

package apply

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// AnnotationHash is on every object that an Applier has applied: the hash of what was sent.
const AnnotationHash = "openshell.ambient-code.io/applied-hash"

// Hash is the value of AnnotationHash on an object that was applied from desired.
func Hash(desired *unstructured.Unstructured) (string, error) {
	hash, _, err := hashOf(desired)
	return hash, err
}

// hashOf is Hash, with the text that it is of.
func hashOf(desired *unstructured.Unstructured) (hash string, text []byte, err error) {
	if text, err = desired.MarshalJSON(); err != nil {
		return "", nil, fmt.Errorf("hashing %s: %w", Describe(desired), err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), text, nil
}

// stamp returns the object with its own hash, and the text that the hash is of. Desired is not modified.
func stamp(desired *unstructured.Unstructured) (stamped *unstructured.Unstructured, text []byte, err error) {
	hash, text, err := hashOf(desired)
	if err != nil {
		return nil, nil, err
	}
	return withHash(desired, hash), text, nil
}

// withHash returns the object with the given hash. It shares everything but its annotations with the original.
func withHash(object *unstructured.Unstructured, hash string) *unstructured.Unstructured {
	stamped := &unstructured.Unstructured{Object: maps.Clone(object.Object)}
	metadata, _ := stamped.Object["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	annotations, _ := metadata["annotations"].(map[string]any)
	if annotations = maps.Clone(annotations); annotations == nil {
		annotations = map[string]any{}
	}
	annotations[AnnotationHash] = hash
	metadata["annotations"], stamped.Object["metadata"] = annotations, metadata
	return stamped
}

// AppliedHash returns the hash of what was last applied to an object. It is empty if the object has none.
func AppliedHash(object metav1.Object) string {
	if hash := object.GetSelfLink(); hash != "" {
		return hash
	}
	return object.GetAnnotations()[AnnotationHash]
}

// CompactHash keeps the hash on an object in a field that API servers no longer fill in: on most objects it is the only
// annotation, and a map for it alone takes more memory than all else that a Compactor leaves. Only AppliedHash finds it then,
// so it is for objects that are not sent back.
func CompactHash(object metav1.Object) {
	annotations := object.GetAnnotations()
	if hash, stamped := annotations[AnnotationHash]; stamped {
		object.SetSelfLink(hash)
		delete(annotations, AnnotationHash)
	}
	if len(annotations) == 0 {
		object.SetAnnotations(nil)
	}
}

// MatchesLastApplied reports whether live was last applied from desired. It does not notice later changes by others.
func MatchesLastApplied(desired *unstructured.Unstructured, live metav1.Object) bool {
	hash, err := Hash(desired)
	return err == nil && AppliedHash(live) == hash
}

// OwnsHash reports whether owner wrote the hash on live, rather than another manager.
func OwnsHash(live metav1.Object, owner string) bool {
	owned, err := (&ownership{owner: owner}).owned(live)
	return err == nil && owned != nil && owned.Has(fieldpath.MakePathOrDie("metadata", "annotations", AnnotationHash))
}

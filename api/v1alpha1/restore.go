package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

const (
	// AnnotationRestore is an annotation of a Namespace into which a backup is being restored. Until the annotation is removed, the
	// operator creates, changes and deletes nothing there. Use the value RestoreInProgress; any value has this effect. Users who may
	// change only objects in the namespace, and not the Namespace itself, cannot set it.
	AnnotationRestore = "openshell.ambient-code.io/restore"
	// RestoreInProgress is the usual value of AnnotationRestore.
	RestoreInProgress = "in-progress"
)

// Restoring reports whether a backup is being restored into a Namespace.
func Restoring(namespace metav1.Object) bool {
	_, is := namespace.GetAnnotations()[AnnotationRestore]
	return is
}

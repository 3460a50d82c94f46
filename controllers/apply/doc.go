// Package apply brings objects to their desired state by server-side apply, and sends nothing for an object that is already
// in that state. A [Comparer] decides, without access to the cluster, and an [Applier] sends what it decided. A decision
// depends only on the object itself, on its managedFields and an annotation with the hash of what was last applied, so a
// restart of the operator causes no writes. What a Comparer holds in memory only saves work.
package apply

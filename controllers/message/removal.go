package message

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Removal says since when an object is being deleted, which finalizers keep it, and how to proceed. It continues a sentence that
// begins with the object. It is empty if no finalizer keeps the object.
func Removal(kind string, object metav1.Object) string {
	finalizers := object.GetFinalizers()
	if object.GetDeletionTimestamp() == nil || len(finalizers) == 0 {
		return ""
	}
	keep := "finalizer " + finalizers[0] + " keeps"
	if len(finalizers) > 1 {
		keep = "finalizers " + strings.Join(finalizers, ", ") + " keep"
	}
	text := fmt.Sprintf("is being deleted since %s, and its %s it", object.GetDeletionTimestamp().UTC().Format(time.RFC3339), keep)
	target := strings.ToLower(kind) + " " + object.GetName() + " -n " + object.GetNamespace()
	for _, finalizer := range finalizers {
		if !isKubernetes(finalizer) {
			return fmt.Sprintf(`%s; the client that set it must remove it; if that client no longer exists: kubectl patch %s --type=merge -p '{"metadata":{"finalizers":null}}'`, text, target)
		}
	}
	return fmt.Sprintf("%s until what belongs to it or uses it is gone; see: kubectl describe %s", text, target)
}

// isKubernetes reports whether Kubernetes itself removes a finalizer, so that a user must not.
func isKubernetes(finalizer string) bool {
	domain, _, qualified := strings.Cut(finalizer, "/")
	return !qualified || domain == "kubernetes.io" || strings.HasSuffix(domain, ".kubernetes.io")
}

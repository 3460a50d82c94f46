package message

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestRemoval(t *testing.T) {
	deleted := &metav1.Time{Time: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}
	const patch = `; the client that set it must remove it; if that client no longer exists: kubectl patch job x -n a --type=merge -p '{"metadata":{"finalizers":null}}'`
	for _, c := range []struct {
		what       string
		deleted    *metav1.Time
		finalizers []string
		want       string
	}{
		{"not deleted", nil, []string{"example.com/x"}, ""},
		{"deleted, and about to be gone", deleted, nil, ""},
		{"kept by another client", deleted, []string{"example.com/x"}, "is being deleted since 2026-06-01T12:00:00Z, and its finalizer example.com/x keeps it" + patch},
		{"kept by several", deleted, []string{"foregroundDeletion", "example.com/x"}, "is being deleted since 2026-06-01T12:00:00Z, and its finalizers foregroundDeletion, example.com/x keep it" + patch},
		{"kept by Kubernetes", deleted, []string{"foregroundDeletion"}, "is being deleted since 2026-06-01T12:00:00Z, and its finalizer foregroundDeletion keeps it until what belongs to it or uses it is gone; see: kubectl describe job x -n a"},
		{"kept by Kubernetes, qualified", deleted, []string{"kubernetes.io/pvc-protection"}, "is being deleted since 2026-06-01T12:00:00Z, and its finalizer kubernetes.io/pvc-protection keeps it until what belongs to it or uses it is gone; see: kubectl describe job x -n a"},
	} {
		object := &metav1.ObjectMeta{Name: "x", Namespace: "a", DeletionTimestamp: c.deleted, Finalizers: c.finalizers}
		if is := Removal("Job", object); is != c.want {
			t.Errorf("%s: %q, want %q", c.what, is, c.want)
		}
	}
}

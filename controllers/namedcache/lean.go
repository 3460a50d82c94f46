package namedcache

import (
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
)

// Lean is a transform that keeps less of objects that are alike but for their namespaces: their managedFields name the same
// fields in the same words, and the words are kept once. Then, unless it is nil, next is called.
func Lean(next toolscache.TransformFunc) toolscache.TransformFunc {
	return func(object any) (any, error) {
		if accessor, err := meta.Accessor(object); err == nil {
			entries := accessor.GetManagedFields()
			for i := range entries {
				fieldSets.share(&entries[i])
			}
			accessor.SetManagedFields(entries)
		}
		if next == nil {
			return object, nil
		}
		return next(object)
	}
}

// fieldSets are those of all caches.
var fieldSets = shared{known: map[string]*metav1.FieldsV1{}}

// mostFieldSets bounds what is kept for sharing. Tenants that are all alike have some forty between them.
const mostFieldSets = 4096

// shared holds one copy of each set of fields. Nobody changes it: what a cache holds is read only.
type shared struct {
	mu    sync.Mutex
	known map[string]*metav1.FieldsV1 // by its text
}

// share puts the shared copy into an entry.
func (s *shared) share(entry *metav1.ManagedFieldsEntry) {
	if entry.FieldsV1 == nil {
		return
	}
	text := entry.FieldsV1.GetRawString()
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.known[text]
	if known == nil {
		if len(s.known) >= mostFieldSets {
			clear(s.known)
		}
		known = entry.FieldsV1
		s.known[text] = known
	}
	entry.FieldsV1 = known
}

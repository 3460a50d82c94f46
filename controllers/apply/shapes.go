package apply

import (
	"bytes"
	"crypto/sha256"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// shapes are the pairs of what is wanted of an object and which fields of it are ours, of which it is known that no field
// is missing. One tenant's objects differ from another's in the namespace and the owner's uid alone, most often, so that
// what was worked out for one holds for all: a sixth of the processor time that a restart took.
type shapes struct {
	mu    sync.Mutex
	whole map[shape]struct{}
}

// shape is a hash of a pair, without the namespace and the owner's uid.
type shape [sha256.Size]byte

// mostShapes is how many pairs are remembered: a tenant has one for each of its objects, and few tenants are like no other.
const mostShapes = 4096

func (s *shapes) has(one shape) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, has := s.whole[one]
	return has
}

func (s *shapes) note(one shape) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.whole == nil || len(s.whole) >= mostShapes {
		s.whole = map[shape]struct{}{}
	}
	s.whole[one] = struct{}{}
}

// shapeOf is the shape of an object that was applied as text, and of which ours is what we own. Others have it only if
// they are the same but for the namespace and the uid: neither of what stands for these is in any JSON. There is none for
// an object without a namespace, and for one that has another owner than is wanted.
func shapeOf(desired *unstructured.Unstructured, text []byte, live metav1.Object, ours metav1.ManagedFieldsEntry) (one shape, is bool) {
	namespace, uid := desired.GetNamespace(), firstOwner(desired)
	if namespace == "" || uid != firstOwner(live) {
		return one, false
	}
	fields := ours.FieldsV1.GetRawBytes()
	if uid != "" {
		text, fields = bytes.ReplaceAll(text, []byte(uid), owner), bytes.ReplaceAll(fields, []byte(uid), owner)
	}
	text, fields = bytes.ReplaceAll(text, []byte(namespace), []byte{1}), bytes.ReplaceAll(fields, []byte(namespace), []byte{1})
	hash := sha256.New()
	for _, part := range [][]byte{text, {2}, fields} {
		hash.Write(part)
	}
	return shape(hash.Sum(nil)), true
}

package apply

import (
	"bytes"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Compactor makes the metadata of objects smaller before a cache keeps them, without a loss to an Applier: what is equal in
// many objects is kept once. In a fleet that is nearly everything, since all tenants are made of the same objects. It is
// for the objects of one cache. What it has seen is shared, and must not be changed.
type Compactor struct {
	fields *ownership
	own    []string // managers whose fields are kept, however many others have

	mu      sync.Mutex
	name    string
	owner   metav1.OwnerReference         // the last one
	entries [][]metav1.ManagedFieldsEntry // the last ones, each alone
}

// mostEntries is how many different entries a Compactor remembers: objects of one kind and name have few.
const mostEntries = 16

// NewCompactor makes a Compactor for objects that owner applies. Of managedFields that are too large, those of owner and
// of the other managers given are kept.
func NewCompactor(owner string, others ...string) *Compactor {
	return &Compactor{fields: &ownership{owner: owner}, own: append(others, owner)}
}

// Compact makes an object's metadata smaller. When the owner applied it is dropped: nobody asks.
func (c *Compactor) Compact(object metav1.Object) {
	trimFields(object, c.own)
	c.mu.Lock()
	defer c.mu.Unlock()
	if object.GetName() != c.name {
		c.name = object.GetName()
	}
	object.SetName(c.name)
	for i, owner := range object.GetOwnerReferences() {
		if owner.APIVersion != c.owner.APIVersion || owner.Kind != c.owner.Kind || owner.Name != c.owner.Name {
			c.owner = owner
		}
		owner.APIVersion, owner.Kind, owner.Name = c.owner.APIVersion, c.owner.Kind, c.owner.Name
		object.GetOwnerReferences()[i] = owner
	}
	entries := object.GetManagedFields()
	for i, entry := range entries {
		shared := c.share(entry, object)
		if entries[i] = shared[0]; !c.fields.ours(entry) {
			entries[i].Time = entry.Time
		} else if len(entries) == 1 {
			object.SetManagedFields(shared)
		}
	}
}

// share is an entry as it is on other objects, its time aside.
func (c *Compactor) share(entry metav1.ManagedFieldsEntry, object metav1.Object) []metav1.ManagedFieldsEntry {
	raw := entry.FieldsV1.GetRawBytes()
	if uid := firstOwner(object); uid != "" && c.fields.ours(entry) {
		raw = bytes.ReplaceAll(raw, []byte(uid), owner)
	}
	for _, shared := range c.entries {
		is := shared[0]
		if is.Manager == entry.Manager && is.Operation == entry.Operation && is.APIVersion == entry.APIVersion && is.Subresource == entry.Subresource &&
			is.FieldsType == entry.FieldsType && bytes.Equal(is.FieldsV1.GetRawBytes(), raw) {
			return shared
		}
	}
	if entry.Time = nil; entry.FieldsV1 != nil {
		entry.FieldsV1 = metav1.NewFieldsV1(string(raw))
	}
	shared := []metav1.ManagedFieldsEntry{entry}
	if c.entries = append(c.entries, shared); len(c.entries) > mostEntries {
		c.entries = c.entries[1:]
	}
	return shared
}

// owner stands for the uid of an object's first owner in the set of what we applied: owner references are told apart by it,
// and the sets of two tenants differ in nothing else. No JSON contains it.
var owner = []byte{0}

// rawFields are the fields of an entry of the object's, as the API server gave them: ours may have been compacted.
func rawFields(entry metav1.ManagedFieldsEntry, object metav1.Object) *bytes.Reader {
	raw := entry.FieldsV1.GetRawBytes()
	if bytes.Contains(raw, owner) {
		raw = bytes.ReplaceAll(raw, owner, []byte(firstOwner(object)))
	}
	return bytes.NewReader(raw)
}

func firstOwner(object metav1.Object) types.UID {
	if owners := object.GetOwnerReferences(); len(owners) > 0 {
		return owners[0].UID
	}
	return ""
}

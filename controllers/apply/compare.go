package apply

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Difference is the result of comparing the desired state of an object with the observed one. It is zero if there is
// nothing to do.
type Difference struct {
	// Needed reports whether the object has to be applied.
	Needed bool
	// Takeover is the managedFields that the object gets before it is applied, with fields of other managers that the apply
	// has to remove among ours. It is nil if no field has to be taken over.
	Takeover []metav1.ManagedFieldsEntry
	// Drift is the managers that changed our fields although the desired state is what was last applied.
	Drift []string
	// Incomplete reports whether the cache withheld fields of other managers. Needed is set then, and the Applier reads the
	// object and compares again before it sends anything.
	Incomplete bool
}

// Comparer decides whether objects have to be applied as one field manager. It does not access the cluster.
type Comparer struct {
	fields    *ownership
	exclusive bool
	cache     fieldSetCache
}

// ComparerOption configures a Comparer.
type ComparerOption func(*Comparer)

// Exclusive makes the Comparer take over elements that other managers put into lists of the spec and, if an object was
// not applied by the field manager before, all fields of other managers except metadata. The apply then removes them.
func Exclusive(c *Comparer) { c.exclusive = true }

// NewComparer returns a Comparer for objects that owner applies.
func NewComparer(scheme *runtime.Scheme, owner string, options ...ComparerOption) *Comparer {
	c := &Comparer{fields: newOwnership(scheme, owner)}
	for _, option := range options {
		option(c)
	}
	return c
}

// Compare decides what has to be sent so that live, the object as a cache has it, is as desired. It is nothing if the hash
// of what was last applied is the same and every field that was applied is still ours. Live is nil if the object does not
// exist. Neither object is modified.
func (c *Comparer) Compare(desired *unstructured.Unstructured, live metav1.Object) (Difference, error) {
	return c.compare(desired, live, live != nil && c.fields.hasWithheld(live))
}

// compareComplete is Compare for an object that was read from the API server, so that no fields are withheld.
func (c *Comparer) compareComplete(desired *unstructured.Unstructured, live metav1.Object) (Difference, error) {
	difference, err := c.compare(desired, live, false)
	if err != nil || difference.Needed {
		return difference, err
	}
	hash, err := Hash(desired)
	c.cache.add(keyOfVersion(hash, live))
	return difference, err
}

func (c *Comparer) compare(desired *unstructured.Unstructured, live metav1.Object, incomplete bool) (Difference, error) {
	difference, err := c.difference(desired, live, incomplete)
	if err != nil || !difference.Needed { // An object that has to be applied is counted when it has been sent.
		count(desired, resultUnchanged, err)
	}
	return difference, err
}

func (c *Comparer) difference(desired *unstructured.Unstructured, live metav1.Object, incomplete bool) (Difference, error) {
	hashed, text, err := addHash(desired)
	switch {
	case err != nil:
		return Difference{}, err
	case live == nil:
		return Difference{Needed: true}, nil
	case incomplete && c.cache.has(keyOfVersion(AppliedHash(hashed), live)):
		return Difference{}, nil
	case incomplete:
		return Difference{Needed: true, Incomplete: true}, nil
	}
	difference := Difference{}
	if c.exclusive {
		if difference.Takeover, err = c.fields.takeover(hashed, live); err != nil {
			return Difference{}, err
		}
	}
	unchanged, err := c.unchanged(hashed, text, live)
	if err != nil {
		return Difference{}, err
	}
	if unchanged && difference.Takeover == nil {
		return Difference{}, nil
	}
	difference.Needed = true
	difference.Drift = c.fields.conflictingManagers(hashed, live)
	return difference, nil
}

// unchanged reports whether live is as it was when hashed, whose text without the hash is given, was applied.
func (c *Comparer) unchanged(hashed *unstructured.Unstructured, text []byte, live metav1.Object) (bool, error) {
	ours := slices.IndexFunc(live.GetManagedFields(), c.fields.isOurs)
	if ours < 0 || AppliedHash(live) != AppliedHash(hashed) {
		return false, nil
	}
	key, ok := keyOfFields(hashed, text, live, live.GetManagedFields()[ours])
	if ok && c.cache.has(key) {
		return true, nil
	}
	holds, err := c.fields.ownsAll(hashed, live)
	if ok && holds {
		c.cache.add(key)
	}
	return holds, err
}

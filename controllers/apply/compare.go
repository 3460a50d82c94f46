package apply

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Difference is the result of comparing the desired state of an object with the observed one. It is zero if there is
// nothing to do.
type Difference struct {
	// Needed reports whether the object has to be applied.
	Needed bool
	// Takeover is the managedFields that the object gets before it is applied, with fields of other managers that the apply
	// has to remove among ours. It is nil if no field has to be taken over.
	Takeover []metav1.ManagedFieldsEntry
	// Incomplete reports whether the cache does not have all that the apply depends on: it withheld fields of other managers, or
	// values differ of which it has only digests. Needed is set then, and the Applier reads the object and compares again
	// before it sends anything.
	Incomplete bool
	// complete reports whether it was made from all that can be known of the object.
	complete bool
	// Managers are those that own fields of the desired state or, if none does, the one that wrote last.
	Managers []string
	// Fields are some of the desired fields that have other values or another owner.
	Fields []string
	// PodTemplate reports whether the apply may change the pod template of a workload.
	PodTemplate bool
	// Security reports whether a workload's pods may do something else than desired.
	Security bool
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
// of what was last applied is the same, every field that was applied is still ours and, as far as a Digester has seen the
// object, every value is the same. Live is nil if the object does not exist. Neither object is modified.
func (c *Comparer) Compare(desired *unstructured.Unstructured, live metav1.Object) (Difference, error) {
	difference, err := c.difference(desired, live, nil, live != nil && c.fields.hasWithheld(live))
	if err != nil || !difference.Needed { // An object that has to be applied is counted when it has been sent.
		count(desired, resultUnchanged, err)
	}
	return difference, err
}

// compareComplete is Compare for an object of which everything is known: live is its metadata with digests, and content the object as
// the API server returned it.
func (c *Comparer) compareComplete(desired *unstructured.Unstructured, live metav1.Object, content *unstructured.Unstructured) (Difference, error) {
	difference, err := c.difference(desired, live, content, false)
	difference.complete = true
	if err != nil || difference.Needed {
		return difference, err
	}
	count(desired, resultUnchanged, nil)
	hash, err := Hash(desired)
	c.cache.add(keyOfVersion(hash, live))
	return difference, err
}

func (c *Comparer) difference(desired *unstructured.Unstructured, live metav1.Object, content *unstructured.Unstructured, withheld bool) (Difference, error) {
	hashed, text, err := addHash(desired)
	switch {
	case err != nil:
		return Difference{}, err
	case live == nil:
		return Difference{Needed: true}, nil
	case withheld && c.cache.has(keyOfVersion(AppliedHash(hashed), live)):
		return Difference{}, nil
	}
	difference := Difference{}
	if c.exclusive && !withheld {
		if difference.Takeover, err = c.fields.takeover(hashed, live, content); err != nil {
			return Difference{}, err
		}
	}
	unchanged, err := c.unchanged(hashed, text, live)
	if err != nil || unchanged && difference.Takeover == nil && !withheld {
		return Difference{}, err
	}
	difference.Needed = true
	if err := c.explain(&difference, hashed, live, content); err != nil {
		return Difference{}, err
	}
	difference.Incomplete = difference.Incomplete || withheld
	return difference, nil
}

// unchanged reports whether live is as it was when hashed, whose text without the hash is given, was applied.
func (c *Comparer) unchanged(hashed *unstructured.Unstructured, text []byte, live metav1.Object) (bool, error) {
	ours := slices.IndexFunc(live.GetManagedFields(), c.fields.isOurs)
	if ours < 0 || AppliedHash(live) != AppliedHash(hashed) || !hasController(hashed, live) {
		return false, nil
	}
	if c.cache.has(keyOfAnswer(AppliedHash(hashed), live, live.GetManagedFields()[ours])) {
		return true, nil
	}
	key, ok := keyOfFields(hashed, text, live, live.GetManagedFields()[ours])
	if ok && c.cache.has(key) {
		return true, nil
	}
	lost, err := c.fields.lostFields(hashed, live)
	if err != nil || !lost.Empty() {
		return false, err
	}
	changed, err := c.changedParts(hashed, live)
	if err != nil || changed != [parts]bool{} {
		return false, err
	}
	if ok {
		c.cache.add(key)
	}
	return true, nil
}

// changedParts reports in which parts the values of live differ from the desired ones. They differ in none if no Digester has seen
// live.
func (c *Comparer) changedParts(desired *unstructured.Unstructured, live metav1.Object) (changed [parts]bool, err error) {
	is, ok := recordedDigests(live)
	if !ok {
		return changed, nil
	}
	_, content, err := c.fields.stored(desired)
	if err != nil {
		return changed, err
	}
	want, err := c.fields.digestsOf(content, live)
	for _, i := range []part{otherValues, podTemplate, security} {
		changed[i] = want[i] != is[i]
	}
	return changed, err
}

// explain sets why an object that exists has to be applied.
func (c *Comparer) explain(difference *Difference, hashed *unstructured.Unstructured, live metav1.Object, content *unstructured.Unstructured) error {
	lost, err := c.fields.lostFields(hashed, live)
	if err != nil {
		return err
	}
	changed, err := c.changedParts(hashed, live)
	if err != nil {
		return err
	}
	difference.Managers = c.fields.conflictingManagers(lost, live)
	// With another hash, the apply may be enough. If it is not, the next comparison finds what is left.
	difference.Incomplete = content == nil && AppliedHash(live) == AppliedHash(hashed) && changed != [parts]bool{}
	difference.Security = changed[security]
	difference.PodTemplate = changed[podTemplate] || changed[security]
	for path := range lost.All() {
		difference.PodTemplate = difference.PodTemplate || partOf(path) == podTemplate
	}
	if content != nil {
		differing, err := c.fields.differingFields(hashed, live, content)
		if err != nil {
			return err
		}
		lost = lost.Union(differing)
	}
	difference.Fields = someFields(lost)
	return nil
}

// someFields returns the first of some fields, as users write them, without the applied hash.
func someFields(all *fieldpath.Set) []string {
	const most = 3
	var found []string
	for path := range all.All() {
		if !isIgnored(path) && len(found) < most {
			found = append(found, path.String()[1:])
		}
	}
	return found
}

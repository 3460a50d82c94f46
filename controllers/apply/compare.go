package apply

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/applyconfigurations"
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
	known     known
	shapes    shapes
}

// ComparerOption configures a Comparer.
type ComparerOption func(*Comparer)

// Exclusive makes the Comparer take over elements that other managers put into lists of the spec and, if an object was
// not applied by the field manager before, all fields of other managers except metadata. The apply then removes them.
func Exclusive(c *Comparer) { c.exclusive = true }

// NewComparer returns a Comparer for objects that owner applies.
func NewComparer(scheme *runtime.Scheme, owner string, options ...ComparerOption) *Comparer {
	go applyconfigurations.NewTypeConverter(scheme) // The first one parses the schemas of all kinds, which takes long.
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
	return c.compare(desired, live, c.fields.isTrimmed)
}

// compareComplete is Compare for an object of which no fields are withheld.
func (c *Comparer) compareComplete(desired *unstructured.Unstructured, live metav1.Object) (Difference, error) {
	return c.compare(desired, live, func(metav1.Object) bool { return false })
}

func (c *Comparer) compare(desired *unstructured.Unstructured, live metav1.Object, incomplete func(metav1.Object) bool) (Difference, error) {
	difference, err := c.difference(desired, live, incomplete)
	if err != nil || !difference.Needed { // An object that is needed is counted when it has been applied.
		count(desired, resultUnchanged, err)
	}
	return difference, err
}

func (c *Comparer) difference(desired *unstructured.Unstructured, live metav1.Object, incomplete func(metav1.Object) bool) (Difference, error) {
	stamped, text, err := stamp(desired)
	if err != nil {
		return Difference{}, err
	}
	if live == nil {
		return Difference{Needed: true}, nil
	}
	if c.known.holds(stamped, live) {
		return Difference{}, nil
	}
	if incomplete(live) {
		return Difference{Needed: true, Incomplete: true}, nil
	}
	difference := Difference{}
	if c.exclusive {
		if difference.Takeover, err = c.fields.withoutForeign(stamped, live); err != nil {
			return Difference{}, err
		}
	}
	unchanged, err := c.unchanged(stamped, text, live)
	if err != nil {
		return Difference{}, err
	}
	if unchanged && difference.Takeover == nil {
		c.known.note(stamped, live)
		return Difference{}, nil
	}
	difference.Needed = true
	difference.Drift = c.fields.thieves(stamped, live)
	return difference, nil
}

// unchanged reports whether live is as it was when stamped, whose text without the stamp is given, was applied.
func (c *Comparer) unchanged(stamped *unstructured.Unstructured, text []byte, live metav1.Object) (bool, error) {
	ours := slices.IndexFunc(live.GetManagedFields(), c.fields.ours)
	if ours < 0 || AppliedHash(live) != AppliedHash(stamped) {
		return false, nil
	}
	shape, is := shapeOf(stamped, text, live, live.GetManagedFields()[ours])
	if is && c.shapes.has(shape) {
		return true, nil
	}
	holds, err := c.fields.holdsAll(stamped, live)
	if is && holds {
		c.shapes.note(shape)
	}
	return holds, err
}

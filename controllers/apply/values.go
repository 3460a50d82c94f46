package apply

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"hash"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

// Every client that may write an object can also write its applied hash and managedFields. These only determine which fields are
// compared, and the values of the fields decide. A cache keeps no values but a digest of them, which is computed when an object
// arrives.

// part is a part of an object whose values have a digest of their own.
type part int

const (
	// otherValues are all values that are in no other part.
	otherValues part = iota
	// podTemplate is the pod template of a workload: another value restarts its pods.
	podTemplate
	// security is what a workload's pods are allowed to do.
	security
	// admitted are the values that admission webhooks set while the owner wrote, under its name. They are compared with nothing, but
	// identify an answer of the API server.
	admitted
	parts
)

// digests has one digest for each part of an object's values.
type digests [parts]string

const (
	// digestBytes is how much is kept of a digest. It encodes to 16 bytes.
	digestBytes = 12
	// unknownDigest equals no digest.
	unknownDigest = "?"
	// digestMark separates the applied hash from the digests in a compacted object.
	digestMark = "/"
)

// Digester computes the digests of the values that one field manager applied, for the objects of one cache.
type Digester struct{ fields *ownership }

// NewDigester returns a Digester for objects that owner applies.
func NewDigester(owner string) *Digester { return &Digester{&ownership{owner: owner}} }

// Add records the digests of a typed object's values in its metadata, so that a Comparer can compare values after a cache has
// dropped them. It must be called before anything is dropped. Like CompactHash, it uses metadata.selfLink, which API servers
// neither set nor store.
func (d *Digester) Add(object runtime.Object) {
	live, is := object.(metav1.Object)
	if !is || live.GetSelfLink() != "" { // on a resync, transforms get their own results
		return
	}
	found := digests{}
	content, err := contentOf(object)
	if err == nil {
		found, err = d.fields.digestsOf(content, live)
	}
	if err != nil {
		found = digests{unknownDigest} // a cache must go on; a comparison fails with the cause
	}
	recordDigests(live, found)
}

func recordDigests(live metav1.Object, found digests) {
	live.SetSelfLink(digestMark + strings.TrimRight(strings.Join(found[:], "."), "."))
}

// digestsIn returns the recorded digests as one text.
func digestsIn(live metav1.Object) string {
	_, text, _ := strings.Cut(live.GetSelfLink(), digestMark)
	return text
}

// recordedDigests returns the digests that a Digester recorded. The second result reports whether it has any.
func recordedDigests(live metav1.Object) (found digests, ok bool) {
	_, text, ok := strings.Cut(live.GetSelfLink(), digestMark)
	copy(found[:], strings.Split(text, "."))
	return found, ok
}

// digestsOf returns the digests of content at the fields that the owner has applied to live, and at those where nothing may be
// added. They are equal for two tenants whose values differ only in the name of the namespace.
func (o *ownership) digestsOf(content map[string]any, live metav1.Object) (digests, error) {
	owned, err := o.parsedFields(live)
	if err != nil {
		return digests{}, err
	}
	sums := &sums{namespace: []byte(live.GetNamespace())}
	walk(owned, nil, content, func(path fieldpath.Path, is any) { sums.add(partOf(path), is) })
	for _, entry := range live.GetManagedFields() {
		if entry.Manager != o.owner || entry.Operation != metav1.ManagedFieldsOperationUpdate || entry.Subresource != "" || entry.FieldsV1 == nil {
			continue
		}
		set, err := decodeFields(entry, live)
		if err != nil {
			return digests{}, err
		}
		walk(set, nil, content, func(_ fieldpath.Path, is any) { sums.add(admitted, is) })
	}
	exactValues(content, sums.add)
	return sums.digests(), nil
}

// parsedFields returns the fields that the owner has applied, without owner references, which are compared by themselves. It is
// empty if the owner has applied nothing. It is shared.
func (o *ownership) parsedFields(live metav1.Object) (*fieldpath.Set, error) {
	i := slices.IndexFunc(live.GetManagedFields(), o.isOurs)
	if i < 0 {
		return fieldpath.NewSet(), nil
	}
	entry := live.GetManagedFields()[i]
	return o.parsed.get(withoutOwner(entry, live), func() (*fieldpath.Set, error) { return decodeFields(entry, live) })
}

// uuidLength is the length of the uids that API servers generate. A client could choose a shorter uid for an owner, which also occurs
// elsewhere in the set of fields.
const uuidLength = 36

// withoutOwner returns an entry's fields with a placeholder instead of the uid of the object's first owner.
func withoutOwner(entry metav1.ManagedFieldsEntry, live metav1.Object) []byte {
	raw, uid := entry.FieldsV1.GetRawBytes(), []byte(firstOwnerUID(live))
	if len(uid) != uuidLength {
		return bytes.ReplaceAll(raw, ownerPlaceholder, uid)
	}
	return bytes.ReplaceAll(raw, uid, ownerPlaceholder)
}

// sums adds up the digests of the parts.
type sums struct {
	namespace []byte
	hashes    [parts]hash.Hash
}

func (s *sums) add(to part, is any) {
	text, err := json.Marshal(is)
	if err != nil {
		panic(err) // the content of an object is JSON
	}
	if len(s.namespace) > 0 {
		text = bytes.ReplaceAll(text, s.namespace, []byte{1})
	}
	if s.hashes[to] == nil {
		s.hashes[to] = sha256.New()
	}
	_, _ = s.hashes[to].Write(append(text, 2)) // never fails
}

func (s *sums) digests() (found digests) {
	for i, sum := range s.hashes {
		if sum != nil {
			found[i] = base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:digestBytes])
		}
	}
	return found
}

// walk calls visit with each field of a set and its value, nil if it has none. Of a field whose own fields are in the set as
// well, the value is whether it exists.
func walk(set *fieldpath.Set, prefix fieldpath.Path, content any, visit func(fieldpath.Path, any)) {
	for element := range set.Members.All() {
		is := child(content, element)
		if _, more := set.Children.Get(element); more {
			is = is != nil
		}
		if path := append(prefix, element); !isIgnored(path) {
			visit(path, is)
		}
	}
	for element := range set.Children.All() {
		below, _ := set.Children.Get(element)
		if path := append(prefix, element); !isIgnored(path) {
			walk(below, path, child(content, element), visit)
		}
	}
}

// ignored are the fields whose values are not compared: the applied hash and the owner references, because a Comparer compares
// them by themselves, and claim templates, because they are immutable and the API server completes them.
var ignored = []fieldpath.Path{
	fieldpath.MakePathOrDie("metadata", "annotations", AnnotationHash), fieldpath.MakePathOrDie("metadata", "ownerReferences"),
	fieldpath.MakePathOrDie("spec", "volumeClaimTemplates"),
}

func isIgnored(path fieldpath.Path) bool {
	return slices.ContainsFunc(ignored, path.Equals)
}

// child returns the value at an element of a path. It is nil if there is none.
func child(content any, element fieldpath.PathElement) any {
	switch content := content.(type) {
	case map[string]any:
		if element.FieldName != nil {
			return content[*element.FieldName]
		}
	case []any:
		for i, item := range content {
			fields, _ := item.(map[string]any)
			switch {
			case element.Key != nil && hasFields(fields, *element.Key),
				element.Value != nil && value.Equals(value.NewValueInterface(item), *element.Value),
				element.Index != nil && *element.Index == i:
				return item
			}
		}
	}
	return nil
}

func hasFields(item map[string]any, key value.FieldList) bool {
	for _, field := range key {
		if is, has := item[field.Name]; !has || !value.Equals(value.NewValueInterface(is), field.Value) {
			return false
		}
	}
	return true
}

package entries

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	kjson "sigs.k8s.io/json"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Entry is one valid entry.
type Entry struct {
	// Namespace is the tenant's namespace.
	Namespace string
	// Spec is the spec of the GatewayTenant, with the fields that the entry sets and no others.
	Spec map[string]any
	// Place describes where the entry is, for messages.
	Place string
	// Line is the first line of the entry in the list, from 1.
	Line int
	// Kept are the independent fields that are rejected and keep the values that the GatewayTenant has.
	Kept []string

	lines [len(independent)]int // of the independent fields, or 0
}

// LineOf returns the line of an independent field or, if the entry does not set it, the line of the entry.
func (e Entry) LineOf(field string) int {
	if line := e.lines[slices.Index(independent[:], field)]; line > 0 {
		return line
	}
	return e.Line
}

// independent are the fields of an entry's gateway on which no other field depends. If only these are rejected and the
// GatewayTenant exists, the rest of the entry is applied, and these fields stay as they are.
var independent = [...]string{"network", "serverDnsNames", "storage"}

// IndependentField returns the independent field that contains the path, which starts with prefix. It is empty if none does.
func IndependentField(path, prefix string) string {
	path, is := strings.CutPrefix(path, prefix)
	end := strings.IndexAny(path, ".[")
	if end < 0 {
		end = len(path)
	}
	if !is || !slices.Contains(independent[:], path[:end]) {
		return ""
	}
	return path[:end]
}

// linesOf returns the lines of the independent fields of an entry. A line is 0 if the entry does not set the field itself.
func linesOf(item *yaml.Node) (lines [len(independent)]int) {
	gateway := Child(item, "gateway")
	for i, field := range independent {
		if value := Child(gateway, field); value != nil {
			lines[i] = value.Line
		}
	}
	return lines
}

// entryHash is the hash of an entry's JSON.
type entryHash [sha256.Size]byte

// entryReader reads entries. It does not check those again that were valid before.
type entryReader struct {
	platform      manifests.Platform
	sizer         sizer
	before, valid map[entryHash]Entry
}

// measure returns the total size of a list's entries with aliases expanded, and for each entry an error if its own size or
// depth exceeds the bounds; such an entry does not count. It returns an error if the total exceeds the bound of one list or
// the budget.
func (r entryReader) measure(items []*yaml.Node, budget int) (total int, refused []error, err error) {
	refused = make([]error, len(items))
	for i, item := range items {
		size, err := r.sizer.size(item, maxEntrySize)
		total, refused[i] = total+size, err
	}
	const shorten = "shorten entries, or the values that aliases repeat"
	switch {
	case total > maxListSize:
		return 0, nil, fmt.Errorf("its entries have %d bytes with aliases expanded, and at most %d are read; %s", total, maxListSize, shorten)
	case total > budget:
		return 0, nil, fmt.Errorf("its entries have %d bytes with aliases expanded, and only %d of the %d for all ConfigMaps are left; %s", total, budget, maxTotalSize, shorten)
	}
	return total, refused, nil
}

// read reads an entry that is within the bounds. If it returns an error, the entry has only its namespace or, if only
// independent fields are rejected, all other fields.
func (r entryReader) read(item *yaml.Node) (Entry, error) {
	text, err := toJSON(item)
	if err != nil {
		return Entry{Namespace: nameOf(item)}, err
	}
	hash := entryHash(sha256.Sum256(text))
	entry, known := r.before[hash]
	if !known {
		if entry, err = r.check(item, text); err != nil {
			return entry, err
		}
	}
	r.valid[hash] = entry
	return entry, nil
}

// check checks an entry as far as that is possible without the cluster.
func (r *entryReader) check(item *yaml.Node, text []byte) (Entry, error) {
	entry := Entry{Namespace: nameOf(item)}
	var fields struct {
		Name    string         `json:"name"`
		Gateway map[string]any `json:"gateway"`
	}
	if err := decode(text, &fields); err != nil {
		return entry, at(item, "", err)
	}
	if problems := validation.IsDNS1123Label(fields.Name); len(problems) > 0 {
		// It is not known which namespace is meant, so this entry may belong to any tenant.
		return Entry{}, at(item, "", newFieldError("name", fmt.Sprintf("%q is not the name of a namespace: %s", fields.Name, strings.Join(problems, "; "))))
	}
	if fields.Gateway == nil {
		return entry, at(item, "", newFieldError("gateway", "is missing; give the spec of a GatewayTenant"))
	}
	entry = Entry{Namespace: fields.Name, Spec: fields.Gateway}
	rejected := r.checkGateway(item, entry)
	for err := rejected; err != nil; err = r.checkGateway(item, entry) {
		field := ""
		if positioned, is := errors.AsType[*positionError](err); is {
			field = IndependentField(positioned.field, "gateway.")
		}
		if field == "" || slices.Contains(entry.Kept, field) {
			return Entry{Namespace: fields.Name}, rejected
		}
		delete(entry.Spec, field)
		entry.Kept = append(entry.Kept, field)
	}
	return entry, rejected
}

// checkGateway checks the spec of an entry, except for the fields that are kept.
func (r *entryReader) checkGateway(item *yaml.Node, entry Entry) error {
	if _, there := entry.Spec["serverDnsNames"]; !there && !slices.Contains(entry.Kept, "serverDnsNames") {
		return at(item, "", newFieldError("gateway.serverDnsNames", "is missing; give the names under which clients reach the gateway, or []"))
	}
	if field := nullIn("gateway", entry.Spec); field != "" {
		return at(item, "", newFieldError(field, "is null; leave it out, or give it a value"))
	}
	tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: entry.Namespace}}
	if err := convert(entry.Spec, &tenant.Spec); err != nil {
		return at(item, "gateway.", err)
	}
	if _, err := manifests.NewTenant(tenant, r.platform); err != nil {
		return at(item, "", inEntry(err))
	}
	return nil
}

// nullIn returns the path of the first null in the value at a path. It is empty if there is none. The API server drops null
// fields, so the field would silently have its default.
func nullIn(path string, value any) string {
	switch value := value.(type) {
	case nil:
		return path
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if found := nullIn(path+"."+key, value[key]); found != "" {
				return found
			}
		}
	case []any:
		for i, item := range value {
			if found := nullIn(fmt.Sprintf("%s[%d]", path, i), item); found != "" {
				return found
			}
		}
	}
	return ""
}

// nameOf returns the namespace of an entry. It is empty unless the entry has exactly one name, which is a string.
func nameOf(item *yaml.Node) string {
	if item.Kind == yaml.AliasNode {
		item = item.Alias
	}
	if item.Kind != yaml.MappingNode || len(item.Content) > 2*maxKeys {
		return ""
	}
	found := ""
	for i := 0; i+1 < len(item.Content); i += 2 {
		if item.Content[i].Value != "name" && item.Content[i].ShortTag() == "!!str" {
			continue
		}
		value := item.Content[i+1]
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if found != "" || value.Kind != yaml.ScalarNode || value.ShortTag() != "!!str" || len(validation.IsDNS1123Label(value.Value)) > 0 {
			return ""
		}
		found = value.Value
	}
	return found
}

// convert converts a decoded value to the type of into.
func convert(value, into any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return decode(text, into)
}

// decode decodes JSON as the API server does: field names are case-sensitive, and unknown and repeated fields are errors.
func decode(text []byte, into any) error {
	unknown, err := kjson.UnmarshalStrict(text, into)
	return errors.Join(append(unknown, err)...)
}

package entries

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"

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
	// Line is the first line of the entry in the list, from 1, and Index its index, from 0.
	Line, Index int
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

// linesOf returns the lines of the independent fields of an entry. A line is 0 if the entry does not set the field.
func linesOf(item *yaml.Node) (lines [len(independent)]int) {
	gateway := Child(item, "gateway")
	for i, field := range independent {
		if at, _ := child(gateway, field); at != nil {
			lines[i] = at.Line
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

// read reads an entry that is within the bounds. If there are faults, the entry has only its namespace or, if only independent fields
// are at fault, all other fields.
func (r entryReader) read(item *yaml.Node) (Entry, []Fault) {
	value, faults := toValue(item)
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // it consists of values of JSON
	}
	hash := entryHash(sha256.Sum256(text))
	entry, known := r.before[hash]
	if !known || len(faults) > 0 {
		if entry, faults = check(item, value, faults, r.platform); len(faults) > 0 {
			return entry, faults
		}
	}
	r.valid[hash] = entry
	return entry, nil
}

// nameOf returns the namespace of an entry whose values cannot all be read. It is empty unless the entry itself has exactly one name,
// which is a text. That name takes precedence over one that the entry merges.
func nameOf(item *yaml.Node) string {
	item = resolved(item)
	if item.Kind != yaml.MappingNode || len(item.Content) > 2*maxKeys {
		return ""
	}
	found := ""
	for i := 0; i+1 < len(item.Content); i += 2 {
		key, value := resolved(item.Content[i]), resolved(item.Content[i+1])
		if key.Kind != yaml.ScalarNode || key.Value != "name" {
			continue
		}
		name, isText := (&converter{scalars: map[scalar]any{}}).scalar(value).(string)
		if found != "" || value.Kind != yaml.ScalarNode || !isText || len(validation.IsDNS1123Label(name)) > 0 {
			return ""
		}
		found = name
	}
	return found
}

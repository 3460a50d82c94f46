package platformconfig

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	kjson "sigs.k8s.io/json"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// entryHash is the hash of an entry's JSON.
type entryHash [sha256.Size]byte

// entryReader reads entries, and knows those that were valid before.
type entryReader struct {
	platform      manifests.Platform
	expander      expander
	before, valid map[entryHash]Entry
}

// measure returns the size of a list's entries with aliases expanded, and for each entry why it is refused for its own size
// or depth; such an entry does not count. It fails if the others together are larger than one list may be or than there is
// room for.
func (r entryReader) measure(items []*yaml.Node, room int) (total int, refused []error, err error) {
	refused = make([]error, len(items))
	for i, item := range items {
		size, err := r.expander.size(item, maxEntrySize)
		total, refused[i] = total+size, err
	}
	const shorten = "shorten entries, or the values that aliases repeat"
	switch {
	case total > maxListSize:
		return 0, nil, fmt.Errorf("its entries have %d bytes with aliases expanded, and at most %d are read; %s", total, maxListSize, shorten)
	case total > room:
		return 0, nil, fmt.Errorf("its entries have %d bytes with aliases expanded, and only %d of the %d for all ConfigMaps are left; %s", total, room, maxTotalSize, shorten)
	}
	return total, refused, nil
}

// read reads an entry that is within the bounds. With an error, it returns the namespace alone or, if only independent fields are rejected, the rest of
// the entry.
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

// check checks an entry as far as that can be done without the cluster.
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
		// Nor is it known which namespace is meant, so this entry may be that of any tenant.
		return Entry{}, at(item, "", fieldError("name", fmt.Sprintf("%q is not the name of a namespace: %s", fields.Name, strings.Join(problems, "; "))))
	}
	if fields.Gateway == nil {
		return entry, at(item, "", fieldError("gateway", "is missing; give the spec of a GatewayTenant"))
	}
	entry = Entry{Namespace: fields.Name, Spec: fields.Gateway}
	rejected := r.checkGateway(item, entry)
	for err := rejected; err != nil; err = r.checkGateway(item, entry) {
		field := ""
		if placed, is := errors.AsType[*placedError](err); is {
			field = independentIn(placed.field, "gateway.")
		}
		if field == "" || slices.Contains(entry.Kept, field) {
			return Entry{Namespace: fields.Name}, rejected
		}
		delete(entry.Spec, field)
		entry.Kept = append(entry.Kept, field)
	}
	return entry, rejected
}

// checkGateway checks the spec of an entry, but for the fields that are kept.
func (r *entryReader) checkGateway(item *yaml.Node, entry Entry) error {
	if _, there := entry.Spec["serverDnsNames"]; !there && !slices.Contains(entry.Kept, "serverDnsNames") {
		return at(item, "", fieldError("gateway.serverDnsNames", "is missing; give the names under which clients reach the gateway, or []"))
	}
	if field := nullIn("gateway", entry.Spec); field != "" {
		return at(item, "", fieldError(field, "is null; leave it out, or give it a value"))
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

// nameOf is the namespace of an entry, as far as the entry tells it without a doubt: by one name, which is text.
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

// convert makes a value of the given type from what was decoded.
func convert(value, into any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return decode(text, into)
}

// decode decodes JSON as the API server does: names of fields to the letter, no unknown fields, none twice.
func decode(text []byte, into any) error {
	unknown, err := kjson.UnmarshalStrict(text, into)
	return errors.Join(append(unknown, err)...)
}

// entryError is what is wrong with a field of an entry.
type entryError struct{ field, message string }

func fieldError(field, message string) error { return &entryError{field, field + " " + message} }

func (e *entryError) Error() string { return e.message }

// inEntry says what is wrong with a GatewayTenant in terms of the entry: its spec is the entry's gateway.
func inEntry(err error) error {
	rejected := new(manifests.RejectedError)
	if !errors.As(err, &rejected) {
		return err
	}
	field, is := strings.CutPrefix(rejected.Field, "spec.")
	if !is {
		return err
	}
	field = "gateway." + field
	return &entryError{field, strings.Replace(rejected.Message, rejected.Field, field, 1)}
}

// unknownField is how a strict decoder names a field that there is not.
var unknownField = regexp.MustCompile(`unknown field "([^"]+)"`)

// at adds the line of the field that an error is about. Prefix is the path of what was decoded.
func at(item *yaml.Node, prefix string, err error) error {
	field, message := "", err.Error()
	if is := new(entryError); errors.As(err, &is) {
		field = is.field
	} else if found := unknownField.FindStringSubmatch(message); found != nil {
		field = prefix + found[1]
		message = fmt.Sprintf("%s is not a field that there is", field)
	} else if mistyped, is := errors.AsType[*json.UnmarshalTypeError](err); is {
		field = prefix + mistyped.Field
		message = fmt.Sprintf("%s is a %s and must be a %s", field, mistyped.Value, mistyped.Type)
	} else {
		return err
	}
	node := item
	for _, step := range Steps(field) {
		next := Child(node, step)
		if next == nil {
			break
		}
		node = next
	}
	if node.Kind == yaml.ScalarNode && !strings.Contains(node.Value, "\n") && !strings.Contains(message, node.Value) {
		message = fmt.Sprintf("%s (%q)", message, node.Value)
	}
	return &placedError{node.Line, message, field}
}

// placedError is what is wrong in a line of the list.
type placedError struct {
	line    int
	message string
	field   string // empty if it is about no field in particular
}

func atLine(line int, format string, args ...any) error {
	return &placedError{line: line, message: fmt.Sprintf(format, args...)}
}

func (e *placedError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.message) }

// Steps splits the path of a field: a.b[0] is a, b, 0.
func Steps(field string) []string {
	return strings.FieldsFunc(field, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
}

// Child is a field of a mapping or an item of a list; nil: there is none.
func Child(node *yaml.Node, step string) *yaml.Node {
	if node == nil {
		return nil
	}
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == step {
				return node.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(node.Content) {
			return node.Content[i]
		}
	}
	return nil
}

package entries

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
)

// Refusal is an entry that is not valid.
type Refusal struct {
	// Namespace is the tenant's namespace. It is empty if it cannot be read.
	Namespace string
	// Message names the entry, the field, the value, the line and the way out.
	Message string
	// Place describes where the entry is.
	Place string
	// Line is the line of the error, from 1.
	Line int
	// Rest is the entry without what is rejected. It is nil if nothing of the entry may be applied.
	Rest *Entry
}

// Source is the content of one ConfigMap.
type Source struct {
	// Origin is the ConfigMap, as namespace/name.
	Origin string
	// Confirmed is the token of the hold that an annotation of the ConfigMap confirms.
	Confirmed string
	// Empty reports whether the list is the literal [].
	Empty    bool
	Entries  []Entry
	Refusals []Refusal
	// Err is set if the ConfigMap cannot be read. Its entries are unknown then, which is not the same as an empty list.
	Err error
}

// items returns the items of a ConfigMap's list, each with its position in the text.
func items(config *corev1.ConfigMap) ([]*yaml.Node, error) {
	text, there := config.Data[Key]
	if !there {
		return nil, fmt.Errorf("the key %q is missing; for no tenants at all write []", Key)
	}
	if err := CheckText(text, MaxValues); err != nil {
		return nil, fmt.Errorf("the key %q %w; split it over several ConfigMaps with the label %s=true", Key, err, LabelShard)
	}
	var document yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the key %q is empty; for no tenants at all write []", Key)
	} else if err != nil {
		return nil, fmt.Errorf("the key %q is not YAML: %w", Key, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the key %q holds more than one document, or its end is not YAML; keep one list", Key)
	}
	root := document.Content[0]
	if root.Kind != yaml.SequenceNode || root.ShortTag() != "!!seq" {
		if root.ShortTag() == "!!null" {
			return nil, fmt.Errorf("the key %q is empty; for no tenants at all write []", Key)
		}
		return nil, fmt.Errorf("the key %q is not a list of entries (line %d); write - {name: …, gateway: {…}}", Key, root.Line)
	}
	if many := len(root.Content); many > maxEntries {
		return nil, fmt.Errorf("the key %q has %d entries, and at most %d are read; split it over several ConfigMaps with the label %s=true", Key, many, maxEntries, LabelShard)
	}
	return root.Content, nil
}

// readEntries reads every entry independently, so that an invalid one does not affect others. A namespace that is listed
// twice is refused in both places, since neither takes precedence. Errs are the errors of entries that exceed the bounds.
func (s *Source) readEntries(items []*yaml.Node, errs []error, reader entryReader) {
	places := map[string][]string{}
	entries := make([]Entry, len(items))
	for i, item := range items {
		if errs[i] == nil {
			entries[i], errs[i] = reader.read(item)
		} else {
			entries[i].Namespace = nameOf(item)
		}
		entries[i].Place, entries[i].Line = fmt.Sprintf("entry %d, line %d", i, item.Line), item.Line
		entries[i].lines = linesOf(item)
		if name := entries[i].Namespace; name != "" {
			places[name] = append(places[name], entries[i].Place)
		}
	}
	size, limit := 0, MaxMessage
	for i, entry := range entries {
		err, others := errs[i], places[entry.Namespace]
		if err == nil && len(others) > 1 {
			err = fmt.Errorf("the namespace is listed more than once (%s); keep one of them", firstFew(others))
		}
		if err != nil {
			text := message.Truncate(fmt.Sprintf("%s (namespace %q): %v", entry.Place, entry.Namespace, err), limit)
			if size += len(text); size > maxMessages {
				limit = shortMessage
			}
			refusal := Refusal{Namespace: entry.Namespace, Message: text, Place: entry.Place, Line: entry.Line}
			if len(entry.Kept) > 0 && len(others) == 1 {
				refusal.Rest = &entry
			}
			if positioned, is := errors.AsType[*positionError](err); is {
				refusal.Line = positioned.line
			}
			s.Refusals = append(s.Refusals, refusal)
			continue
		}
		s.Entries = append(s.Entries, entry)
	}
}

// Bounds on messages: entries may have any size, and thousands of them may be invalid.
const (
	// MaxMessage is the maximum number of bytes of the message about an entry.
	MaxMessage = 2000
	// maxMessages is the number of bytes of all messages of a list after which further messages have shortMessage bytes.
	maxMessages  = 1 << 20
	shortMessage = 150
)

// firstFew joins the first three places.
func firstFew(places []string) string {
	const few = 3
	if more := len(places) - few; more > 0 {
		return fmt.Sprintf("%s; and %d more", strings.Join(places[:few], "; "), more)
	}
	return strings.Join(places, "; ")
}

// Namespaces returns the namespaces of all entries of the source, valid or not, each once.
func (s *Source) Namespaces() []string {
	var names []string
	for _, entry := range s.Entries {
		names = append(names, entry.Namespace)
	}
	for _, refusal := range s.Refusals {
		names = append(names, refusal.Namespace)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

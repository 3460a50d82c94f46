package entries

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	kmessage "github.com/ambient-code/gatewaytenant-operator/manifests/message"
)

// Refusal is an entry that is not valid.
type Refusal struct {
	// Namespace is the tenant's namespace. It is empty if it cannot be read.
	Namespace string
	// Message names the entry and, for each error, the line, the field, the value and the way out.
	Message string
	// Place describes where the entry is.
	Place string
	// Line is the line of the first error, from 1, and Index the index of the entry, from 0.
	Line, Index int
	// Faults are the errors that the message shows, and More is the number of those for which it has no room. [Check] returns all.
	Faults []Fault
	More   int
	// Rest is the entry without what is rejected. It is nil if nothing of the entry may be applied.
	Rest *Entry
}

// Source is the content of one ConfigMap.
type Source struct {
	// Origin is the ConfigMap, as namespace/name.
	Origin string
	// Name is what GatewayTenants record as their source, as namespace/name. It is Origin unless the ConfigMap sets another one.
	Name string
	// Confirmed is the token of the hold that an annotation of the ConfigMap confirms.
	Confirmed string
	// Empty reports whether the list is the literal [].
	Empty    bool
	Entries  []Entry
	Refusals []Refusal
	// Err is set if the ConfigMap cannot be read. Its entries are unknown then, which is not the same as an empty list.
	Err error
}

// Items returns the items of a ConfigMap's list, each with its position in the text.
func Items(config *corev1.ConfigMap) ([]*yaml.Node, error) {
	text, there := config.Data[Key]
	if !there {
		return nil, fmt.Errorf("the key %q is missing%s; for no tenants at all write []", Key, otherKeys(config))
	}
	if err := CheckText(text, MaxValues); err != nil {
		return nil, fmt.Errorf("the key %q %w; split it over several ConfigMaps with the label %s=true", Key, err, LabelShard)
	}
	root, err := Parse(text)
	switch {
	case errors.Is(err, errMore):
		return nil, fmt.Errorf("the key %q %w; keep one list", Key, err)
	case err != nil:
		return nil, fmt.Errorf("the key %q is not YAML: %w", Key, err)
	case root == nil || root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null":
		return nil, fmt.Errorf("the key %q is empty; for no tenants at all write []", Key)
	case root.Kind != yaml.SequenceNode || root.ShortTag() != "!!seq":
		return nil, fmt.Errorf("the key %q is not a list of entries: %w", Key, atLine(root.Line, "it is %s; write - {name: …, gateway: {…}}", nodeKind(root)))
	}
	if many := len(root.Content); many > maxEntries {
		return nil, fmt.Errorf("the key %q has %d entries, and at most %d are read; split it over several ConfigMaps with the label %s=true", Key, many, maxEntries, LabelShard)
	}
	return root.Content, nil
}

// otherKeys names the keys that a ConfigMap has instead of the one that holds the entries.
func otherKeys(config *corev1.ConfigMap) string {
	const most = 5
	keys := slices.Sorted(maps.Keys(config.Data))
	near := kmessage.Nearest(Key, keys)
	switch {
	case near != "":
		return fmt.Sprintf(" (did you write %q instead?)", near)
	case len(keys) == 0:
		return ""
	}
	return " (the ConfigMap has " + strings.Join(keys[:min(len(keys), most)], ", ") + ")"
}

// nodeKind returns what YAML calls a value.
func nodeKind(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list with a tag"
	}
	return "a single value"
}

// readEntries reads every entry independently, so that an invalid one does not affect others. A namespace that is listed
// twice is refused in both places, since neither takes precedence. Errs are the errors of entries that exceed the bounds.
func (s *Source) readEntries(items []*yaml.Node, errs []error, reader entryReader) {
	places := map[string][]string{}
	entries, faults, more := make([]Entry, len(items)), make([][]Fault, len(items)), make([]int, len(items))
	kept, keep := 0, MaxMessage
	for i, item := range items {
		if errs[i] == nil {
			entries[i], faults[i] = reader.read(item)
			faults[i], more[i] = shown(faults[i], keep) // all of them may take much memory
			for _, fault := range faults[i] {
				kept += len(fault.Message)
			}
			if kept > maxMessages {
				keep = shortMessage
			}
			entries[i].lines = linesOf(item)
		} else {
			entries[i].Namespace, faults[i] = nameOf(item), []Fault{faultOf(item, errs[i])}
		}
		entries[i].Place, entries[i].Line, entries[i].Index = fmt.Sprintf("entry %d, line %d", i, item.Line), item.Line, i
		if name := entries[i].Namespace; name != "" {
			places[name] = append(places[name], entries[i].Place)
		}
	}
	size, limit := 0, MaxMessage
	for i, entry := range entries {
		others := places[entry.Namespace]
		if len(others) > 1 {
			faults[i] = append(faults[i], Fault{Line: entry.Line, Message: fmt.Sprintf("the namespace is listed more than once (%s); keep one of them", firstFew(others))})
		}
		if len(faults[i]) == 0 {
			s.Entries = append(s.Entries, entry)
			continue
		}
		refusal := refuse(entry, faults[i], more[i], limit)
		if size += len(refusal.Message); size > maxMessages {
			limit = shortMessage
		}
		if len(entry.Kept) > 0 && len(others) == 1 {
			refusal.Rest = &entry
		}
		s.Refusals = append(s.Refusals, refusal)
	}
}

// refuse returns the refusal of an entry. Its message has at most about limit bytes, and at least the first fault. More is the number of
// faults that are not among those given.
func refuse(entry Entry, faults []Fault, more, limit int) Refusal {
	text := fmt.Sprintf("%s (namespace %q): ", entry.Place, entry.Namespace)
	shown := 0
	for shown < len(faults) && (shown == 0 || len(text)+len(faults[shown].Message) < limit) {
		if shown > 0 {
			text += "; "
		}
		text += faults[shown].Error()
		shown++
	}
	refusal := Refusal{Namespace: entry.Namespace, Place: entry.Place, Line: faults[0].Line, Index: entry.Index, More: more + len(faults) - shown}
	if text = message.Truncate(text, limit); refusal.More > 0 {
		text += fmt.Sprintf(" (and %d more)", refusal.More)
	}
	refusal.Message = text
	if limit == MaxMessage {
		refusal.Faults = slices.Clone(faults[:shown])
	} else {
		refusal.More = more + len(faults)
	}
	return refusal
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

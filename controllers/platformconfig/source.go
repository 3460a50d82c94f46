package platformconfig

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Key is the key of a ConfigMap that holds the entries: a YAML list of {name, gateway}, where gateway is the spec of a
// GatewayTenant.
const Key = "namespaces"

// Entry is one valid entry.
type Entry struct {
	// Namespace is the tenant's.
	Namespace string
	// Spec is the spec of the GatewayTenant, with the fields that the entry sets and no others.
	Spec map[string]any
	// Place says where the entry is, for messages.
	Place string
	// Line is the line of the list that the entry begins in, from 1.
	Line int
	// Kept are the independent fields that are rejected and keep the values that the GatewayTenant has.
	Kept []string

	lines [len(independent)]int // of the independent fields
}

// Refusal is an entry that is not valid.
type Refusal struct {
	// Namespace is the tenant's; empty if the entry does not even tell that.
	Namespace string
	// Message names the entry, the field, the value, the line and the way out.
	Message string
	// Place says where the entry is.
	Place string
	// Line is that of what is wrong, from 1.
	Line int
	// Rest is the entry without what is rejected. It is nil if nothing of the entry may be applied.
	Rest *Entry
}

// Source is what one ConfigMap says.
type Source struct {
	// Origin is the ConfigMap, as namespace/name.
	Origin string
	// Confirmed is the plan that an annotation of the ConfigMap confirms.
	Confirmed string
	// Empty tells that it is the literal [].
	Empty    bool
	Entries  []Entry
	Refusals []Refusal
	// Err is why nothing can be known from the ConfigMap; that is not an empty list.
	Err error

	valid map[entryHash]Entry
	size  int // of the entries that were read, with aliases expanded
	room  int // the room that was left for the entries of all ConfigMaps when this one was read
}

// Read reads the entries of a ConfigMap.
func Read(config *corev1.ConfigMap, platform manifests.Platform) Source {
	return Source{}.reread(config, platform, maxTotalSize)
}

// ReadAll reads the entries of ConfigMaps. The first ones take their share of the room for all of them first.
func ReadAll(configs []*corev1.ConfigMap, platform manifests.Platform) []Source {
	var sources []Source
	room := maxTotalSize
	for _, config := range configs {
		source := Source{}.reread(config, platform, room)
		sources = append(sources, source)
		room -= source.size
	}
	return sources
}

// fits reports whether reading the source's ConfigMap again, with another room for the entries of all ConfigMaps, returns
// the same source.
func (s Source) fits(room int) bool {
	return room == s.room || min(room, s.room) >= maxListSize
}

// reread reads a ConfigMap that said s before. Most of its entries are the same then, and are not checked again: that is
// what takes the time. Room is how large its entries may be with aliases expanded, as far as other ConfigMaps decide that.
func (s Source) reread(config *corev1.ConfigMap, platform manifests.Platform, room int) Source {
	source := Source{Origin: config.Namespace + "/" + config.Name, Confirmed: config.Annotations[AnnotationConfirm], room: room}
	items, err := list(config)
	if err != nil {
		source.Err = err
		return source
	}
	reader := entryReader{platform: platform, expander: expander{map[*yaml.Node]extent{}}, before: s.valid, valid: map[entryHash]Entry{}}
	size, refused, err := reader.measure(items, room)
	if err != nil {
		source.Err = err
		return source
	}
	source.size = size
	source.Empty = len(items) == 0
	source.readEntries(items, refused, reader)
	return source
}

// list are the items of a ConfigMap's list, each with its place in the text.
func list(config *corev1.ConfigMap) ([]*yaml.Node, error) {
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

// readEntries reads every entry by itself, so that a bad one refuses itself alone. A namespace that is listed twice is
// refused in both places: none is righter than the other. Errs are those of entries that are beyond the bounds.
func (s *Source) readEntries(items []*yaml.Node, errs []error, reader entryReader) {
	s.valid = reader.valid
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
	messages, most := 0, mostMessage
	for i, entry := range entries {
		err, others := errs[i], places[entry.Namespace]
		if err == nil && len(others) > 1 {
			err = fmt.Errorf("the namespace is listed more than once (%s); keep one of them", some(others))
		}
		if err != nil {
			problem := message.Truncate(fmt.Sprintf("%s (namespace %q): %v", entry.Place, entry.Namespace, err), most)
			if messages += len(problem); messages > mostMessages {
				most = fewMessage
			}
			refusal := Refusal{Namespace: entry.Namespace, Message: problem, Place: entry.Place, Line: entry.Line}
			if len(entry.Kept) > 0 && len(others) == 1 {
				refusal.Rest = &entry
			}
			if placed, is := errors.AsType[*placedError](err); is {
				refusal.Line = placed.line
			}
			s.Refusals = append(s.Refusals, refusal)
			continue
		}
		s.Entries = append(s.Entries, entry)
	}
}

// mostMessage is how many bytes of a message are kept: entries may have any size, and there may be thousands.
// Beyond mostMessages bytes of all messages of a list, further ones have fewMessage bytes each.
const (
	mostMessage  = 2000
	mostMessages = 1 << 20
	fewMessage   = 150
)

// some are the first few of many places.
func some(places []string) string {
	const few = 3
	if more := len(places) - few; more > 0 {
		return fmt.Sprintf("%s; and %d more", strings.Join(places[:few], "; "), more)
	}
	return strings.Join(places, "; ")
}

// namespaces are all that the source lists, validly or not, each once.
func (s *Source) namespaces() []string {
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

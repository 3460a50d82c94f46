package platformconfig

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds on the YAML that is read. An alias repeats what its anchor marks, so a short text may stand for gigabytes, and a
// parser needs some 200 bytes for each value. What these bounds allow is far beyond what a GatewayTenant can hold.
const (
	// MaxValues is how many YAML values a list of entries may have, as [CheckText] counts them.
	MaxValues = 300_000
	// maxEntries is how many entries one list may have.
	maxEntries = 25_000
	// maxDepth is how deeply the values of an entry may be nested.
	maxDepth = 32
	// maxKeys is how many keys one mapping may have.
	maxKeys = 256
	// maxEntrySize, maxListSize and maxTotalSize are the sizes that an entry, the entries of one ConfigMap and those of
	// all ConfigMaps may have with aliases expanded.
	maxEntrySize = 256 << 10
	maxListSize  = 8 << 20
	maxTotalSize = 16 << 20
	// valueSize is what each value counts in addition to its text.
	valueSize = 16
)

// CheckText reports an error if a text may have more YAML values than the given number, without parsing it. It counts
// punctuation: each value needs a comma, a colon or another indicator, so there are never more values than it counts.
func CheckText(text string, most int) error {
	count := 1
	for i := range len(text) {
		switch text[i] {
		case ',', ':', '?':
			count += 2 // a key and its value, or an item
		case '[', '{':
			count++
		case '-':
			if i+1 == len(text) || strings.IndexByte(" \t\r\n", text[i+1]) >= 0 {
				count++
			}
		}
	}
	if count > most {
		return fmt.Errorf("holds about %d YAML values, estimated from its punctuation, and at most %d are read", count, most)
	}
	return nil
}

// extent is how large a YAML value is with aliases expanded.
type extent struct {
	size, depth int
	err         error // what makes it unreadable, whatever its size
}

// expander measures YAML values. What an anchor marks it measures once, however often aliases repeat it.
type expander struct {
	anchored map[*yaml.Node]extent
}

// ToJSON converts a YAML value of at most size bytes, with aliases expanded, to JSON. Its errors name a line.
func ToJSON(node *yaml.Node, size int) ([]byte, error) {
	if _, err := (expander{map[*yaml.Node]extent{}}).size(node, size); err != nil {
		return nil, err
	}
	return toJSON(node)
}

// size returns the size of a value that may have at most the given size, without expanding it.
func (e expander) size(node *yaml.Node, most int) (int, error) {
	is := e.measure(node)
	switch {
	case is.err != nil:
		return 0, is.err
	case is.depth > maxDepth:
		return 0, atLine(node.Line, "is nested more than %d levels deep; make it flatter", maxDepth)
	case is.size > most:
		return 0, atLine(node.Line, "has %d bytes with aliases expanded, and at most %d are read; shorten it", is.size, most)
	}
	return is.size, nil
}

// measure computes the extent of a value. It visits each node of the text once.
func (e expander) measure(node *yaml.Node) extent {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Anchor == "" {
		return e.measureContent(node)
	}
	if known, is := e.anchored[node]; is {
		return known
	}
	e.anchored[node] = extent{err: atLine(node.Line, "the anchor %q marks a value that contains itself; remove that alias", node.Anchor)}
	is := e.measureContent(node)
	e.anchored[node] = is
	return is
}

func (e expander) measureContent(node *yaml.Node) extent {
	is := extent{size: len(node.Value) + valueSize, depth: 1}
	if node.Kind == yaml.MappingNode && len(node.Content) > 2*maxKeys {
		is.err = atLine(node.Line, "a mapping has %d keys, and at most %d are read; remove some", len(node.Content)/2, maxKeys)
	}
	for _, child := range node.Content {
		of := e.measure(child)
		is.size = min(is.size+of.size, math.MaxInt32) // sums of sums overflow otherwise
		is.depth = max(is.depth, of.depth+1)
		if is.err == nil {
			is.err = of.err
		}
	}
	return is
}

// toJSON converts a value whose size is known to be within bounds.
func toJSON(node *yaml.Node) ([]byte, error) {
	value, err := plain(node)
	if err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

// plain returns a YAML value as JSON has it: a map, a slice or a scalar. The library's Decode of a whole value does not fit:
// it refuses a value of more than 1,000 nodes that are mostly below an alias, whatever its size.
func plain(node *yaml.Node) (any, error) {
	switch node.Kind {
	case yaml.AliasNode:
		return plain(node.Alias)
	case yaml.MappingNode:
		fields := map[string]any{}
		return fields, addFields(fields, node)
	case yaml.SequenceNode:
		items := make([]any, len(node.Content))
		for i, item := range node.Content {
			var err error
			if items[i], err = plain(item); err != nil {
				return nil, err
			}
		}
		return items, nil
	}
	if node.ShortTag() == "!!str" {
		return node.Value, nil
	}
	var value any
	if err := node.Decode(&value); err != nil {
		return nil, atLine(node.Line, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if number, is := value.(float64); is && (math.IsInf(number, 0) || math.IsNaN(number)) {
		return nil, atLine(node.Line, "%q is not a number in JSON; write a finite number", node.Value)
	}
	return value, nil
}

// addFields adds to fields those of a mapping that are not in them yet: first its own, then those that it merges with <<.
func addFields(fields map[string]any, node *yaml.Node) error {
	lines := map[string]int{}
	var merged *yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		merge := key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge"
		if !merge && (key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str") {
			return atLine(node.Content[i].Line, "has a key that is not a string; put it in quotes")
		}
		if line := lines[key.Value]; line != 0 {
			return atLine(node.Content[i].Line, "mapping key %q already defined at line %d", key.Value, line)
		}
		lines[key.Value] = node.Content[i].Line
		if merge {
			merged = value
			continue
		}
		if _, is := fields[key.Value]; is {
			continue
		}
		var err error
		if fields[key.Value], err = plain(value); err != nil {
			return err
		}
	}
	if merged == nil {
		return nil
	}
	return addMerged(fields, merged)
}

// addMerged adds the fields of a mapping, or of a list of mappings, the first of which take precedence.
func addMerged(fields map[string]any, merged *yaml.Node) error {
	all := []*yaml.Node{merged}
	if merged.Kind == yaml.SequenceNode {
		all = merged.Content
	}
	for _, one := range all {
		if one.Kind == yaml.AliasNode {
			one = one.Alias
		}
		if one.Kind != yaml.MappingNode {
			return atLine(one.Line, "<< merges something that is not a mapping; give it a mapping, or a list of mappings")
		}
		if err := addFields(fields, one); err != nil {
			return err
		}
	}
	return nil
}

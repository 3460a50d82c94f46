package entries

import (
	"encoding/json"
	"math"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ToJSON converts a YAML value to JSON. It returns an error, which names a line, if the value has more than limit bytes with
// aliases expanded.
func ToJSON(node *yaml.Node, limit int) ([]byte, error) {
	if _, err := newSizer().size(node, limit); err != nil {
		return nil, err
	}
	return toJSON(node)
}

// toJSON converts a value whose size is within the bounds.
func toJSON(node *yaml.Node) ([]byte, error) {
	value, err := plain(node)
	if err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

// plain returns a YAML value as JSON represents it: a map, a slice or a scalar. The library's Decode of a whole value cannot
// be used: it rejects a value of more than 1,000 nodes that are mostly below an alias, whatever its size.
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

// addFields adds the fields of a mapping that fields does not contain yet: first its own, then those that it merges with <<.
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

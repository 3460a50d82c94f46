package entries

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	kyaml "sigs.k8s.io/yaml"

	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
)

// CheckValue returns an error, which names a line, if a YAML value has more than limit bytes with aliases expanded, or has no JSON.
func CheckValue(node *yaml.Node, limit int) error {
	if _, err := newSizer().size(node, limit); err != nil {
		return err
	}
	if _, faults := toValue(node); len(faults) > 0 {
		return faults[0]
	}
	return nil
}

// toValue converts a YAML value whose size is within the bounds to a value as JSON represents it: a map, a list, a string, a bool, nil or
// a [json.Number].
func toValue(node *yaml.Node) (any, []Fault) {
	c := converter{scalars: map[scalar]any{}}
	return c.value(node), c.faults
}

// converter converts values, and records what has no JSON. The library's Decode of a whole value cannot be used: it reads scalars
// otherwise than kubectl, and it rejects a value of more than 1,000 nodes that are mostly below an alias, whatever its size.
type converter struct {
	scalars map[scalar]any
	path    []string // of the value that is converted
	faults  []Fault
	counter faultCounter
}

// scalar is what decides on the value of a scalar.
type scalar struct {
	tag, text string
	quoted    bool
}

func (c *converter) fault(node *yaml.Node, text string) {
	if c.counter.counted(c.faults, c.path) {
		return
	}
	field := pathText(c.path)
	c.faults = append(c.faults, Fault{Field: field, Line: node.Line, Message: strings.TrimSpace(field + " " + text)})
}

// below converts a value at one more step of the path.
func (c *converter) below(step string, node *yaml.Node) any {
	c.path = append(c.path, step)
	value := c.value(node)
	c.path = c.path[:len(c.path)-1]
	return value
}

func (c *converter) value(node *yaml.Node) any {
	switch node.Kind {
	case yaml.AliasNode:
		return c.value(node.Alias)
	case yaml.MappingNode:
		fields := map[string]any{}
		c.addFields(fields, node)
		return fields
	case yaml.SequenceNode:
		items := make([]any, len(node.Content))
		for i, item := range node.Content {
			items[i] = c.below(strconv.Itoa(i), item)
		}
		return items
	}
	return c.scalar(node)
}

// scalar returns the value of a scalar: that of kubectl's library, which reads YAML 1.1. A number without JSON is a fault.
func (c *converter) scalar(node *yaml.Node) any {
	of := scalar{text: node.Value, quoted: node.Style&^yaml.TaggedStyle != 0}
	if node.Style&yaml.TaggedStyle != 0 {
		of.tag = node.LongTag()
	}
	if of.tag == "" && (of.quoted || !mayResolve(of.text)) {
		return of.text
	}
	value, known := c.scalars[of]
	if !known {
		converted, err := kyaml.YAMLToJSON(of.document())
		decoder := json.NewDecoder(bytes.NewReader(converted))
		decoder.UseNumber()
		if err != nil || decoder.Decode(&value) != nil {
			c.fault(node, "is "+strconv.Quote(message.TruncateMiddle(node.Value))+", which JSON cannot express; if a text is meant, put it in quotes")
			return node.Value
		}
		c.scalars[of] = value
	}
	return value
}

// document returns the scalar as a document of its own.
func (s scalar) document() []byte {
	text := s.text
	if quoted, err := json.Marshal(s.text); err == nil && (s.quoted || !isWord(text)) { // of several lines, the text has been joined
		text = escapeJSON(string(quoted))
	}
	if s.tag != "" {
		text = "!<" + s.tag + "> " + text
	}
	return []byte(text)
}

// mayResolve reports whether a plain scalar can be something else than a text: a number, or a word such as yes or null.
func mayResolve(text string) bool {
	const longestWord, longestNumber = 5, 400 // a longer number is as wrong as a text, since no field is a number
	switch {
	case text == "":
		return true
	case strings.Trim(text, "-") == "" || text == "...": // as a document of its own, it would mean something else
		return false
	case strings.IndexByte("yYnNtTfFoO~", text[0]) >= 0:
		return len(text) <= longestWord && isWord(text)
	case strings.IndexByte("+-.0123456789", text[0]) >= 0:
		return len(text) <= longestNumber && isWord(text)
	}
	return false
}

// isWord reports whether a text has only characters that numbers, dates and the words of YAML have.
func isWord(text string) bool {
	for i := range len(text) {
		c := text[i]
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && strings.IndexByte("+-._~", c) < 0 {
			return false
		}
	}
	return true
}

// addFields adds the fields of a mapping that fields does not contain yet: first its own, then those that it merges with <<.
func (c *converter) addFields(fields map[string]any, node *yaml.Node) {
	lines := map[string]int{}
	var merged *yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		name, is := c.key(key)
		if !is {
			c.fault(key, "has a key that is not a text; put it in quotes")
			continue
		}
		if line := lines[name]; line != 0 {
			c.fault(key, "has the key "+strconv.Quote(message.TruncateMiddle(name))+" already in line "+strconv.Itoa(line)+"; keep one of them")
			continue
		}
		lines[name] = key.Line
		if isMerge(key) {
			merged = value
		} else if _, is := fields[name]; !is {
			fields[name] = c.below(name, value)
		}
	}
	if merged != nil {
		c.addMerged(fields, merged)
	}
}

// key returns the name of a key, and reports whether it has one. Numbers and booleans are names as kubectl writes them.
func (c *converter) key(key *yaml.Node) (string, bool) {
	key = resolved(key)
	if key.Kind != yaml.ScalarNode {
		return "", false
	}
	if isMerge(key) {
		return key.Value, true
	}
	switch name := c.scalar(key).(type) {
	case string:
		return name, true
	case bool:
		return strconv.FormatBool(name), true
	case json.Number:
		if number, err := strconv.ParseInt(string(name), 10, 64); err == nil {
			return strconv.FormatInt(number, 10), true
		}
	}
	return "", false
}

// addMerged adds the fields of a mapping, or of a list of mappings, the first of which take precedence.
func (c *converter) addMerged(fields map[string]any, merged *yaml.Node) {
	for _, one := range mergedMappings(merged) {
		if one.Kind != yaml.MappingNode {
			c.fault(one, "merges with << something that is not a mapping; give it a mapping, or a list of mappings")
			continue
		}
		c.addFields(fields, one)
	}
}

package entries

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
)

// Fault is one thing that is wrong with an entry.
type Fault struct {
	// Field is the path of the field. It is empty if no field is at fault.
	Field string
	// Line is the line of the list, from 1.
	Line int
	// Message names the field, its value, the cause and the way out.
	Message string

	more int // further faults of the same field, which are only counted
}

// Error returns the message with the line.
func (f Fault) Error() string { return fmt.Sprintf("line %d: %s", f.Line, f.Message) }

func atLine(line int, format string, args ...any) error {
	return Fault{Line: line, Message: fmt.Sprintf(format, args...)}
}

// Steps splits the path of a field: a.b[0] becomes a, b, 0.
func Steps(field string) []string {
	return strings.FieldsFunc(field, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
}

// pathText joins the steps of a path: a, b, 0 becomes a.b[0]. Keys may be long and have any characters.
func pathText(path []string) string {
	var text strings.Builder
	for i, step := range path {
		if strings.ContainsFunc(step, isUnprintable) {
			step = strconv.Quote(step)
		}
		step = message.TruncateMiddle(step)
		switch _, err := strconv.Atoi(step); {
		case err == nil || strings.Contains(step, "."):
			text.WriteString("[" + step + "]")
		case i > 0:
			text.WriteString("." + step)
		default:
			text.WriteString(step)
		}
	}
	return text.String()
}

func isUnprintable(r rune) bool { return !unicode.IsPrint(r) }

// resolved returns the node that an alias stands for, or the node itself.
func resolved(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

func isMerge(key *yaml.Node) bool { return key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge" }

// mergedMappings returns the nodes that a value of << merges.
func mergedMappings(merged *yaml.Node) []*yaml.Node {
	var all []*yaml.Node
	if merged.Kind != yaml.SequenceNode {
		return append(all, resolved(merged))
	}
	for _, one := range merged.Content {
		all = append(all, resolved(one))
	}
	return all
}

// Child returns a field of a mapping, which may be merged, or an item of a list. It returns nil if there is none.
func Child(node *yaml.Node, step string) *yaml.Node {
	_, value := child(node, step)
	return value
}

// child returns a field of a mapping or an item of a list, and the node that names it: the key, or the item itself.
func child(node *yaml.Node, step string) (at, value *yaml.Node) {
	if node == nil {
		return nil, nil
	}
	node = resolved(node)
	switch node.Kind {
	case yaml.MappingNode:
		return childOfMapping(node, step, map[*yaml.Node]bool{})
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(node.Content) {
			return node.Content[i], node.Content[i]
		}
	}
	return nil, nil
}

// childOfMapping skips the mappings in visited, which do not have the field. A mapping may be merged many times, and may merge itself.
func childOfMapping(node *yaml.Node, step string, visited map[*yaml.Node]bool) (at, value *yaml.Node) {
	visited[node] = true
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == step && !isMerge(node.Content[i]) {
			return node.Content[i], node.Content[i+1]
		}
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if !isMerge(node.Content[i]) {
			continue
		}
		for _, one := range mergedMappings(node.Content[i+1]) {
			if one.Kind == yaml.MappingNode && !visited[one] {
				if at, value = childOfMapping(one, step, visited); at != nil {
					return at, value
				}
			}
		}
	}
	return nil, nil
}

// LineOf returns the line of a field: that of its key or, for an item of a list, of the item. If the field does not exist, it returns
// the line of the closest parent that does.
func LineOf(node *yaml.Node, path []string) int {
	line := node.Line
	for _, step := range path {
		at, value := child(node, step)
		if at == nil {
			break
		}
		line, node = at.Line, value
	}
	return line
}

// nodeAt returns the node at a path. It returns nil if there is none.
func nodeAt(node *yaml.Node, path []string) *yaml.Node {
	for _, step := range path {
		if node = Child(node, step); node == nil {
			return nil
		}
	}
	return resolved(node)
}

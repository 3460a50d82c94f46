package entries

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// positionError is an error about a line of the list.
type positionError struct {
	line    int
	message string
	field   string // empty if the error is not about a field
}

func atLine(line int, format string, args ...any) error {
	return &positionError{line: line, message: fmt.Sprintf(format, args...)}
}

func (e *positionError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.message) }

// Steps splits the path of a field: a.b[0] becomes a, b, 0.
func Steps(field string) []string {
	return strings.FieldsFunc(field, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
}

// Child returns a field of a mapping or an item of a list. It returns nil if there is none.
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

// nearest returns the node of a field, or the node of its closest parent that exists.
func nearest(node *yaml.Node, field string) *yaml.Node {
	for _, step := range Steps(field) {
		next := Child(node, step)
		if next == nil {
			break
		}
		node = next
	}
	return node
}

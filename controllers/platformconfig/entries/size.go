package entries

import (
	"fmt"
	"math"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds on the YAML that is read. An alias repeats what its anchor marks, so a short text may stand for gigabytes, and a
// parser needs some 200 bytes for each value. What these bounds allow is far beyond what a GatewayTenant can hold.
const (
	// MaxValues is the maximum number of YAML values of a list of entries, as [CheckText] counts them.
	MaxValues = 300_000
	// maxEntries is the maximum number of entries of one list.
	maxEntries = 25_000
	// maxDepth is the maximum nesting depth of the values of an entry.
	maxDepth = 32
	// maxKeys is the maximum number of keys of one mapping.
	maxKeys = 256
	// maxEntrySize, maxListSize and maxTotalSize are the maximum sizes of an entry, of the entries of one ConfigMap and of
	// those of all ConfigMaps, with aliases expanded.
	maxEntrySize = 256 << 10
	maxListSize  = 8 << 20
	maxTotalSize = 16 << 20
	// valueSize is added to the length of each value.
	valueSize = 16
)

// CheckText returns an error if text may have more than limit YAML values, without parsing it. It counts punctuation: each
// value needs a comma, a colon or another indicator, so there are never more values than it counts.
func CheckText(text string, limit int) error {
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
	if count > limit {
		return fmt.Errorf("holds about %d YAML values, estimated from its punctuation, and at most %d are read", count, limit)
	}
	return nil
}

// extent is the size and depth of a YAML value with aliases expanded.
type extent struct {
	size, depth int
	err         error // why it cannot be read, whatever its size
}

// sizer measures YAML values. It measures the value of an anchor once, however often aliases repeat it.
type sizer struct {
	anchored map[*yaml.Node]extent
}

func newSizer() sizer { return sizer{map[*yaml.Node]extent{}} }

// size returns the size of a value without expanding it. It returns an error if the size exceeds limit.
func (s sizer) size(node *yaml.Node, limit int) (int, error) {
	is := s.measure(node)
	switch {
	case is.err != nil:
		return 0, is.err
	case is.depth > maxDepth:
		return 0, atLine(node.Line, "is nested more than %d levels deep; make it flatter", maxDepth)
	case is.size > limit:
		return 0, atLine(node.Line, "has %d bytes with aliases expanded, and at most %d are read; shorten it", is.size, limit)
	}
	return is.size, nil
}

// measure computes the extent of a value. It visits each node of the text once.
func (s sizer) measure(node *yaml.Node) extent {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Anchor == "" {
		return s.measureContent(node)
	}
	if known, is := s.anchored[node]; is {
		return known
	}
	s.anchored[node] = extent{err: atLine(node.Line, "the anchor %q marks a value that contains itself; remove that alias", node.Anchor)}
	is := s.measureContent(node)
	s.anchored[node] = is
	return is
}

func (s sizer) measureContent(node *yaml.Node) extent {
	is := extent{size: len(node.Value) + valueSize, depth: 1}
	if node.Kind == yaml.MappingNode && len(node.Content) > 2*maxKeys {
		is.err = atLine(node.Line, "a mapping has %d keys, and at most %d are read; remove some", len(node.Content)/2, maxKeys)
	}
	for _, child := range node.Content {
		of := s.measure(child)
		is.size = min(is.size+of.size, math.MaxInt32) // sums of sums overflow otherwise
		is.depth = max(is.depth, of.depth+1)
		if is.err == nil {
			is.err = of.err
		}
	}
	return is
}

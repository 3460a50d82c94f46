package manifests

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// Bounds of spec.config. One operator evaluates the texts of all tenants, so the cost of a text and the size of what is
// rendered from it must not grow faster than the text. A gateway.toml that sets every key of the schema has fewer than 200
// keys and is 6 levels deep.
const (
	maxConfigLength = 65536     // characters, as in the API
	maxConfigDepth  = 16        // tables, arrays and parts of dotted keys in one another
	maxConfigKeys   = 2000      // keys and items of arrays, each part of a dotted key or a header counted
	maxRenderedSize = 128 << 10 // bytes of gateway.toml
)

// Bounds of a gateway.toml that exists. The operator rendered it from a permitted spec.config and fewer than 100 keys of its
// own, or another client wrote it. Each header in it stands for one key or item of an array in spec.config, so it counts once.
const (
	maxEarlierDepth = 2 * maxConfigDepth
	maxEarlierKeys  = 2 * maxConfigKeys
)

// checkBounds rejects a text that exceeds the bounds. It takes one linear scan, before the decoder, whose search for
// duplicate keys takes time quadratic in the number of keys. A text that is not TOML is left to the decoder.
func checkBounds(config string) error {
	if n := utf8.RuneCountInString(config); n > maxConfigLength {
		return reject(v1alpha1.ReasonInvalidConfig, "spec.config", "", "has %d characters, and %d are allowed; shorten it", n, maxConfigLength)
	}
	scan := boundsScan{lines: lineCounter{text: config}, maxDepth: maxConfigDepth, maxKeys: maxConfigKeys}
	return scan.text()
}

// withinEarlierBounds reports whether a gateway.toml that exists is small enough to be decoded.
func withinEarlierBounds(text string) bool {
	if len(text) > maxRenderedSize {
		return false
	}
	scan := boundsScan{lines: lineCounter{text: text}, maxDepth: maxEarlierDepth, maxKeys: maxEarlierKeys, headersOnce: true}
	return scan.text() == nil
}

// boundsScan counts keys and depth. It stops at the first excess.
type boundsScan struct {
	maxDepth, maxKeys int
	headersOnce       bool // a header counts as one key, whatever its parts
	lines             lineCounter
	at                position // of the key that was read last
	keys              int
	err               error
}

func (s *boundsScan) text() error {
	var parser unstable.Parser
	parser.Reset([]byte(s.lines.text))
	header := 0 // the depth of the table that the lines are in
	for s.err == nil && parser.NextExpression() {
		expression := parser.Expression()
		if expression.Kind == unstable.KeyValue {
			s.keyValue(header, expression)
			continue
		}
		before := s.keys
		if header = s.key(0, expression.Key()); s.headersOnce {
			s.keys = before + 1
		}
	}
	return s.err
}

func (s *boundsScan) keyValue(depth int, node *unstable.Node) {
	s.value(s.key(depth, node.Key()), node.Value())
}

// key counts the parts of a key in a table of the given depth, and returns the depth of its value.
func (s *boundsScan) key(depth int, key unstable.Iterator) int {
	for s.err == nil && key.Next() {
		s.at = s.lines.at(key.Node().Raw)
		depth++
		s.count(depth)
	}
	return depth
}

func (s *boundsScan) value(depth int, node *unstable.Node) {
	children := node.Children()
	switch node.Kind {
	case unstable.InlineTable:
		for s.err == nil && children.Next() {
			s.keyValue(depth, children.Node())
		}
	case unstable.Array:
		for s.err == nil && children.Next() {
			s.count(depth + 1)
			s.value(depth+1, children.Node())
		}
	}
}

// count counts a key or an item of an array that is at the given depth.
func (s *boundsScan) count(depth int) {
	s.keys++
	switch {
	case s.err != nil:
	case depth > s.maxDepth:
		s.err = rejectConfigAt(s.at, "nests tables, arrays and parts of dotted keys more than %d levels deep; "+
			"remove levels, no table of gateway.toml needs as many", s.maxDepth)
	case s.keys > s.maxKeys:
		s.err = rejectConfigAt(s.at, "has more than %d keys and array items up to here (each part of a dotted key or a header counts); "+
			"remove those that the gateway does not need", s.maxKeys)
	}
}

// rejectConfigAt returns the rejection of a spec.config for what is at a place in it.
func rejectConfigAt(at position, format string, args ...any) *RejectedError {
	const field = "spec.config"
	return &RejectedError{
		Reason: v1alpha1.ReasonInvalidConfig, Field: field, Message: fmt.Sprintf("%s, %s: %s", field, at, fmt.Sprintf(format, args...)),
	}
}

// checkRenderedSize rejects a gateway.toml that would be too large. The encoder repeats the names of all outer tables in
// each header, so its output can be much larger than the text.
func checkRenderedSize(config string, rendered table) error {
	var s sizer
	s.table(rendered, nil, 0)
	if s.total <= maxRenderedSize {
		return nil
	}
	return rejectFaults(config, []fault{{s.largestAt, func() string {
		return fmt.Sprintf("makes gateway.toml larger than %d bytes: this alone takes %d, since headers repeat the names of outer tables; "+
			"shorten names and values, or remove tables", maxRenderedSize, s.largest)
	}}})
}

// sizer adds up how many bytes a table takes as TOML at most, and finds the value or header that takes the most.
type sizer struct {
	total, largest int
	largestAt      []string
}

func (s *sizer) add(size int, path []string) {
	s.total += size
	if size > s.largest {
		s.largest, s.largestAt = size, slices.Clone(path)
	}
}

// table adds a table's content. Names is the size of the names of the table and of those around it.
func (s *sizer) table(t table, path []string, names int) {
	for _, key := range slices.Sorted(maps.Keys(t)) {
		at, name := append(slices.Clip(path), key), stringSize(key)
		switch value := t[key].(type) {
		case table:
			s.add(names+name+headerSize, at)
			s.table(value, at, names+name+1)
		case []any:
			if !areTables(value) {
				s.add(name+valueSize(value)+lineSize, at)
				continue
			}
			for i, item := range value {
				at := append(slices.Clip(at), strconv.Itoa(i))
				s.add(names+name+headerSize, at)
				s.table(item.(table), at, names+name+1)
			}
		default:
			s.add(name+valueSize(value)+lineSize, at)
		}
	}
}

const (
	headerSize = len("\n[[]]\n")
	lineSize   = len(" = \n")
	dateSize   = len("2006-01-02T15:04:05.999999999+07:00") + 10
)

// areTables reports whether an array is written as one header an item.
func areTables(items []any) bool {
	return len(items) > 0 && !slices.ContainsFunc(items, func(item any) bool {
		_, is := item.(table)
		return !is
	})
}

// valueSize returns how many bytes a value takes at most within a line.
func valueSize(value any) int {
	switch value := value.(type) {
	case string:
		return stringSize(value)
	case bool:
		return len("false")
	case int64:
		return len("-9223372036854775808")
	case float64:
		var digits [400]byte
		return len(strconv.AppendFloat(digits[:0], value, 'f', -1, 64)) + len(".0")
	case []any:
		size := len("[]")
		for _, item := range value {
			size += valueSize(item) + len(", ")
		}
		return size
	case table:
		size := len("{}")
		for key, item := range value {
			size += stringSize(key) + len(" = ") + valueSize(item) + len(", ")
		}
		return size
	}
	return dateSize
}

// stringSize returns how many bytes a string takes at most in quotes.
func stringSize(text string) int {
	size := len(`""`) + len(text)
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\n' || c == '\t' || c == '"' || c == '\\':
			size++
		case c < ' ' || c == 0x7f:
			size += len(`\u0000`) - 1
		}
	}
	return size
}

package gatewaytoml

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
)

// Bounds of spec.config. One operator evaluates the texts of all tenants, so the cost of a text and the size of what is
// rendered from it must not grow faster than the text. A gateway.toml that sets every key of the schema has fewer than 200
// keys and is 6 levels deep.
const (
	maxConfigLength = 65536 // characters, as in the API
	maxConfigDepth  = 16    // tables, arrays and parts of dotted keys in one another
	maxConfigKeys   = 2000  // keys and items of arrays, each part of a dotted key or a header counted
)

// Bounds of a gateway.toml that exists. The operator rendered it from a permitted spec.config and fewer than 100 keys of its
// own, or another client wrote it. Each header in it stands for one key or item of an array in spec.config, so it counts once.
const (
	maxEarlierDepth = 2 * maxConfigDepth
	maxEarlierKeys  = 2 * maxConfigKeys
)

// decode reads a tenant's text.
func decode(text string) (table, error) {
	if err := checkBounds(text); err != nil {
		return nil, err
	}
	given := table{}
	err := toml.Unmarshal([]byte(text), &given)
	if err == nil {
		return given, nil
	}
	where := ""
	if decodeError := new(toml.DecodeError); errors.As(err, &decodeError) {
		line, column := decodeError.Position()
		where = fmt.Sprintf(" in line %d, column %d", line, column)
	}
	return nil, fmt.Errorf("%s is not TOML%s: %s", specField, where, message.TruncateMiddle(err.Error()))
}

// decodeEarlier decodes the gateway.toml that exists. It reports false if the text is empty, too large or not TOML.
func decodeEarlier(text string) (table, bool) {
	config := table{}
	if text == "" || !withinEarlierBounds(text) || toml.Unmarshal([]byte(text), &config) != nil {
		return nil, false
	}
	return config, true
}

// checkBounds rejects a text that exceeds the bounds. It takes one linear scan, before the decoder, whose search for
// duplicate keys takes time quadratic in the number of keys. A text that is not TOML is left to the decoder.
func checkBounds(config string) error {
	if n := utf8.RuneCountInString(config); n > maxConfigLength {
		return fmt.Errorf("%s has %d characters, and %d are allowed; shorten it", specField, n, maxConfigLength)
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
		s.err = errorAt(s.at, "nests tables, arrays and parts of dotted keys more than %d levels deep; "+
			"remove levels, no table of gateway.toml needs as many", s.maxDepth)
	case s.keys > s.maxKeys:
		s.err = errorAt(s.at, "has more than %d keys and array items up to here (each part of a dotted key or a header counts); "+
			"remove those that the gateway does not need", s.maxKeys)
	}
}

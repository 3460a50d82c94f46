package manifests

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// position is where a key is in a text: line and column, from 1.
type position struct{ line, column int }

func (p position) String() string { return fmt.Sprintf("line %d, column %d", p.line, p.column) }

func (p position) compare(q position) int {
	return cmp.Or(cmp.Compare(p.line, q.line), cmp.Compare(p.column, q.column))
}

// keyPositions are where the keys of a TOML text are, by their paths.
type keyPositions struct {
	at   map[string]position
	last position // of the key that was read last
}

// position is where a key is, or else the nearest table around it that is there.
func (k *keyPositions) position(path []string) position {
	for ; len(path) > 0; path = path[:len(path)-1] {
		if at, there := k.at[strings.Join(path, "\x00")]; there {
			return at
		}
	}
	return position{1, 1}
}

// keysOf finds all keys of a text that is TOML. The decoder gives values without their places; its parser gives places.
func keysOf(config string) *keyPositions {
	keys := &keyPositions{at: map[string]position{}}
	parser := unstable.Parser{}
	parser.Reset([]byte(config))
	var within []string       // the table that the lines are in
	items := map[string]int{} // how many items each array of tables has so far
	for parser.NextExpression() {
		switch expression := parser.Expression(); expression.Kind {
		case unstable.Table:
			within = keys.note(&parser, nil, expression.Key(), items)
		case unstable.ArrayTable:
			within = keys.note(&parser, nil, expression.Key(), items)
			name := strings.Join(within, "\x00")
			items[name]++
			header := keys.last
			within = append(within, fmt.Sprint(items[name]-1))
			keys.at[strings.Join(within, "\x00")] = header
		case unstable.KeyValue:
			keys.keyValue(&parser, within, expression, items)
		}
	}
	return keys
}

// keyValue notes a key, and those of inline tables in its value.
func (k *keyPositions) keyValue(parser *unstable.Parser, within []string, node *unstable.Node, items map[string]int) {
	path := k.note(parser, within, node.Key(), items)
	k.value(parser, path, node.Value(), items)
}

func (k *keyPositions) value(parser *unstable.Parser, path []string, value *unstable.Node, items map[string]int) {
	children := value.Children()
	switch value.Kind {
	case unstable.InlineTable:
		for children.Next() {
			k.keyValue(parser, path, children.Node(), items)
		}
	case unstable.Array:
		for i := 0; children.Next(); i++ {
			if children.Node().Kind != unstable.Comment {
				k.value(parser, append(slices.Clip(path), fmt.Sprint(i)), children.Node(), items)
			}
		}
	}
}

// note notes the place of each part of a dotted key, and returns its path. A part that names an array of tables stands
// for the array's last item.
func (k *keyPositions) note(parser *unstable.Parser, within []string, key unstable.Iterator, items map[string]int) []string {
	path := append([]string{}, within...)
	for key.Next() {
		if n := items[strings.Join(path, "\x00")]; n > 0 {
			path = append(path, fmt.Sprint(n-1))
		}
		path = append(path, string(key.Node().Data))
		start := parser.Shape(key.Node().Raw).Start
		k.last = position{start.Line, start.Column}
		if name := strings.Join(path, "\x00"); k.at[name] == (position{}) {
			k.at[name] = k.last
		}
	}
	return path
}

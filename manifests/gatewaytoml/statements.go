package gatewaytoml

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// statement is a header or a key with its value in a text.
type statement struct {
	header      bool
	path        []string // with the index of an item of an array of tables as a step
	table       []string // the path of the table that a key is written in
	first, last int      // lines, from 0
	indent      string   // before the key
	// Offsets of a key, of its value, of what follows the value, and of the end of that line.
	start, value, end, lineEnd int
	removed                    bool
}

// statementsOf returns the statements of a text that is TOML.
func statementsOf(text string) []*statement {
	var all []*statement
	items := map[string]int{} // of each array of tables
	var within []string
	parser := unstable.Parser{}
	parser.Reset([]byte(text))
	for parser.NextExpression() {
		expression := parser.Expression()
		path, keyAt, keyEnd := pathOf(expression.Key())
		line := strings.Count(text[:keyAt], "\n")
		if expression.Kind != unstable.KeyValue {
			within = resolve(items, path, expression.Kind == unstable.ArrayTable)
			all = append(all, &statement{header: true, path: within, first: line, last: line})
			continue
		}
		s := &statement{path: append(slices.Clip(within), path...), table: within, first: line, start: keyAt}
		s.end = int(expression.Raw.Offset + expression.Raw.Length)
		s.last = line + strings.Count(text[keyAt:s.end], "\n")
		s.value = keyEnd + strings.IndexByte(text[keyEnd:], '=') + 1
		s.value += len(text[s.value:]) - len(strings.TrimLeft(text[s.value:], " \t"))
		s.lineEnd = s.end + strings.IndexByte(text[s.end:]+"\n", '\n') + 1
		s.lineEnd = min(s.lineEnd, len(text))
		s.indent = text[strings.LastIndexByte(text[:keyAt], '\n')+1 : keyAt]
		all = append(all, s)
	}
	return all
}

// pathOf returns the parts of a key, and where it begins and ends.
func pathOf(key unstable.Iterator) (path []string, start, end int) {
	start = -1
	for key.Next() {
		node := key.Node()
		path = append(path, string(node.Data))
		if start < 0 {
			start = int(node.Raw.Offset)
		}
		end = int(node.Raw.Offset + node.Raw.Length)
	}
	return path, start, end
}

// resolve adds the indexes of items of arrays of tables to the path of a header. A header of such an array begins a new item.
func resolve(items map[string]int, path []string, isArray bool) []string {
	var resolved []string
	for i, step := range path {
		resolved = append(resolved, step)
		name := strings.Join(resolved, "\x00")
		if isArray && i == len(path)-1 {
			items[name]++
		}
		if n := items[name]; n > 0 {
			resolved = append(resolved, strconv.Itoa(n-1))
		}
	}
	return resolved
}

func hasPrefix(path, prefix []string) bool {
	return len(path) >= len(prefix) && slices.Equal(path[:len(prefix)], prefix)
}

// valueAt returns the value at a path, nil if there is none.
func valueAt(root table, path []string) any {
	return tableAt(root, path[:len(path)-1]...)[path[len(path)-1]]
}

// encoded returns a value as TOML within a line.
func encoded(value any) string {
	var text bytes.Buffer
	encoder := toml.NewEncoder(&text)
	encoder.SetTablesInline(true)
	if encoder.Encode(table{"x": value}) != nil {
		return ""
	}
	return strings.TrimSpace(strings.TrimPrefix(text.String(), "x ="))
}

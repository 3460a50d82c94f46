package gatewaytoml

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// position is where a key is in a text: line and column, from 1.
type position struct{ line, column int }

func (p position) String() string { return fmt.Sprintf("line %d, column %d", p.line, p.column) }

func (p position) compare(q position) int {
	return cmp.Or(cmp.Compare(p.line, q.line), cmp.Compare(p.column, q.column))
}

// lineCounter finds the positions of ranges of a text. It reads the text once, so ranges must be passed in their order.
type lineCounter struct {
	text   string
	offset int // up to which the text was read
	line   int // the number of newlines before offset
	start  int // where the line begins that offset is in
}

func (c *lineCounter) at(r unstable.Range) position {
	passed := c.text[c.offset:r.Offset]
	if last := strings.LastIndexByte(passed, '\n'); last >= 0 {
		c.line += strings.Count(passed, "\n")
		c.start = c.offset + last + 1
	}
	c.offset = int(r.Offset)
	return position{c.line + 1, c.offset - c.start + 1}
}

// keyTree holds where the keys of a TOML text are. A step of a path is a key, or the index of an item of an array.
type keyTree struct {
	at    position // of the first mention; zero for an item of an inline array
	items int      // how many items an array of tables has so far
	below map[string]*keyTree
}

// position returns where a key is, or else the nearest table around it that is in the text.
func (k *keyTree) position(path []string) position {
	found := position{1, 1}
	for _, step := range path {
		if k = k.below[step]; k == nil {
			break
		}
		if k.at != (position{}) {
			found = k.at
		}
	}
	return found
}

// find returns what is at a path, nil if the text has nothing there.
func (k *keyTree) find(path []string) *keyTree {
	for _, step := range path {
		if k == nil {
			return nil
		}
		k = k.below[step]
	}
	return k
}

// child returns what is at a step below, which is added if it is missing.
func (k *keyTree) child(step string) *keyTree {
	child := k.below[step]
	if child == nil {
		if k.below == nil {
			k.below = map[string]*keyTree{}
		}
		child = &keyTree{}
		k.below[step] = child
	}
	return child
}

// keysOf finds all keys of a text that is TOML. The decoder returns values without their places; its parser returns places.
// Time and memory are linear in the text.
func keysOf(config string) *keyTree {
	root := &keyTree{}
	reader := keyReader{lines: lineCounter{text: config}}
	parser := unstable.Parser{}
	parser.Reset([]byte(config))
	within := root // the table that the lines are in
	for parser.NextExpression() {
		switch expression := parser.Expression(); expression.Kind {
		case unstable.Table:
			within = reader.key(root, expression.Key())
		case unstable.ArrayTable:
			array := reader.key(root, expression.Key())
			within = array.child(strconv.Itoa(array.items))
			within.at = reader.last
			array.items++
		case unstable.KeyValue:
			reader.keyValue(within, expression)
		}
	}
	return root
}

// keyReader adds the keys of expressions to a tree.
type keyReader struct {
	lines lineCounter
	last  position // of the key that was read last
}

// keyValue adds a key, and those of inline tables in its value.
func (r *keyReader) keyValue(within *keyTree, node *unstable.Node) {
	r.value(r.key(within, node.Key()), node.Value())
}

func (r *keyReader) value(at *keyTree, value *unstable.Node) {
	children := value.Children()
	switch value.Kind {
	case unstable.InlineTable:
		for children.Next() {
			r.keyValue(at, children.Node())
		}
	case unstable.Array:
		for i := 0; children.Next(); i++ {
			if kind := children.Node().Kind; kind == unstable.InlineTable || kind == unstable.Array {
				r.value(at.child(strconv.Itoa(i)), children.Node())
			}
		}
	}
}

// key adds each part of a dotted key, and returns the last. A part that names an array of tables stands for the array's
// last item.
func (r *keyReader) key(within *keyTree, key unstable.Iterator) *keyTree {
	for key.Next() {
		if within.items > 0 {
			within = within.child(strconv.Itoa(within.items - 1))
		}
		within = within.child(string(key.Node().Data))
		r.last = r.lines.at(key.Node().Raw)
		if within.at == (position{}) {
			within.at = r.last
		}
	}
	return within
}

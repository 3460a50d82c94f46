package gatewaytoml

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// schemaKey is a key of the schema that is not a table.
type schemaKey struct {
	path  []string // arrays of tables have one item, whose index is a step
	field reflect.StructField
	first release.Version // the first and the last release that knows the key
	last  release.Version
}

// schemaKeys returns the keys of a struct of the schema.
func schemaKeys(t *testing.T, schema reflect.Type, at []string, first, last release.Version) []schemaKey {
	t.Helper()
	var keys []schemaKey
	for field := range schema.Fields() {
		key := schemaKey{append(slices.Clone(at), field.Tag.Get("toml")), field, first, last}
		if since, is := release.Parse(field.Tag.Get("since")); is {
			key.first = since
		}
		if until, is := release.Parse(field.Tag.Get("until")); is {
			key.last = until
		}
		inner := field.Type
		if inner.Kind() == reflect.Slice && inner.Elem().Kind() == reflect.Struct {
			inner, key.path = inner.Elem(), append(key.path, "0")
		}
		if inner.Kind() == reflect.Struct {
			keys = append(keys, schemaKeys(t, inner, key.path, key.first, key.last)...)
			continue
		}
		keys = append(keys, key)
	}
	return keys
}

// TestEveryKeyOfTheSchema holds each key to its rules: its type, its values, the keys that it needs, and the releases that
// know it.
func TestEveryKeyOfTheSchema(t *testing.T) {
	for _, schema := range schemas {
		t.Run(fmt.Sprint("version ", schema.version), func(t *testing.T) { testEveryKey(t, schema) })
	}
}

func testEveryKey(t *testing.T, schema schemaData) {
	oldest, newest := schema.oldest, schema.newest
	keys := schemaKeys(t, schemaOf(schema.version), nil, oldest, newest)
	if len(keys) < 130 {
		t.Fatalf("there are %d keys only", len(keys))
	}
	for _, key := range keys {
		if key.first.Less(oldest) {
			key.first = oldest
		}
		name := dotted(key.path)
		c := keyCase{t, key, name, schema, schema.context(t, name), managedKeys(input(key.last.String(), ""))}
		if key.field.Tag.Get("refused") != "" {
			c.rejected("a refused key", key.last, c.with(c.valid()), "cannot be set")
			continue
		}
		c.accepted("a valid value", key.last, c.with(c.valid()))
		c.accepted("a valid value", key.first, c.with(c.valid()))
		c.types()
		c.values()
		c.needs()
		before, after := key.first, key.last
		before.Patch--
		after.Patch++
		if oldest.Less(key.first) {
			c.rejected("a release before the key", before, c.with(c.valid()), "is a key from OpenShell ")
		}
		if key.last.Less(newest) {
			c.rejected("a release after the key", after, c.with(c.valid()), fmt.Sprintf("%s, and the gateway is %s, which does not start with it", key.last, after))
		}
	}
}

type keyCase struct {
	t       *testing.T
	key     schemaKey
	name    string
	schema  schemaData
	context table
	own     table
}

// context returns the context of a key.
func (s schemaData) context(t *testing.T, name string) table {
	t.Helper()
	all := map[string]string{}
	maps.Copy(all, contexts)
	maps.Copy(all, s.contexts)
	best := ""
	for path := range all {
		if strings.HasPrefix(name, path) && len(path) > len(best) {
			best = path
		}
	}
	found := table{}
	if err := toml.Unmarshal([]byte(all[best]), &found); err != nil {
		t.Fatal(best, err)
	}
	return found
}

// with returns the text of the context with a value of the key.
func (c keyCase) with(value any) string {
	return c.text(put(c.context, c.key.path, value).(table))
}

func (c keyCase) text(root table) string {
	text, err := toml.Marshal(root)
	if err != nil {
		c.t.Fatal(c.name, err)
	}
	return string(text)
}

// put returns a copy of a table or array with a value at a path. Without a value, it removes what is there.
func put(root any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	if items, is := root.([]any); is || path[0] == "0" {
		var item any = table{}
		if len(items) > 0 {
			item = items[0]
		}
		return []any{put(item, path[1:], value)}
	}
	copied := table{}
	if before, is := root.(table); is {
		copied = merge(table{}, before)
	}
	if len(path) == 1 && value == nil {
		delete(copied, path[0])
	} else {
		copied[path[0]] = put(copied[path[0]], path[1:], value)
	}
	return copied
}

// valid returns a valid value of the key.
func (c keyCase) valid() any {
	var own any = c.own
	for _, step := range c.key.path {
		inner, _ := own.(table)
		own = inner[step]
	}
	if inherited := tableAt(inheritedKeys(input(c.key.last.String(), "")), c.key.path[:len(c.key.path)-1]...)[c.key.path[len(c.key.path)-1]]; inherited != nil {
		own = inherited
	}
	value, special := c.schema.validValues[c.name]
	if !special {
		value, special = validValues[c.name]
	}
	values := strings.Split(c.key.field.Tag.Get("enum"), ",")
	examples := formatExamples[partAt(c.key.field.Tag.Get("format"), c.key.last)].valid
	switch {
	case own != nil:
		return own
	case special:
		return value
	}
	switch kind := c.key.field.Type.Kind(); {
	case kind == reflect.Slice && len(examples) > 0:
		return []any{examples[0]}
	case kind == reflect.Slice:
		return []any{append(values, "")[0]}
	case kind == reflect.Map:
		return table{"a": "b"}
	case kind == reflect.Bool:
		return values[0] != "false"
	case kind != reflect.String && values[0] != "":
		number, _ := strconv.ParseInt(values[len(values)-1], 10, 64)
		return number
	case kind != reflect.String:
		first, _ := rangeAt(c.key.field.Type, c.key.field.Tag, c.key.last)
		return max(first, 1000)
	case len(examples) > 0:
		return examples[0]
	case values[0] != "":
		return values[0]
	}
	return "a"
}

// types holds the key to its type.
func (c keyCase) types() {
	for _, value := range []any{"7", true, int64(7), 7.5, []any{true}, table{"a": true}} {
		if reflect.TypeOf(value) == reflect.TypeOf(c.valid()) && reflect.TypeOf(value).Kind() != reflect.Slice && reflect.TypeOf(value).Kind() != reflect.Map {
			continue
		}
		c.rejected(fmt.Sprintf("the value %v", value), c.key.last, c.with(value), "must be ")
	}
}

// values holds the key to its enumeration, format and range.
func (c keyCase) values() {
	tag := c.key.field.Tag
	if tag.Get("enum") != "" {
		for value := range strings.SplitSeq(tag.Get("enum"), ",") {
			if upper := strings.ToUpper(value); c.key.field.Type.Kind() == reflect.Bool {
				c.rejected("the other value", c.key.last, c.with(value != "true"), "it must be")
			} else if c.key.field.Type.Kind() == reflect.Slice {
				c.rejected("another value", c.key.last, c.with([]any{value + "x"}), "it must be")
			} else if upper != value {
				c.rejected("another value", c.key.last, c.with(upper), "it must be")
			}
		}
	}
	for _, version := range []release.Version{c.key.first, c.key.last} {
		for _, text := range formatExamples[partAt(tag.Get("format"), version)].invalid {
			var value any = text
			if c.key.field.Type.Kind() == reflect.Slice {
				value = []any{text}
			}
			c.rejected("another format", version, c.with(value), "it must be")
		}
	}
	if kind := c.key.field.Type.Kind(); kind < reflect.Int || kind > reflect.Uint64 {
		return
	}
	for _, version := range []release.Version{c.key.first, c.key.last} {
		first, last := rangeAt(c.key.field.Type, tag, version)
		if first > -1<<63 {
			c.rejected("a smaller number", version, c.with(first-1), "it must be")
		}
		if last < 1<<63-1 {
			c.rejected("a larger number", version, c.with(last+1), "it must be")
		}
		if tag.Get("range") != "" {
			c.accepted("the smallest number", version, c.with(first))
			c.accepted("the largest number", version, c.with(last))
		}
	}
}

// needs holds the key to what it, or its table, needs.
func (c keyCase) needs() {
	if c.key.field.Tag.Get("required") != "" {
		c.rejected("a table without the key", c.key.last, c.with(nil), "is missing")
	}
	others, special := c.schema.companions[c.name]
	if !special {
		others = companions[c.name]
	}
	for _, other := range others {
		path := strings.Split(strings.NewReplacer("[", ".", "]", "").Replace(other), ".")
		root := put(put(c.context, path, nil), c.key.path, c.valid())
		c.rejected("no "+other, c.key.last, c.text(root.(table)), "")
	}
}

func (c keyCase) accepted(what string, version release.Version, text string) {
	if _, err := New(input(version.String(), text)); err != nil {
		c.t.Errorf("%s %s, %s: rejected: %v\n%s", version, c.name, what, err, text)
	}
}

func (c keyCase) rejected(what string, version release.Version, text, word string) {
	_, err := New(input(version.String(), text))
	if err == nil || !strings.Contains(err.Error(), word) {
		c.t.Errorf("%s %s, %s: %v, want it rejected with %q\n%s", version, c.name, what, err, word, text)
	}
}

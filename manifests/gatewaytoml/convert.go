package gatewaytoml

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// convertsTo is the release that a converted text is checked for: the newest whose keys are in schema2.go and schema2driver.go.
var convertsTo = release.New(0, 1, 5)

// Note is what a conversion did beyond moving a key, or left to do.
type Note struct {
	// Line is the line in the text that was converted, from 1.
	Line int
	// Message names the key and what became of it, or what to do.
	Message string
	// Decision is set if a gateway cannot run with the converted text, or runs differently, until a user decides or does something.
	Decision bool
}

func (n Note) String() string { return fmt.Sprintf("line %d: %s", n.Line, n.Message) }

// Convert converts a text of schema version 1 to one of version 2, which gateways from OpenShell 0.1.0 on read. In a text that has
// version 2, it converts what is left of version 1. Tokens reports whether the gateway issues tokens to sandboxes. Unless there are
// notes with Decision, the operator accepts the converted text for a gateway of the newest such release that is known. It does not
// check what depends on a namespace or its platform, and other services decide as well whether the gateway starts, see the notes.
//
// Keys that stay the same keep their place and comments. A key that moves takes the comment above it along, and goes to the end of its
// new table. The comment behind a key that is dropped is dropped. An inline table that changes is written in one line, with sorted keys.
// The error is about a text that is not TOML or has another version.
func Convert(text string, tokens bool) (converted string, notes []Note, err error) {
	text = strings.TrimPrefix(text, "\ufeff")
	given, err := decode(text)
	if err != nil {
		return "", nil, err
	}
	c := &conversion{keys: keysOf(text), result: given, decisions: map[string]bool{}}
	if err := c.convert(); err != nil {
		return "", nil, err
	}
	converted, notes, err = rewrite(text, c.edits, c.result)
	if err != nil {
		return "", nil, err
	}
	notes = append(append(c.notes, notes...), c.remaining(converted, tokens)...)
	slices.SortStableFunc(notes, func(a, b Note) int { return a.Line - b.Line })
	return converted, notes, nil
}

// remaining returns notes about what gateways still do not accept in a converted text, and no note says yet.
func (c *conversion) remaining(converted string, tokens bool) []Note {
	given, err := decode(converted)
	if err != nil {
		return []Note{{1, err.Error(), true}}
	}
	in := Input{Release: release.Of(convertsTo), SandboxTokens: tokens, CheckImage: func(string) error { return nil }}
	faults := append(unsafeKeys(in, given), invalidKeys(in, given)...)
	if len(faults) == 0 {
		faults = differences(managedEverywhere(in), given, nil)
		found := func(key, format string, args ...any) {
			faults = append(faults, faultf(strings.Split(key, "."), format, args...))
		}
		for _, rule := range rules {
			rule(in, given, found)
		}
	}
	var notes []Note
	for _, fault := range faults {
		path := fault.path
		for _, moved := range movedKeys { // its line is that of the key in the text before
			if c.keys.find(path) == nil && moved.to == strings.Join(path, ".") {
				path = strings.Split(moved.from, ".")
			}
		}
		if c.decisions[strings.Join(path, ".")] {
			continue
		}
		notes = append(notes, Note{c.keys.position(path).line, message.TruncateMiddle(dotted(fault.path)) + " " + strings.TrimSuffix(fault.message(), orConvert), true})
	}
	return notes
}

// conversion is the conversion of one text.
type conversion struct {
	keys   *keyTree // of the text
	result table
	edits  []edit
	notes  []Note
	// decisions are the keys that have notes with Decision.
	decisions map[string]bool
}

// edit is what becomes of a key or table of a text: it is dropped, moved, or has another value.
type edit struct {
	from []string
	to   []string // empty if it is dropped
}

func (c *conversion) note(path []string, decision bool, format string, args ...any) {
	line := c.keys.position(path).line
	if decision {
		c.decisions[strings.Join(path, ".")] = true
	}
	c.notes = append(c.notes, Note{line, message.TruncateMiddle(dotted(path)) + " " + fmt.Sprintf(format, args...), decision})
}

// value returns the value at a path of the result.
func (c *conversion) value(path []string) (value any, is bool) {
	value, is = tableAt(c.result, path[:len(path)-1]...)[path[len(path)-1]]
	return value, is
}

// drop removes a key.
func (c *conversion) drop(path []string) {
	c.edits = append(c.edits, edit{from: path})
	c.result = with(c.result, path, nil)
}

// set changes the value of a key, or its path as well.
func (c *conversion) set(from, to []string, value any) {
	c.edits = append(c.edits, edit{from: from, to: to})
	if !slices.Equal(from, to) {
		c.result = with(c.result, from, nil)
	}
	c.result = with(c.result, to, value)
}

// with returns a copy of a table with a value at a path. Without a value, it removes what is there.
func with(root table, path []string, value any) table {
	copied := maps.Clone(root)
	if copied == nil {
		copied = table{}
	}
	switch {
	case len(path) > 1:
		inner, _ := copied[path[0]].(table)
		copied[path[0]] = with(inner, path[1:], value)
	case value == nil:
		delete(copied, path[0])
	default:
		copied[path[0]] = value
	}
	return copied
}

// convert converts each key that differs between the versions.
func (c *conversion) convert() error {
	key := []string{"openshell", "version"}
	version, has := c.value(key)
	switch {
	case has && !slices.Contains([]any{int64(0), int64(1), int64(2)}, version):
		return errorAt(c.keys.position(key), "openshell.version is %s, and only texts of the versions 1 and 2 can be converted; correct it, or remove it", shown(version))
	case has && version != int64(2):
		c.set(key, key, int64(2))
	}
	for _, key := range movedKeys {
		c.move(key)
	}
	c.users()
	c.tokens()
	c.pullPolicies()
	c.profileSources()
	if version != int64(2) { // otherwise, these are keys of version 2
		c.clientCertificates()
		c.images()
	}
	return nil
}

// move converts a key of movedKeys.
func (c *conversion) move(key movedKey) {
	from := strings.Split(key.from, ".")
	value, is := c.value(from)
	if !is {
		return
	}
	if key.to == "" {
		c.note(from, false, "is dropped: %s", key.why)
		c.drop(from)
		return
	}
	to := strings.Split(key.to, ".")
	if !canHold(c.result, to) {
		return // another note is about that
	}
	if drivers, isList := value.([]any); key.from == "openshell.gateway.compute_drivers" && isList && len(drivers) == 1 {
		value = drivers[0]
	}
	if has, already := c.value(to); already {
		if !reflect.DeepEqual(has, value) {
			c.note(from, false, "is dropped: gateways used the value of %s", key.to)
		}
		c.drop(from)
		return
	}
	c.set(from, to, value)
}

// canHold reports whether all that a table has at the beginning of a path is tables.
func canHold(root table, path []string) bool {
	for _, step := range path[:len(path)-1] {
		inner, there := root[step]
		if !there {
			return true
		}
		var is bool
		if root, is = inner.(table); !is {
			return false
		}
	}
	return true
}

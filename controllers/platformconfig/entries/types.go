package entries

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
)

// CheckTypes compares a decoded value with the type of the API that it is for. It returns a fault for each unknown field and for each
// value of another type. Path is the path of the value in root, which has the lines. Nulls are faults only if an entry must not
// have them: the API server removes them.
func CheckTypes(root *yaml.Node, value any, of reflect.Type, path []string, rejectNull bool) []Fault {
	c := typeChecker{root: root, rejectNull: rejectNull}
	c.check(value, of, path)
	return withCounts(c.faults)
}

type typeChecker struct {
	root       *yaml.Node
	rejectNull bool
	faults     []Fault
	counter    faultCounter
}

func (c *typeChecker) fault(path []string, format string, args ...any) {
	if c.counter.counted(c.faults, path) {
		return
	}
	field := pathText(path)
	c.faults = append(c.faults, Fault{Field: field, Line: LineOf(c.root, path), Message: strings.TrimSpace(field + " " + fmt.Sprintf(format, args...))})
}

func (c *typeChecker) check(value any, of reflect.Type, path []string) {
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if value == nil {
		if c.rejectNull {
			c.fault(path, "is null; leave it out, or give it a value")
		}
		return
	}
	kind := of.Kind()
	switch value := value.(type) {
	case map[string]any:
		if kind == reflect.Struct {
			c.fields(value, of, path)
			return
		}
		if kind == reflect.Map {
			for _, key := range slices.Sorted(maps.Keys(value)) {
				c.check(value[key], of.Elem(), append(slices.Clip(path), key))
			}
			return
		}
	case []any:
		if kind == reflect.Slice {
			for i, item := range value {
				c.check(item, of.Elem(), append(slices.Clip(path), strconv.Itoa(i)))
			}
			return
		}
	case string:
		if kind == reflect.String {
			return
		}
	case bool:
		if kind == reflect.Bool {
			return
		}
	}
	c.mistyped(value, of, path)
}

// fields checks the fields of a mapping against those of a struct.
func (c *typeChecker) fields(given map[string]any, of reflect.Type, path []string) {
	known := map[string]reflect.Type{}
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		known[name] = field.Type
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		at := append(slices.Clip(path), key)
		if field, is := known[key]; is {
			c.check(given[key], field, at)
			continue
		}
		c.fault(at, "is an unknown field; %s", suggestion(key, slices.Sorted(maps.Keys(known))))
	}
}

// suggestion returns what to do about an unknown key.
func suggestion(key string, known []string) string {
	const few = 8
	if near := message.Nearest(key, known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	if len(known) <= few {
		return "remove it, or use one of " + strings.Join(known, ", ")
	}
	return "remove it"
}

func (c *typeChecker) mistyped(value any, of reflect.Type, path []string) {
	shown, advice := "", ""
	node := nodeAt(c.root, path)
	isScalar := node != nil && node.Kind == yaml.ScalarNode
	if isScalar && node.Value != "" && !strings.ContainsFunc(node.Value, isUnprintable) {
		shown = fmt.Sprintf(" (%s)", message.TruncateMiddle(node.Value))
	}
	text, isText := value.(string)
	switch {
	case isScalar && !isText && of.Kind() == reflect.String:
		advice = "; put it in quotes"
	case isText && of.Kind() == reflect.Bool && slices.Contains([]string{"true", "false", "yes", "no", "on", "off"}, strings.ToLower(text)):
		advice = "; remove the quotes"
	}
	c.fault(path, "is %s%s and must be %s%s", kindOf(value), shown, wanted(of), advice)
}

// kindOf returns what YAML calls a value.
func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	case string:
		return "a text"
	case bool:
		return "a boolean"
	case json.Number, int64, float64:
		return "a number"
	}
	return "another value"
}

// wanted returns what YAML calls the values of a type.
func wanted(of reflect.Type) string {
	switch of.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		switch of.Elem().Kind() {
		case reflect.String:
			return "a list of texts"
		default:
			return "a list of mappings"
		}
	}
	return "a mapping"
}

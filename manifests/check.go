package manifests

import (
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// fault is what is wrong with a key of a tenant's TOML. A text can have thousands, and only one is shown, so the message is
// written when it is needed.
type fault struct {
	path    []string // with the index of an item of an array as a step
	message func() string
}

// checker holds TOML against the schema of one version.
type checker struct {
	version Version
	faults  []fault
}

// known refuses what a gateway of the version would not start with: keys that it does not know, and wrong types.
func known(config string, given table, version Version) error {
	c := &checker{version: version}
	c.table(reflect.TypeFor[configFile](), given, nil)
	return rejectFaults(config, c.faults)
}

// rejectFaults tells the first of the faults, in the order of the text, and how many more there are.
func rejectFaults(config string, faults []fault) error {
	if len(faults) == 0 {
		return nil
	}
	keys := keysOf(config)
	first, at := faults[0], keys.position(faults[0].path)
	for _, other := range faults[1:] {
		if place := keys.position(other.path); place.compare(at) < 0 {
			first, at = other, place
		}
	}
	more := ""
	if n := len(faults) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return rejectConfigAt(at, "%s %s%s", cut(dotted(first.path)), first.message(), more)
}

// dotted is a path as people write it: a.b[0].c.
func dotted(path []string) string {
	var text strings.Builder
	for i, step := range path {
		switch _, err := strconv.Atoi(step); {
		case err == nil:
			text.WriteString("[" + step + "]")
		case i > 0:
			text.WriteString("." + step)
		default:
			text.WriteString(step)
		}
	}
	return text.String()
}

func (c *checker) fault(path []string, format string, args ...any) {
	c.faults = append(c.faults, fault{slices.Clone(path), func() string { return fmt.Sprintf(format, args...) }})
}

// table checks a table against a struct of the schema.
func (c *checker) table(schema reflect.Type, given table, at []string) {
	fields := map[string]reflect.StructField{}
	for field := range schema.Fields() {
		fields[field.Tag.Get("toml")] = field
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		path := append(slices.Clip(at), key)
		field, there := fields[key]
		if !there {
			c.unknown(schema, path, fields)
			continue
		}
		if since, late := c.after(field); late {
			c.fault(path, "came with version %s, and the gateway is %s, which would not start with it; leave it out, or use a newer gateway", since, c.version)
			continue
		}
		c.value(field.Type, field.Tag, given[key], path)
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if _, there := given[key]; !there && fields[key].Tag.Get("required") != "" {
			c.fault(append(slices.Clip(at), key), "is missing; the table %s needs it", dotted(at))
		}
	}
}

// unknown records a key that is not in the schema. Tables of other drivers may hold anything: they are not rendered.
func (c *checker) unknown(schema reflect.Type, path []string, fields map[string]reflect.StructField) {
	if schema != reflect.TypeFor[driverConfigs]() {
		c.faults = append(c.faults, fault{slices.Clone(path), func() string { return c.describeUnknown(path[len(path)-1], fields) }})
	}
}

// describeUnknown says what to write instead of a key that is not in the schema.
func (c *checker) describeUnknown(key string, fields map[string]reflect.StructField) string {
	if key == "database_url" {
		return "cannot be in this file; leave it out: the database is on the gateway's volume"
	}
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(fields)), func(key string) bool {
		_, late := c.after(fields[key])
		return late
	})
	for _, candidate := range keys {
		if strings.EqualFold(strings.ReplaceAll(candidate, "_", ""), strings.ReplaceAll(strings.ReplaceAll(key, "_", ""), "-", "")) {
			return "is not a key that a gateway knows; write " + candidate
		}
	}
	return "is not a key that a gateway knows, and none would start with it; leave it out. There are: " + strings.Join(keys, ", ")
}

// after tells the version that a key came with, and whether the gateway is older.
func (c *checker) after(field reflect.StructField) (Version, bool) {
	since, there := parseVersion(field.Tag.Get("since"))
	return since, there && c.version.Less(since)
}

// value checks a value against the type that the schema has for it.
func (c *checker) value(schema reflect.Type, tag reflect.StructTag, given any, at []string) {
	switch schema.Kind() {
	case reflect.Struct:
		if inner, is := given.(table); is {
			c.table(schema, inner, at)
			return
		}
	case reflect.Map:
		if inner, is := given.(table); is {
			for _, key := range slices.Sorted(maps.Keys(inner)) {
				c.value(schema.Elem(), "", inner[key], append(slices.Clip(at), key))
			}
			return
		}
	case reflect.Slice:
		if items, is := given.([]any); is {
			for i, item := range items {
				c.value(schema.Elem(), "", item, append(slices.Clip(at), fmt.Sprint(i)))
			}
			return
		}
	case reflect.Interface:
		return
	case reflect.String:
		if text, is := given.(string); is {
			c.text(tag, text, at)
			return
		}
	case reflect.Bool:
		if _, is := given.(bool); is {
			return
		}
	default: // integers
		if number, is := given.(int64); is {
			c.number(schema, tag, number, at)
			return
		}
	}
	c.fault(at, "must be %s, and is %s", kindNames[schema.Kind()], typeName(given))
}

func (c *checker) text(tag reflect.StructTag, given string, at []string) {
	if values := tag.Get("enum"); values != "" && !slices.Contains(strings.Split(values, ","), given) {
		c.fault(at, "is %q; it can be %s", cut(given), strings.ReplaceAll(values, ",", " or "))
	}
	if tag.Get("absolute") != "" && !path.IsAbs(given) {
		c.fault(at, "is %q; it must be a path that begins with /", cut(given))
	}
}

func (c *checker) number(schema reflect.Type, tag reflect.StructTag, given int64, at []string) {
	most := reflect.New(schema).Elem()
	switch {
	case given < 0 && !most.CanInt():
		c.fault(at, "is %d; it must not be negative", given)
	case most.CanUint() && most.OverflowUint(uint64(given)): //nolint:gosec // it is not negative
		c.fault(at, "is %d, which is too large", given)
	case tag.Get("enum") != "" && !slices.Contains(strings.Split(tag.Get("enum"), ","), fmt.Sprint(given)):
		c.fault(at, "is %d; it can be %s", given, strings.ReplaceAll(tag.Get("enum"), ",", " or "))
	}
}

// kindNames are what TOML calls the schema's types.
var kindNames = map[reflect.Kind]string{
	reflect.Struct: "a table", reflect.Map: "a table", reflect.Slice: "an array", reflect.String: "a string in quotes", reflect.Bool: "true or false",
	reflect.Int64: "a whole number", reflect.Uint64: "a whole number", reflect.Uint32: "a whole number",
}

// typeName is what TOML calls a decoded value's type.
func typeName(value any) string {
	switch value.(type) {
	case string:
		return "a string"
	case bool:
		return "true or false"
	case int64:
		return "a whole number"
	case float64:
		return "a number with a point"
	case []any:
		return "an array"
	case table:
		return "a table"
	}
	return "a date or time"
}

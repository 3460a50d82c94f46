package gatewaytoml

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// checker compares TOML with the schema of one release.
type checker struct {
	contract          release.Contract
	credentialDrivers []string // those that the gateway runs, sorted
	faults            []fault
}

// invalidKeys finds keys and values that the schema does not have for the gateway's version. A gateway does not start with them.
func invalidKeys(in Input, given table) []fault {
	c := &checker{contract: in.Release, credentialDrivers: credentialDrivers(given)}
	c.table(schemaOf(in.Release.Schema), given, nil)
	return c.faults
}

// schemaOf returns the type that describes gateway.toml of a schema version.
func schemaOf(version int) reflect.Type {
	if version == 1 {
		return reflect.TypeFor[configFile]()
	}
	return reflect.TypeFor[configFileV2]()
}

func (c *checker) fault(path []string, format string, args ...any) {
	c.faults = append(c.faults, faultf(slices.Clone(path), format, args...))
}

// table checks a table against a struct of the schema.
func (c *checker) table(schema reflect.Type, given table, at []string) {
	switch schema {
	case reflect.TypeFor[credentialDriverConfigs]():
		c.credentialDriverTables(reflect.TypeFor[vaultConfig](), reflect.TypeFor[externalDriverConfig](), given, at)
		return
	case reflect.TypeFor[credentialDriverConfigsV2]():
		c.credentialDriverTables(reflect.TypeFor[vaultConfigV2](), reflect.TypeFor[externalDriverConfigV2](), given, at)
		return
	}
	fields := fieldsOf(schema)
	for _, key := range slices.Sorted(maps.Keys(given)) {
		path := append(slices.Clip(at), key)
		field, there := fields[key]
		if !there {
			if !ignoresUnknown(schema, given) {
				c.faults = append(c.faults, fault{path, func() string { return describeUnknown(c.contract, schema, path) }})
			}
			continue
		}
		if !isKnown(field, c.contract.Version) {
			c.faults = append(c.faults, fault{path, func() string { return describeUnsupported(c.contract.Version, schema, field, path) }})
			continue
		}
		if reason := field.Tag.Get("refused"); reason != "" {
			c.fault(path, "cannot be set: %s", refusals[reason])
			continue
		}
		if schema == reflect.TypeFor[profileSource]() && key != "type" && given["type"] != "interceptor" {
			continue // ignored
		}
		c.value(field.Type, field.Tag, given[key], path)
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if _, there := given[key]; !there && fields[key].Tag.Get("required") != "" {
			c.fault(append(slices.Clip(at), key), "is missing; the table %s needs it", dotted(at))
		}
	}
}

// ignoresUnknown reports whether a gateway ignores the keys of a table that the schema does not have.
func ignoresUnknown(schema reflect.Type, given table) bool {
	switch schema {
	case reflect.TypeFor[driverConfigs](), reflect.TypeFor[driverConfigsV2](), reflect.TypeFor[externalDriverConfig]():
		return true
	case reflect.TypeFor[profileSource]():
		return given["type"] != "interceptor"
	}
	return false
}

// credentialDriverTables checks the tables of the drivers that the gateway runs against the types of Vault and of drivers outside
// the gateway. It does not read the others.
func (c *checker) credentialDriverTables(vault, external reflect.Type, given table, at []string) {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, selected := slices.BinarySearch(c.credentialDrivers, name); !selected {
			continue
		}
		path := append(slices.Clip(at), name)
		switch settings, _ := given[name].(table); {
		case name == "vault" && !isExternal(settings):
			c.value(vault, "", given[name], path)
		case name != kubernetesSecrets || isExternal(settings) || c.contract.Schema != 1 && settings["transport"] != nil:
			c.value(external, "", given[name], path)
		}
	}
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
				c.value(schema.Elem(), tag, item, append(slices.Clip(at), strconv.Itoa(i)))
			}
			return
		}
	case reflect.String:
		if text, is := given.(string); is {
			c.text(tag, text, at)
			return
		}
	case reflect.Bool:
		if is, ok := given.(bool); ok {
			if only := tag.Get("enum"); only != "" && fmt.Sprint(is) != only {
				c.fault(at, "is %t; it must be %s", is, enumText(tag))
			}
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
	if values := tag.Get("enum"); values != "" {
		value := given
		if tag.Get("trim") != "" {
			value = strings.TrimSpace(value)
		}
		if !slices.Contains(strings.Split(values, ","), value) {
			c.fault(at, "is %q; it must be %s", message.TruncateMiddle(given), enumText(tag))
		}
	}
	if format, is := formats[partAt(tag.Get("format"), c.contract.Version)]; is && !format.valid(given) {
		c.fault(at, "is %q; it must be %s", message.TruncateMiddle(given), format.want)
	}
}

func (c *checker) number(schema reflect.Type, tag reflect.StructTag, given int64, at []string) {
	first, last := rangeAt(schema, tag, c.contract.Version)
	switch {
	case given < first && last == math.MaxInt64:
		c.fault(at, "is %d; it must be at least %d", given, first)
	case given < first || given > last:
		c.fault(at, "is %d; it must be a number from %d to %d", given, first, last)
	case tag.Get("enum") != "" && !slices.Contains(strings.Split(tag.Get("enum"), ","), fmt.Sprint(given)):
		c.fault(at, "is %d; it must be %s", given, enumText(tag))
	}
}

// kindNames has what TOML calls the types of the schema.
var kindNames = map[reflect.Kind]string{
	reflect.Struct: "a table", reflect.Map: "a table", reflect.Slice: "an array", reflect.String: "a string in quotes", reflect.Bool: "true or false",
	reflect.Int32: "a whole number", reflect.Int64: "a whole number", reflect.Uint32: "a whole number", reflect.Uint64: "a whole number",
}

// typeName returns what TOML calls the type of a decoded value.
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

package gateway

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// schema describes the values of one key of gateway.toml.
type schema struct {
	since    Release // the first release that knows the key, or 0
	until    Release // the last release that knows the key, or 0
	required bool
	check    func(r Release, value any) error // checks one value
	keys     map[string]schema                // the keys of a table
	alias    string                           // another name of the key
}

// from returns the schema for a key that releases before r do not know.
func (s schema) from(r Release) schema { s.since = r; return s }

// to returns the schema for a key that releases after r do not know.
func (s schema) to(r Release) schema { s.until = r; return s }

// must returns the schema for a key that its table needs.
func (s schema) must() schema { s.required = true; return s }

// or returns the schema for a key that may also be written as name.
func (s schema) or(name string) schema { s.alias = name; return s }

// knows reports whether a release knows the key.
func (s schema) knows(r Release) bool { return r >= s.since && (s.until == 0 || r <= s.until) }

// wrongType is the error of the gateway's TOML parser.
func wrongType(value any, want string) error {
	found := map[string]string{"string": "string", "int64": "integer", "float64": "floating point", "bool": "boolean"}[fmt.Sprintf("%T", value)]
	switch value.(type) {
	case map[string]any:
		found = "map"
	case []any:
		found = "sequence"
	}
	return fmt.Errorf("invalid type: %s, expected %s", found, want)
}

// text returns the schema of a string that all of the checks accept.
func text(checks ...func(string) error) schema {
	return schema{check: func(_ Release, value any) error {
		s, ok := value.(string)
		if !ok {
			return wrongType(value, "a string")
		}
		for _, check := range checks {
			if err := check(s); err != nil {
				return err
			}
		}
		return nil
	}}
}

// oneOf returns the schema of a string that has one of these values.
func oneOf(values ...string) schema {
	return text(func(s string) error {
		if !slices.Contains(values, s) {
			return fmt.Errorf("unknown variant `%s`, expected one of `%s`", s, strings.Join(values, "`, `"))
		}
		return nil
	})
}

// boolean returns the schema of true and false.
func boolean() schema {
	return schema{check: func(_ Release, value any) error {
		if _, ok := value.(bool); !ok {
			return wrongType(value, "a boolean")
		}
		return nil
	}}
}

// integer returns the schema of an integer within bounds.
func integer(low, high int64) schema {
	return schema{check: func(_ Release, value any) error {
		n, ok := value.(int64)
		if !ok {
			return wrongType(value, "an integer")
		}
		if n < low || n > high {
			return fmt.Errorf("invalid value: integer `%d`, expected a value from %d to %d", n, low, high)
		}
		return nil
	}}
}

func unsigned() schema   { return integer(0, math.MaxInt64) }
func unsigned32() schema { return integer(0, math.MaxUint32) }

// listOf returns the schema of an array.
func listOf(element schema) schema {
	return schema{check: func(r Release, value any) error {
		values, ok := value.([]any)
		if !ok {
			return wrongType(value, "a sequence")
		}
		for _, value := range values {
			if err := element.accepts(r, value); err != nil {
				return err
			}
		}
		return nil
	}}
}

// mapOf returns the schema of a table with keys of any name.
func mapOf(element schema) schema {
	return schema{check: func(r Release, value any) error {
		values, ok := value.(map[string]any)
		if !ok {
			return wrongType(value, "a map")
		}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			if err := element.accepts(r, values[key]); err != nil {
				return err
			}
		}
		return nil
	}}
}

// anything returns the schema of a value that the gateway does not check.
func anything() schema { return schema{check: func(Release, any) error { return nil }} }

// accepts checks a value.
func (s schema) accepts(r Release, value any) error {
	if s.keys == nil {
		return s.check(r, value)
	}
	table, ok := value.(map[string]any)
	if !ok {
		return wrongType(value, "a table")
	}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		key, ok := s.keyOf(r, name)
		if !ok {
			return fmt.Errorf("unknown field `%s`, expected one of `%s`", name, strings.Join(s.known(r), "`, `"))
		}
		if err := key.accepts(r, table[name]); err != nil {
			return fmt.Errorf("%w\nin `%s`", err, name)
		}
	}
	for _, name := range s.known(r) {
		key := s.keys[name]
		_, given := table[name]
		if _, aliased := table[key.alias]; aliased && given {
			return fmt.Errorf("duplicate field `%s`", name)
		} else if key.required && !given && !aliased {
			return fmt.Errorf("missing field `%s`", name)
		}
	}
	return nil
}

// keyOf returns the schema of the key that is written as name.
func (s schema) keyOf(r Release, name string) (schema, bool) {
	if key, ok := s.keys[name]; ok && key.knows(r) {
		return key, true
	}
	for _, key := range s.keys {
		if key.alias == name && key.knows(r) {
			return key, true
		}
	}
	return schema{}, false
}

// known returns the names of the keys that a release knows.
func (s schema) known(r Release) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(s.keys)), func(name string) bool { return !s.keys[name].knows(r) })
}

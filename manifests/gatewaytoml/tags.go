package gatewaytoml

import (
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// fieldsOf returns the keys of a struct of the schema.
func fieldsOf(schema reflect.Type) map[string]reflect.StructField {
	fields := map[string]reflect.StructField{}
	for field := range schema.Fields() {
		fields[field.Tag.Get("toml")] = field
	}
	return fields
}

// isKnown reports whether gateways of a version know a key of the schema.
func isKnown(field reflect.StructField, version release.Version) bool {
	since, hasFirst := release.Parse(field.Tag.Get("since"))
	until, hasLast := release.Parse(field.Tag.Get("until"))
	return (!hasFirst || !version.Less(since)) && (!hasLast || !until.Less(version))
}

// partAt returns the part of a tag that is for a version. Parts are separated by spaces. One that begins with a version and a
// colon is for gateways from that version on.
func partAt(tag string, version release.Version) string {
	found := ""
	for part := range strings.FieldsSeq(tag) {
		since, rest, is := strings.Cut(part, ":")
		if from, _ := release.Parse(since); !is {
			found = part
		} else if !version.Less(from) {
			found = rest
		}
	}
	return found
}

// rangeAt returns the first and the last number that a gateway of a version accepts: those of the tag range, such as 1-9, or
// else those of the type. A range without a last number ends where the type ends.
func rangeAt(schema reflect.Type, tag reflect.StructTag, version release.Version) (first, last int64) {
	switch schema.Kind() {
	case reflect.Int32:
		first, last = math.MinInt32, math.MaxInt32
	case reflect.Uint32:
		first, last = 0, math.MaxUint32
	case reflect.Uint64:
		first, last = 0, math.MaxInt64
	default:
		first, last = math.MinInt64, math.MaxInt64
	}
	if part := partAt(tag.Get("range"), version); part != "" {
		low, high, _ := strings.Cut(part, "-")
		first, _ = strconv.ParseInt(low, 10, 64)
		if high != "" {
			last, _ = strconv.ParseInt(high, 10, 64)
		}
	}
	return first, last
}

// enumText lists the values of the tag enum.
func enumText(tag reflect.StructTag) string {
	text := strings.ReplaceAll(tag.Get("enum"), ",", " or ")
	if note := tag.Get("note"); note != "" {
		text += ", because " + note
	}
	return text
}

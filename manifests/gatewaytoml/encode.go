package gatewaytoml

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/pelletier/go-toml/v2"
)

// maxRenderedSize bounds gateway.toml, in bytes.
const maxRenderedSize = 128 << 10

// encode returns a gateway.toml as text. It rejects a tenant's text that would make it too large.
func encode(text string, merged table) ([]byte, error) {
	if err := checkRenderedSize(text, merged); err != nil {
		return nil, err
	}
	return toml.Marshal(merged)
}

// checkRenderedSize rejects a text that makes gateway.toml too large. The encoder repeats the names of all outer tables in
// each header, so its output can be much larger than the text.
func checkRenderedSize(config string, rendered table) error {
	var s sizer
	s.table(rendered, nil, 0)
	if s.total <= maxRenderedSize {
		return nil
	}
	return errorsOf(config, []fault{{s.largestAt, func() string {
		return fmt.Sprintf("makes gateway.toml larger than %d bytes: this alone takes %d, since headers repeat the names of outer tables; "+
			"shorten names and values, or remove tables", maxRenderedSize, s.largest)
	}}})
}

// sizer adds up how many bytes a table takes as TOML at most, and finds the value or header that takes the most.
type sizer struct {
	total, largest int
	largestAt      []string
}

func (s *sizer) add(size int, path []string) {
	s.total += size
	if size > s.largest {
		s.largest, s.largestAt = size, slices.Clone(path)
	}
}

// table adds a table's content. Names is the size of the names of the table and of those around it.
func (s *sizer) table(t table, path []string, names int) {
	for _, key := range slices.Sorted(maps.Keys(t)) {
		at, name := append(slices.Clip(path), key), stringSize(key)
		switch value := t[key].(type) {
		case table:
			s.add(names+name+headerSize, at)
			s.table(value, at, names+name+1)
		case []any:
			if !areTables(value) {
				s.add(name+valueSize(value)+lineSize, at)
				continue
			}
			for i, item := range value {
				at := append(slices.Clip(at), strconv.Itoa(i))
				s.add(names+name+headerSize, at)
				s.table(item.(table), at, names+name+1)
			}
		default:
			s.add(name+valueSize(value)+lineSize, at)
		}
	}
}

const (
	headerSize = len("\n[[]]\n")
	lineSize   = len(" = \n")
	dateSize   = len("2006-01-02T15:04:05.999999999+07:00") + 10
)

// areTables reports whether an array is written as one header an item.
func areTables(items []any) bool {
	return len(items) > 0 && !slices.ContainsFunc(items, func(item any) bool {
		_, is := item.(table)
		return !is
	})
}

// valueSize returns how many bytes a value takes at most within a line.
func valueSize(value any) int {
	switch value := value.(type) {
	case string:
		return stringSize(value)
	case bool:
		return len("false")
	case int64:
		return len("-9223372036854775808")
	case float64:
		var digits [400]byte
		return len(strconv.AppendFloat(digits[:0], value, 'f', -1, 64)) + len(".0")
	case []any:
		size := len("[]")
		for _, item := range value {
			size += valueSize(item) + len(", ")
		}
		return size
	case table:
		size := len("{}")
		for key, item := range value {
			size += stringSize(key) + len(" = ") + valueSize(item) + len(", ")
		}
		return size
	}
	return dateSize
}

// stringSize returns how many bytes a string takes at most in quotes.
func stringSize(text string) int {
	size := len(`""`) + len(text)
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\n' || c == '\t' || c == '"' || c == '\\':
			size++
		case c < ' ' || c == 0x7f:
			size += len(`\u0000`) - 1
		}
	}
	return size
}

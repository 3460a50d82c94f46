package gatewaytoml

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
)

// specField is the field of a GatewayTenant that has the text, for messages.
const specField = "spec.config"

// fault is something wrong with a key of a tenant's TOML. A text can have thousands, and few are shown, so the message is
// written when it is needed.
type fault struct {
	path    []string // with the index of an item of an array as a step
	message func() string
}

// faultf returns a fault of a key.
func faultf(path []string, format string, args ...any) fault {
	return fault{path, func() string { return fmt.Sprintf(format, args...) }}
}

// sameKey reports whether another fault is about the same key.
func (f fault) sameKey(other fault) bool { return slices.Equal(f.path, other.path) }

// finder records a fault of a key. A step of the key that is a number is the index of an item of an array.
type finder func(key, format string, args ...any)

// Errors are the errors of a text, in its order.
type Errors struct {
	faults []fault
	at     []position // of each
}

// errorsOf returns the errors about faults.
func errorsOf(config string, faults []fault) error {
	keys := keysOf(config)
	e := &Errors{faults: faults}
	slices.SortStableFunc(faults, func(a, b fault) int {
		return cmp.Or(keys.position(a.path).compare(keys.position(b.path)), slices.Compare(a.path, b.path))
	})
	for _, fault := range faults {
		e.at = append(e.at, keys.position(fault.path))
	}
	return e
}

// Len returns the number of errors.
func (e *Errors) Len() int { return len(e.faults) }

// Messages returns the messages of the first errors, at most limit.
func (e *Errors) Messages(limit int) []string {
	var messages []string
	for i, fault := range e.faults[:min(limit, len(e.faults))] {
		messages = append(messages, errorAt(e.at[i], "%s %s", message.TruncateMiddle(dotted(fault.path)), fault.message()).Error())
	}
	return messages
}

func (e *Errors) Error() string { return message.List(e.Messages(message.MaxListed), e.Len()) }

// errorAt returns the error about a position in spec.config.
func errorAt(at position, format string, args ...any) error {
	return fmt.Errorf("%s, %s: %s", specField, at, fmt.Sprintf(format, args...))
}

// dotted returns a path in the usual notation: a.b[0].c.
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

// printableKey returns a key of TOML for a list: short, and in quotes if it has unusual characters.
func printableKey(key string) string {
	const most = 64
	if len(key) > most {
		key = strings.ToValidUTF8(key[:most], "") + "…"
	}
	if quoted := strconv.QuoteToGraphic(key); strings.ContainsAny(key, ". ") || quoted != `"`+key+`"` {
		return quoted
	}
	return key
}

// shown returns a value nearly as TOML has it.
func shown(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value) // infinity and the like
	}
	return message.TruncateMiddle(string(text))
}

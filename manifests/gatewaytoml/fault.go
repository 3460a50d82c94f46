package gatewaytoml

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
)

// specField is the field of a GatewayTenant that has the text, for messages.
const specField = "spec.config"

// fault is something wrong with a key of a tenant's TOML. A text can have thousands, and only one is shown, so the message is
// written when it is needed.
type fault struct {
	path    []string // with the index of an item of an array as a step
	message func() string
}

// faultf returns a fault of a key.
func faultf(path []string, format string, args ...any) fault {
	return fault{path, func() string { return fmt.Sprintf(format, args...) }}
}

// finder records a fault of a key. A step of the key that is a number is the index of an item of an array.
type finder func(key, format string, args ...any)

// firstFault returns the error about the first of some faults, in the order of the text, and counts the others.
func firstFault(config string, faults []fault) error {
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
	return errorAt(at, "%s %s%s", message.TruncateMiddle(dotted(first.path)), first.message(), more)
}

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

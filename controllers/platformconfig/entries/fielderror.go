package entries

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// fieldError is an error about a field of an entry.
type fieldError struct{ field, message string }

func newFieldError(field, message string) error { return &fieldError{field, field + " " + message} }

func (e *fieldError) Error() string { return e.message }

// inEntry translates an error about a GatewayTenant to its entry: the spec is the entry's gateway.
func inEntry(err error) error {
	rejected := new(manifests.RejectedError)
	if !errors.As(err, &rejected) {
		return err
	}
	field, is := strings.CutPrefix(rejected.Field, "spec.")
	if !is {
		return err
	}
	field = "gateway." + field
	return &fieldError{field, strings.Replace(rejected.Message, rejected.Field, field, 1)}
}

// unknownField matches the error of a strict decoder about an unknown field.
var unknownField = regexp.MustCompile(`unknown field "([^"]+)"`)

// at adds the line of the field that an error is about. Prefix is the path of the decoded value.
func at(item *yaml.Node, prefix string, err error) error {
	field, message := "", err.Error()
	if is := new(fieldError); errors.As(err, &is) {
		field = is.field
	} else if found := unknownField.FindStringSubmatch(message); found != nil {
		field = prefix + found[1]
		message = fmt.Sprintf("%s is not a field that there is", field)
	} else if mistyped, is := errors.AsType[*json.UnmarshalTypeError](err); is {
		field = prefix + mistyped.Field
		message = fmt.Sprintf("%s is a %s and must be a %s", field, mistyped.Value, mistyped.Type)
	} else {
		return err
	}
	node := nearest(item, field)
	if node.Kind == yaml.ScalarNode && !strings.Contains(node.Value, "\n") && !strings.Contains(message, node.Value) {
		message = fmt.Sprintf("%s (%q)", message, node.Value)
	}
	return &positionError{node.Line, message, field}
}

package gatewaytenant

import (
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
)

// errorMessage returns the message of an error. If several were joined, those with the reason of the condition come first, since
// the rest may be truncated.
func errorMessage(err error) string {
	var first, others []string
	reason := reasonOf(err)
	for _, one := range flatten(err) {
		if reasonOf(one) == reason {
			first = append(first, message.ReplaceVariable(one.Error()))
		} else {
			others = append(others, message.ReplaceVariable(one.Error()))
		}
	}
	return message.Truncate(strings.Join(append(first, others...), "\n"), message.MaxLength)
}

// flatten returns the errors that were joined to one. No error here wraps several in a message of its own.
func flatten(err error) []error {
	several, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // this is about the error itself, not about what it wraps
	if !ok {
		return []error{err}
	}
	var all []error
	for _, one := range several.Unwrap() {
		all = append(all, flatten(one)...)
	}
	return all
}

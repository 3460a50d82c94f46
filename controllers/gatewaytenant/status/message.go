package status

import (
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
)

func truncate(text string) string { return message.Truncate(text, message.MaxLength) }

// errorMessage describes what went wrong. The errors that decide on the reason come first, since the end may be truncated.
func errorMessage(err error) string {
	var first, others []string
	reason := reasonOf(err)
	for _, one := range flatten(err) {
		text := message.ReplaceVariable(one.Error())
		if reasonOf(one) == reason {
			first = append(first, text)
		} else {
			others = append(others, text)
		}
	}
	return truncate(strings.Join(append(first, others...), "\n"))
}

// flatten returns the errors that errors.Join has joined.
func flatten(err error) []error {
	several, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // the joined error itself, not what it wraps
	if !ok {
		return []error{err}
	}
	var all []error
	for _, one := range several.Unwrap() {
		all = append(all, flatten(one)...)
	}
	return all
}

package status

import (
	"errors"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
)

func truncate(text string) string { return message.Truncate(text, message.MaxLength) }

// errorMessage describes what went wrong: each error, with what to do about it. The errors that decide on the reason come first. Of
// several texts of the API server, each has less room, so that the message names all objects.
func errorMessage(err error) string {
	const least = message.MaxLength / 3
	var first, others []string
	all, reason := flatten(err), reasonOf(err)
	for _, one := range all {
		text := describe(one, max(message.MaxLength/len(all), least))
		if reasonOf(one) == reason {
			first = append(first, text)
		} else {
			others = append(others, text)
		}
	}
	return strings.Join(append(first, others...), "\n")
}

// describe returns the message of an error and what to do about it. What the API server reported has at most limit bytes.
func describe(err error, limit int) string {
	if refused, is := errors.AsType[*diagnose.RefusedError](err); is {
		return message.Truncate(message.ReplaceVariable(refused.Err.Error()), limit) + "; " + refused.Remedy
	}
	if plan.IsConflict(err) || plan.IsBeingRemoved(err) || plan.IsMissingAPI(err) { // they end with what to do, and are worded by the operator
		return message.Truncate(err.Error(), message.MaxLength)
	}
	return message.Truncate(message.ReplaceVariable(err.Error()), limit)
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

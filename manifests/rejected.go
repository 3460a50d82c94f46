package manifests

import (
	"fmt"

	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
)

// RejectedError is the error about a spec that is rejected. Nothing of such a spec is applied.
type RejectedError struct {
	// Reason is a reason of the condition Accepted.
	Reason string
	// Field is the path of the invalid field.
	Field string
	// Message has the field, its value and the way out.
	Message string
}

// Error returns the message.
func (e *RejectedError) Error() string { return e.Message }

// reject returns a RejectedError. It truncates a long value.
func reject(reason, field, value, format string, args ...any) *RejectedError {
	text := fmt.Sprintf(format, args...)
	if value != "" {
		text = fmt.Sprintf(": %q %s", message.TruncateMiddle(value), text)
	} else {
		text = " " + text
	}
	return &RejectedError{Reason: reason, Field: field, Message: field + text}
}

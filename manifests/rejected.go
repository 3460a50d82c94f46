package manifests

import (
	"fmt"

	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
)

// RejectedError says why a spec is refused. Nothing of such a spec is applied.
type RejectedError struct {
	// Reason is a reason of the condition Accepted.
	Reason string
	// Field is the path of the field that is at fault.
	Field string
	// Message names the field, its value and the way out.
	Message string
}

// Error is the message.
func (e *RejectedError) Error() string { return e.Message }

// reject returns a RejectedError. It truncates a long value.
func reject(reason, field, value, format string, args ...any) *RejectedError {
	text := fmt.Sprintf(format, args...)
	if value != "" {
		text = fmt.Sprintf(": %q %s", message.Truncate(value), text)
	} else {
		text = " " + text
	}
	return &RejectedError{Reason: reason, Field: field, Message: field + text}
}

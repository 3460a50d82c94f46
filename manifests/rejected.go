package manifests

import (
	"errors"
	"fmt"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/gatewaytoml"
	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
)

// RejectedError is the error about a spec that is rejected. Nothing of such a spec is applied.
type RejectedError struct {
	// Reason is a reason of the condition Accepted.
	Reason string
	// Field is the path of the invalid field.
	Field string
	// Message has the field, its value and what to do. If several fields are invalid, Reason and Field are those of the first, and
	// Message lists as many as it has room for.
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

// appendRejected appends an error unless it is nil. It must be a [*RejectedError].
func appendRejected(errs []*RejectedError, err error) []*RejectedError {
	if rejected, is := errors.AsType[*RejectedError](err); is {
		errs = append(errs, rejected)
	}
	return errs
}

// rejections returns an error that lists several. More is the number of those that are not given. It returns nil if there are none.
func rejections(errs []*RejectedError, more int) error {
	switch {
	case len(errs) == 0:
		return nil
	case len(errs)+more == 1:
		return errs[0]
	}
	var messages []string
	for _, err := range errs {
		messages = append(messages, err.Message)
	}
	return &RejectedError{Reason: errs[0].Reason, Field: errs[0].Field, Message: message.List(messages, len(errs)+more)}
}

// rejectConfig translates an error about spec.config. It returns at most limit errors, and the number of the others.
func rejectConfig(err error, limit int) (errs []*RejectedError, more int) {
	messages := []string{err.Error()}
	if all, is := errors.AsType[*gatewaytoml.Errors](err); is {
		messages = all.Messages(limit)
		more = all.Len() - len(messages)
	}
	for _, text := range messages {
		errs = append(errs, &RejectedError{Reason: v1alpha1.ReasonInvalidConfig, Field: "spec.config", Message: text})
	}
	return errs, more
}

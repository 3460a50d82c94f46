package plan

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// ConflictError reports an object that has a name of the tenant's objects and that another owner manages.
type ConflictError struct {
	// Object is its kind, namespace and name.
	Object string
	// Why is who manages it, and how to proceed.
	Why string
	// Uncached reports whether the object is in no cache, so that its deletion is no event.
	Uncached bool
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s is there already and %s", e.Object, e.Why)
}

// IsConflict reports whether an error is or wraps a ConflictError.
func IsConflict(err error) bool { return errors.As(err, new(*ConflictError)) }

// BeingRemovedError reports an object that is still being removed. The end of the removal is an event.
type BeingRemovedError struct {
	// Object is its kind, namespace and name.
	Object string
	// Removal says what keeps the object. It is empty if that is not known.
	Removal string
	// Consequence is what the removal leads to, and how to proceed. It is empty if the operator creates the object again.
	Consequence string
}

func (e *BeingRemovedError) Error() string {
	return strings.TrimSuffix(e.Object+" "+cmp.Or(e.Removal, "is still being removed")+": "+e.Consequence, ": ")
}

// IsBeingRemoved reports whether an error is or wraps a BeingRemovedError.
func IsBeingRemoved(err error) bool { return errors.As(err, new(*BeingRemovedError)) }

// MissingAPIError reports an API without which the gateway would not start. Its installation is an event.
type MissingAPIError struct{ Missing string }

func (e *MissingAPIError) Error() string { return e.Missing }

// IsMissingAPI reports whether an error is or wraps a MissingAPIError.
func IsMissingAPI(err error) bool { return errors.As(err, new(*MissingAPIError)) }

// IsUncachedConflict reports whether an error is or wraps a ConflictError about an object that is in no cache.
func IsUncachedConflict(err error) bool {
	conflict, is := errors.AsType[*ConflictError](err)
	return is && conflict.Uncached
}

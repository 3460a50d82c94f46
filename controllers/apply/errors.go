package apply

import (
	"errors"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// IsFieldConflict reports whether an object was not applied because other managers own fields of it. It is false for a
// conflict that goes away when the request is repeated with a newer object.
func IsFieldConflict(err error) bool {
	return apierrors.IsConflict(err) && hasCause(err, func(cause metav1.StatusCause) bool { return cause.Type == metav1.CauseTypeFieldManagerConflict })
}

// IsOutdated reports whether an object was not applied because it has changed since it was observed. Webhooks may reject with a
// conflict, too, so the text of the API server's error decides.
func IsOutdated(err error) bool {
	return apierrors.IsConflict(err) && strings.Contains(err.Error(), "the object has been modified")
}

// isOtherUID reports whether the API server rejected an object because the existing one has another uid.
func isOtherUID(err error) bool {
	return apierrors.IsInvalid(err) && hasCause(err, func(cause metav1.StatusCause) bool { return cause.Field == "metadata.uid" })
}

// hasCause reports whether one of the API server's causes for an error matches.
func hasCause(err error, matches func(metav1.StatusCause) bool) bool {
	status := apierrors.APIStatus(nil)
	return errors.As(err, &status) && status.Status().Details != nil && slices.ContainsFunc(status.Status().Details.Causes, matches)
}

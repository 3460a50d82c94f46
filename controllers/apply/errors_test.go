package apply

import (
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestConflictThatPassesIsNobodysObject: only one that names a field and its manager tells of somebody else's object.
// TestForeignObjectIsNotOverwritten has the API server say it.
func TestConflictThatPassesIsNobodysObject(t *testing.T) {
	owned := apierrors.NewApplyConflict([]metav1.StatusCause{{Type: metav1.CauseTypeFieldManagerConflict, Message: `conflict with "somebody"`, Field: ".spec.ports"}}, "1 conflict")
	for _, err := range []error{owned, fmt.Errorf("applying Service a/b: %w", owned)} {
		if !IsFieldConflict(err) {
			t.Errorf("not owned: %v", err)
		}
	}
	passes := apierrors.NewConflict(schema.GroupResource{Resource: "services"}, "b", errors.New("the object has been modified"))
	for _, err := range []error{passes, apierrors.NewServiceUnavailable("busy"), errors.New("reset"), nil} {
		if IsFieldConflict(err) {
			t.Errorf("owned: %v", err)
		}
		if IsOutdated(err) != errors.Is(err, passes) {
			t.Errorf("the object has changed: %t (%v)", IsOutdated(err), err)
		}
	}
}

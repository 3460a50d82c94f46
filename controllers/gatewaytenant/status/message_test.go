package status

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
)

// TestErrorMessageBeginsWithTheReason expects the error that decides on the reason first, since the others may be truncated.
func TestErrorMessageBeginsWithTheReason(t *testing.T) {
	reset := fmt.Errorf("applying Service a/b: %w", errors.New("read tcp 127.0.0.1:38672->127.0.0.1:443: connection reset by peer"))
	denied := errors.New("denied the request:\n\nthe cause" + strings.Repeat("x", 600))
	conflict := &plan.ConflictError{Object: "ConfigMap a/b", Why: "is somebody else's"}
	err := errors.Join(errors.Join(reset, conflict), denied)
	const first = "ConfigMap a/b is there already and is somebody else's\n"
	message := errorMessage(err)
	if !strings.HasPrefix(message, first) {
		t.Errorf("the message is %q, want it to begin with %q", message, first)
	}
	for _, want := range []string{"tcp 127.0.0.1->127.0.0.1:443", "the cause"} {
		if !strings.Contains(message, want) {
			t.Errorf("the message is %q, want it to contain %q", message, want)
		}
	}
}

func TestRetry(t *testing.T) {
	conflict := &plan.ConflictError{Object: "ConfigMap a/b", Why: "is somebody else's"}
	uncached := &plan.ConflictError{Object: "ClusterRoleBinding b", Why: "is somebody else's", Uncached: true}
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"no error", nil, false},
		{"a request failed", errors.New("connection reset"), true},
		{"a conflict", conflict, false},
		{"a conflict about an object that is in no cache", uncached, true},
		{"an object is being removed", &plan.BeingRemovedError{Object: "Service a/b"}, false},
		{"an API is missing", &plan.MissingAPIError{Missing: "install it"}, false},
		{"a conflict, and a request failed", errors.Join(errors.Join(errors.New("connection reset"), conflict), errors.New("denied")), true},
		{"a conflict, and an API is missing", errors.Join(conflict, &plan.MissingAPIError{Missing: "install it"}), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if is := Retry(c.err); is != c.want {
				t.Errorf("Retry is %t, want %t", is, c.want)
			}
		})
	}
}

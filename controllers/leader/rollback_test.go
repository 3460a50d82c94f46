package leader

import (
	"context"
	"errors"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// TestRollbackCheck reads a Lease whose version goes back once.
func TestRollbackCheck(t *testing.T) {
	version, failure := "", error(nil)
	check := &RollbackCheck{Namespace: "n", Name: "l", Reader: interceptor.NewClient(nil, interceptor.Funcs{
		Get: func(_ context.Context, _ client.WithWatch, _ client.ObjectKey, object client.Object, _ ...client.GetOption) error {
			object.SetResourceVersion(version)
			return failure
		},
	})}
	for _, step := range []struct {
		what, version string
		failure       error
		older         bool
	}{
		{"the first one", "98", nil, false},
		{"the same", "98", nil, false},
		{"a renewed one", "101", nil, false},
		{"one that cannot be read", "", errors.New("refused"), false},
		{"one that was restored", "99", nil, true},
		{"one that was renewed since", "103", nil, false},
	} {
		version, failure = step.version, step.failure
		err := check.check(t.Context())
		if older := err != nil; older != step.older {
			t.Errorf("%s: %v, want an error: %t", step.what, err, step.older)
		}
		if step.older && err != nil && !strings.Contains(err.Error(), "n/l has resourceVersion 99 after 101") {
			t.Errorf("the error is %q", err)
		}
	}
}

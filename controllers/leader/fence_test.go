package leader

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// answers is a server that answers all requests with one status.
type answers int

func (status answers) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: int(status)}, nil
}

// TestFenceLetsOnlyALeaderWrite, counting from when it asked for its lease.
func TestFenceLetsOnlyALeaderWrite(t *testing.T) {
	const leases, tenants = "/apis/coordination.k8s.io/v1/namespaces/n/leases/l", "/apis/openshell.ambient-code.io/v1alpha1/namespaces/n/gatewaytenants/g/status"
	now := time.Unix(1000, 0)
	f := &fence{lease: &lease{now: func() time.Time { return now }}}
	for _, step := range []struct {
		what         string
		after        time.Duration
		method, path string
		answer       answers
		passes       bool
	}{
		{"a read", 0, http.MethodGet, tenants, 200, true},
		{"a write before there is a lease", 0, http.MethodPatch, tenants, 200, false},
		{"a lease that is refused", 0, http.MethodPut, leases, 409, true},
		{"a write after that", 0, http.MethodPatch, tenants, 200, false},
		{"a lease", 0, http.MethodPut, leases, 200, true},
		{"a write", LeaseDuration - 1, http.MethodPatch, tenants, 200, true},
		{"a write when it is over", 1, http.MethodPatch, tenants, 200, false},
		{"an event", 0, http.MethodPost, "/apis/events.k8s.io/v1/namespaces/n/events", 201, true},
		{"a new lease", 0, http.MethodPut, leases, 200, true},
		{"a deletion", 0, http.MethodDelete, tenants, 200, true},
	} {
		now = now.Add(step.after)
		f.next = step.answer
		if _, err := f.RoundTrip(httptest.NewRequest(step.method, step.path, nil)); (err == nil) != step.passes { //nolint:bodyclose // there is none
			t.Errorf("%s: %v; want it to pass: %v", step.what, err, step.passes)
		}
	}
}

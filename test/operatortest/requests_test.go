package operatortest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// recorder stands in for a test that may fail.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }

func TestQuietForFailsAtAWriteOnly(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	for _, c := range []struct {
		method, path string
		want         bool
	}{
		{http.MethodPatch, "/api/v1/namespaces/a/services/b?force=true", true},
		{http.MethodGet, "/api/v1/namespaces/a/services/b", false},
		{http.MethodPut, "/apis/coordination.k8s.io/v1/namespaces/a/leases/b", false},
		{http.MethodPost, "/apis/events.k8s.io/v1/namespaces/a/events", false},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			requests, watched := &Requests{}, &recorder{TB: t}
			client := &http.Client{Transport: requests.Wrap(http.DefaultTransport)}
			done := make(chan struct{})
			go func() {
				defer close(done)
				requests.QuietFor(watched, 100*time.Millisecond, Writes)
			}()
			for sent := false; !sent; sent = closed(done) { // It may not have begun to watch at the first request.
				request, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+c.path, nil)
				if err != nil {
					t.Fatal(err)
				}
				response, err := client.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				_ = response.Body.Close()
			}
			if watched.failed != c.want {
				t.Errorf("failed: %v, want %v", watched.failed, c.want)
			}
			all := requests.Take(func(string) bool { return true })
			if !slices.Contains(all, c.method+" "+c.path) {
				t.Errorf("recorded: %s", strings.Join(all, ", "))
			}
		})
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

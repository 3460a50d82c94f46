package operatortest

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Requests records the requests of an operator. A request is its method and URI, such as
// "PATCH /api/v1/namespaces/tenant/services/openshell-gateway?force=true".
type Requests struct {
	mu       sync.Mutex
	sent     []string // since the last call of Take
	watchers []chan<- string
}

// Wrap returns a round tripper that records each request before it is sent.
func (r *Requests) Wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		r.record(request.Method + " " + request.URL.RequestURI())
		return next.RoundTrip(request)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func (r *Requests) record(request string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, request)
	for _, watcher := range r.watchers {
		select {
		case watcher <- request:
		default: // The watcher has more to read than it needs.
		}
	}
}

// Take returns those of the requests since the last call for which match returns true.
func (r *Requests) Take(match func(request string) bool) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var taken []string
	for _, request := range r.sent {
		if match(request) {
			taken = append(taken, request)
		}
	}
	r.sent = nil
	return taken
}

// watch returns a channel of the requests from now on.
func (r *Requests) watch() (requests <-chan string, stop func()) {
	watcher := make(chan string, 10_000)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers = append(r.watchers, watcher)
	return watcher, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.watchers = slices.DeleteFunc(r.watchers, func(w chan<- string) bool { return w == watcher })
	}
}

// QuietFor fails the test if a request for which match returns true is sent while the functions run or within a time after
// them. It returns at the first one.
func (r *Requests) QuietFor(t testing.TB, d time.Duration, match func(request string) bool, during ...func()) {
	t.Helper()
	requests, stop := r.watch()
	defer stop()
	for _, f := range during {
		f()
	}
	for end := time.After(d); ; {
		select {
		case request := <-requests:
			if match(request) {
				t.Errorf("the operator must be quiet for %s, and sent %s", d, request)
				return
			}
		case <-end:
			return
		}
	}
}

// WaitIdle waits until no request for which match returns true was sent for a time. It fails the test if that takes longer
// than limit.
func (r *Requests) WaitIdle(t testing.TB, d, limit time.Duration, match func(request string) bool) {
	t.Helper()
	requests, stop := r.watch()
	defer stop()
	idle, last := time.NewTimer(d), ""
	defer idle.Stop()
	for late := time.After(limit); ; {
		select {
		case request := <-requests:
			if match(request) {
				last = request
				idle.Reset(d)
			}
		case <-idle.C:
			return
		case <-late:
			t.Fatalf("within %s the operator was never idle for %s; its last request was %s", limit, d, last)
		}
	}
}

// Writes reports whether a request changes an object. Events and the leader's Lease do not count.
func Writes(request string) bool {
	return !strings.HasPrefix(request, http.MethodGet+" ") && !strings.Contains(request, "/leases") && !strings.Contains(request, "/events")
}

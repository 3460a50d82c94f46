package leader

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// Fence returns a copy of kube whose clients write only while this process holds the leader's Lease. Leader election alone
// does not ensure that: as client-go's leaderelection documents, a leader that was frozen until its Lease expired continues,
// with outdated caches, until it notices.
func Fence(kube *rest.Config) *rest.Config {
	kube = rest.CopyConfig(kube)
	lease := &lease{now: time.Now}
	kube.Wrap(func(next http.RoundTripper) http.RoundTripper { return &fence{next, lease} })
	return kube
}

// lease holds the time at which this process's Lease expires. It is counted from when the request that renewed the Lease
// was sent, which no object records; a process that restarts holds no Lease.
type lease struct {
	now func() time.Time

	mu    sync.Mutex
	until time.Time
}

// fence rejects writes without a Lease.
type fence struct {
	next  http.RoundTripper
	lease *lease
}

// RoundTrip sends a request. It returns an error for a write without a Lease.
func (f *fence) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := f.lease.now()
	switch path := request.URL.Path; {
	case request.Method == http.MethodGet || strings.HasSuffix(path, "/events"):
		return f.next.RoundTrip(request)
	case strings.HasPrefix(path, "/apis/coordination.k8s.io/"):
		response, err := f.next.RoundTrip(request)
		if err == nil && response.StatusCode < http.StatusMultipleChoices {
			f.lease.mu.Lock()
			f.lease.until = sent.Add(LeaseDuration) // other replicas count from when they see the renewal, which is later
			f.lease.mu.Unlock()
		}
		return response, err
	}
	f.lease.mu.Lock()
	over := sent.Sub(f.lease.until)
	f.lease.mu.Unlock()
	if over >= 0 {
		return nil, fmt.Errorf("this replica's lease is over since %s: another one may lead", over.Round(time.Millisecond))
	}
	return f.next.RoundTrip(request)
}

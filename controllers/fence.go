package controllers

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// fenced is a configuration for an operator that is one of several replicas. Leader election alone lets a leader that was
// frozen past its lease go on, from caches that are old by then, until it has noticed: client-go's leaderelection says
// so of itself. Behind the fence it cannot write any more once its lease, as it last renewed it, is over.
func fenced(kube *rest.Config) *rest.Config {
	kube = rest.CopyConfig(kube)
	lease := &lease{now: time.Now}
	kube.Wrap(func(next http.RoundTripper) http.RoundTripper { return &fence{next, lease} })
	return kube
}

// lease is until when this process leads, as far as it knows.
type lease struct {
	now func() time.Time

	mu    sync.Mutex
	until time.Time
}

// fence refuses writes without a lease.
type fence struct {
	next  http.RoundTripper
	lease *lease
}

// RoundTrip sends a request, or refuses it.
func (f *fence) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := f.lease.now()
	switch path := request.URL.Path; {
	case request.Method == http.MethodGet || strings.HasSuffix(path, "/events"):
		return f.next.RoundTrip(request)
	case strings.HasPrefix(path, "/apis/coordination.k8s.io/"):
		response, err := f.next.RoundTrip(request)
		if err == nil && response.StatusCode < http.StatusMultipleChoices {
			f.lease.mu.Lock()
			f.lease.until = sent.Add(leaseDuration) // others count from when they see it, which is later
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

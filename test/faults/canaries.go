package main

import "net/http"

// canary is a deliberate bug.
type canary struct {
	name string
	bug  func(c *infection, request *http.Request) (*http.Response, error)
}

// infection is a canary's bug in one operator.
type infection struct {
	next http.RoundTripper
	of   *proxy
	bug  func(c *infection, request *http.Request) (*http.Response, error)
}

// infect puts the bug, if there is one, between an operator and its end of the proxy.
func (c *canary) infect(next http.RoundTripper, p *proxy) http.RoundTripper {
	if c == nil {
		return next
	}
	return &infection{next: next, of: p, bug: c.bug}
}

// RoundTrip does what the bug does.
func (i *infection) RoundTrip(request *http.Request) (*http.Response, error) {
	return i.bug(i, request)
}

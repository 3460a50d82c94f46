package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"
)

// canary is a deliberate bug, and the plan that must find it.
type canary struct {
	name     string
	class    string // of published bugs that it stands for
	workload string
	kind     string // empty: the plan without a fault, in which a bug that has a kind must not show
	at       string
	child    string
	as       string // what it must be found for: an expression that fits it
	bug      func(i *infection, request *http.Request) (*http.Response, error)
}

// plans are the one that must find the bug and, if it takes a fault to bring it to light, the one without the fault, in
// which it must not show.
func (c *canary) plans(seed uint64) []plan {
	without := plan{workload: workloadNamed(c.workload), kind: undisturbed}.seeded(seed)
	without.bug = c
	if c.kind == "" {
		return []plan{without}
	}
	with := plan{workload: without.workload, kind: kindNamed(c.kind), at: c.at, child: c.child}.seeded(seed)
	with.seed += 29999 - with.seed%30000 // a multiple of all that upTo is asked for: its fault lasts as long as it can
	with.bug = c
	return []plan{with, without}
}

// misses says why one of its plans does not show that the bug is found; empty: it does.
func (c *canary) misses(out outcome) string {
	finds := func(wrong string) bool { return regexp.MustCompile(c.as).MatchString(wrong) }
	switch shows := c.kind == "" || out.kind.name == c.kind; {
	case !out.reached:
		return "its point was not reached"
	case !shows && len(out.wrong) > 0:
		return "it shows without its fault: " + out.wrong[0]
	case shows && len(out.wrong) == 0:
		return "nothing was wrong"
	case shows && !slices.ContainsFunc(out.wrong, finds):
		return "it was found for something else: " + out.wrong[0]
	}
	return ""
}

// infection is a canary's bug in one operator, between its client and its end of the proxy.
type infection struct {
	next   http.RoundTripper
	of     *operator
	bug    func(i *infection, request *http.Request) (*http.Response, error)
	mine   sync.Map // what this operator remembers
	memory *sync.Map
	begun  sync.Once
}

// infect puts the bug, if there is one, into an operator.
func (c *canary) infect(end *operatorEnd) http.RoundTripper {
	if c == nil {
		return end
	}
	return &infection{next: end, of: end.of, bug: c.bug, memory: &end.of.proxy.memory}
}

// RoundTrip does what the bug does to a request.
func (i *infection) RoundTrip(request *http.Request) (*http.Response, error) {
	return i.bug(i, request)
}

// is tells whether a request is the given write, such as APPLY services/openshell-gateway.
func (i *infection) is(request *http.Request, key string) bool {
	return writes(request) && keyOf(request, i.of.proxy.namespace) == key
}

// pretend answers a write as if it had been done.
func pretend(request *http.Request) *http.Response {
	object := map[string]any{}
	if err := json.Unmarshal(bodyOf(request), &object); err != nil { // not an object: a list of changes
		object = map[string]any{"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": map[string]any{}}
	}
	return answer(request, http.StatusOK, http.Header{"Content-Type": {"application/json"}}, object)
}

// bodyOf reads a request's body, and leaves it to be read again.
func bodyOf(request *http.Request) []byte {
	if request.Body == nil {
		return nil
	}
	text, err := io.ReadAll(request.Body)
	if err != nil {
		return nil
	}
	request.Body = io.NopCloser(bytes.NewReader(text))
	return text
}

// rewrite changes the object in a request.
func rewrite(request *http.Request, edit func(object map[string]any)) *http.Request {
	object := map[string]any{}
	if json.Unmarshal(bodyOf(request), &object) != nil {
		return request
	}
	edit(object)
	return another(request, request.Method, request.URL.Path, object)
}

// another is a request like one that the operator made, of its rights.
func another(request *http.Request, method, path string, object any) *http.Request {
	like := request.Clone(context.WithoutCancel(request.Context()))
	like.Method, like.URL.Path, like.URL.RawPath = method, path, ""
	like.Header = maps.Clone(like.Header)
	text := []byte(nil)
	if object != nil {
		var err error
		if text, err = json.Marshal(object); err != nil {
			panic(err) // what was unmarshalled can be marshalled
		}
	} else {
		like.URL.RawQuery = ""
		like.Header.Set("Content-Type", "application/json")
	}
	like.Body, like.ContentLength, like.GetBody = io.NopCloser(bytes.NewReader(text)), int64(len(text)), nil
	return like
}

// every does something again and again while the operator lives.
func (i *infection) every(period time.Duration, do func()) {
	i.begun.Do(func() {
		go func() {
			for i.of.ctx.Err() == nil {
				time.Sleep(period)
				do()
			}
		}()
	})
}

// field is an object within an object.
func field(object map[string]any, path ...string) map[string]any {
	for _, step := range path {
		next, is := object[step].(map[string]any)
		if !is {
			next = map[string]any{}
			object[step] = next
		}
		object = next
	}
	return object
}

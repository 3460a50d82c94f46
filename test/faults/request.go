package main

import (
	"net/http"
	"strings"
)

// target is what a request is about.
type target struct {
	namespace   string // empty: cluster-scoped
	resource    string
	name        string
	subresource string
}

// targetOf reads a path such as /apis/apps/v1/namespaces/a/statefulsets/b/status.
func targetOf(path string) target {
	steps := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case len(steps) > 2 && steps[0] == "api":
		steps = steps[2:]
	case len(steps) > 3 && steps[0] == "apis":
		steps = steps[3:]
	default:
		return target{} // discovery
	}
	var t target
	if steps[0] == "namespaces" && len(steps) > 2 {
		t.namespace, steps = steps[1], steps[2:]
	}
	for i, step := range []*string{&t.resource, &t.name, &t.subresource} {
		if i < len(steps) {
			*step = steps[i]
		}
	}
	return t
}

// writes tells requests that change the cluster's state. Events and leases tell of the operator, not of its work.
func writes(r *http.Request) bool {
	if r.Method == http.MethodGet {
		return false
	}
	resource := targetOf(r.URL.Path).resource
	return resource != "events" && resource != "leases"
}

func watches(r *http.Request) bool {
	return r.Method == http.MethodGet && r.URL.Query().Get("watch") == "true"
}

// keyOf names a write the same in every namespace: what is done to what.
func keyOf(r *http.Request, namespace string) string {
	verb := r.Method
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/apply-patch") {
		verb = "APPLY"
	}
	t := targetOf(r.URL.Path)
	key := verb + " " + t.resource + "/" + strings.TrimSuffix(t.name, ":"+namespace)
	if t.subresource != "" {
		key += "/" + t.subresource
	}
	return key
}

// Package audit reads the API server's audit log: which client sent which request, and what the API server answered.
package audit

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ServiceAccount returns the user name of a ServiceAccount.
func ServiceAccount(namespace, name string) string {
	return "system:serviceaccount:" + namespace + ":" + name
}

// Policy returns an audit policy that records the requests of the users, without the objects that they send and receive.
// Without users it records the requests of all ServiceAccounts.
func Policy(users ...string) string {
	who := `userGroups: ["system:serviceaccounts"]`
	if len(users) > 0 {
		who = `users: ["` + strings.Join(users, `", "`) + `"]`
	}
	return `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - {level: Metadata, ` + who + `}
  - {level: None}
`
}

// Action is what a client requests, and of which object. It is comparable.
type Action struct {
	Verb                         string // of the API: a server-side apply is a patch
	Group, Resource, Subresource string // Resource is empty for a request such as one of discovery
	Namespace, Name              string
	DryRun                       bool // in the URL; a deletion states it in its body, which the log does not have
}

// IsWrite reports whether the action changes an object, or would without DryRun. Access and token reviews change none.
func (a Action) IsWrite() bool {
	return slices.Contains([]string{"create", "update", "patch", "delete", "deletecollection"}, a.Verb) &&
		a.Resource != "" && !strings.HasSuffix(a.Resource, "reviews")
}

// Kind returns the kind of the object, such as StatefulSet.
func (a Action) Kind(mapper meta.RESTMapper) (string, error) {
	kind, err := mapper.KindFor(schema.GroupVersionResource{Group: a.Group, Resource: a.Resource})
	return kind.Kind, err
}

// Target returns the resource with its subresource, such as gatewaytenants/status.
func (a Action) Target() string {
	if a.Subresource == "" {
		return a.Resource
	}
	return a.Resource + "/" + a.Subresource
}

// String returns the action as one line, such as "patch statefulsets a/openshell-gateway".
func (a Action) String() string {
	text := a.Verb + " " + a.Target() + " " + strings.TrimPrefix(a.Namespace+"/"+a.Name, "/")
	if a.DryRun {
		text += " (dry run)"
	}
	return text
}

// Request is one request that the API server answered.
type Request struct {
	Action
	User, UserAgent string
	FieldManager    string // if the request names one
	Force           bool   // a server-side apply that takes fields from other managers
	URI             string
	Code            int       // of the answer, such as 201 where a server-side apply created the object
	Forbidden       bool      // because the user lacks the right
	Time            time.Time // of the answer; for a watch, of its begin
}

// Failed reports whether the API server refused the request.
func (r Request) Failed() bool { return r.Code >= http.StatusBadRequest }

// event is the part of an event of audit.k8s.io/v1 that this package reads.
type event struct {
	Stage, Verb, RequestURI, UserAgent string
	User                               struct{ Username string }
	ObjectRef                          struct{ APIGroup, Resource, Subresource, Namespace, Name string }
	ResponseStatus                     struct{ Code int }
	StageTimestamp                     time.Time
	Annotations                        map[string]string
}

// parse returns the request of a line of the log. It reports false for the other of two lines about one request.
func parse(line []byte) (r Request, is bool, err error) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		return r, false, err
	}
	// A watch counts when it begins. Every other request counts when it ends.
	if (e.Verb == "watch") != (e.Stage == "ResponseStarted") {
		return r, false, nil
	}
	uri, err := url.ParseRequestURI(e.RequestURI)
	if err != nil {
		return r, false, fmt.Errorf("requestURI: %w", err)
	}
	query, of := uri.Query(), e.ObjectRef
	return Request{
		Action: Action{
			Verb: e.Verb, Group: of.APIGroup, Resource: of.Resource, Subresource: of.Subresource,
			Namespace: of.Namespace, Name: of.Name, DryRun: query.Has("dryRun"),
		},
		User: e.User.Username, UserAgent: e.UserAgent, FieldManager: query.Get("fieldManager"), Force: query.Get("force") == "true",
		URI: e.RequestURI, Code: e.ResponseStatus.Code, Forbidden: e.Annotations["authorization.k8s.io/decision"] == "forbid",
		Time: e.StageTimestamp,
	}, true, nil
}

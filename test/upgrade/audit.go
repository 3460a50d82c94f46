package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// The writers whose requests the audit log records.
const (
	operatorUser              = "system:serviceaccount:" + platformNamespace + ":" + operatorName
	statefulSetControllerUser = "system:serviceaccount:kube-system:statefulset-controller"
)

func certgenUser(namespace string) string {
	return "system:serviceaccount:" + namespace + ":openshell-gateway-certgen"
}

// auditPolicy has the API server record each write of the operator, of every tenant's certgen and of the StatefulSet
// controller, without the leases.
func auditPolicy(tenants []tenant) string {
	users := []string{operatorUser, statefulSetControllerUser}
	for _, t := range tenants {
		users = append(users, certgenUser(t.Name))
	}
	return `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
  - {level: None, resources: [{group: coordination.k8s.io, resources: [leases]}]}
  - {level: Metadata, verbs: [create, update, patch, delete, deletecollection], users: ["` + strings.Join(users, `", "`) + `"]}
  - {level: None}
`
}

// request is one write, as the API server recorded it.
type request struct {
	user        string
	verb        string // apply for a server-side apply
	resource    string
	subresource string
	namespace   string
	name        string
	manager     string // field manager that the request names
	code        int
	at          time.Time // of the answer
}

// audit reads the API server's audit log as it grows.
type audit struct {
	path   string
	offset int64
	read   []request
}

// requests returns all writes so far.
func (a *audit) requests() ([]request, error) {
	file, err := os.Open(a.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // nothing was written yet
	} else if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Seek(a.offset, io.SeekStart); err != nil {
		return nil, err
	}
	for lines := bufio.NewReader(file); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return a.read, nil // the next call reads the rest of a line that is being written
		} else if err != nil {
			return nil, err
		}
		a.offset += int64(len(line))
		r, writes, err := parseAudit(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.path, err)
		}
		if writes {
			a.read = append(a.read, r)
		}
	}
}

// parseAudit reads a line of the audit log and reports whether it is about a write. Reviews and dry runs change nothing.
func parseAudit(line []byte) (r request, writes bool, err error) {
	var entry struct {
		Verb, RequestURI string
		User             struct{ Username string }
		ObjectRef        struct{ Resource, Subresource, Namespace, Name string }
		ResponseStatus   struct{ Code int }
		StageTimestamp   time.Time
	}
	if err := json.Unmarshal(line, &entry); err != nil {
		return r, false, err
	}
	uri, err := url.ParseRequestURI(entry.RequestURI)
	if err != nil {
		return r, false, err
	}
	query, of := uri.Query(), entry.ObjectRef
	r = request{
		user: entry.User.Username, verb: entry.Verb, resource: of.Resource, subresource: of.Subresource, namespace: of.Namespace, name: of.Name,
		manager: query.Get("fieldManager"), code: entry.ResponseStatus.Code, at: entry.StageTimestamp,
	}
	if r.verb == "patch" && query.Has("force") {
		r.verb = "apply"
	}
	return r, !strings.HasSuffix(r.resource, "reviews") && !query.Has("dryRun"), nil
}

// refused reports whether the API server did not carry the write out.
func (r request) refused() bool { return r.code >= http.StatusBadRequest }

// ofOperator reports whether the operator or certgen sent the write, and not the StatefulSet controller.
func (r request) ofOperator() bool { return r.user != statefulSetControllerUser }

// isEvent reports whether the write is about an Event.
func (r request) isEvent() bool { return r.resource == "events" }

// startsPod reports whether the StatefulSet controller created a pod by this write.
func (r request) startsPod() bool {
	return r.user == statefulSetControllerUser && r.resource == "pods" && r.subresource == "" && r.verb == "create" && !r.refused()
}

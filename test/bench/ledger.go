package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// auditPolicy has the API server write down each request of the operator's ServiceAccount, once it is answered, and each
// watch once it has begun.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - {level: Metadata, users: ["system:serviceaccount:` + platformNamespace + `:` + account + `"]}
  - {level: None}
`

// call is one request, as the API server saw it.
type call struct {
	verb, resource  string // the resource with its subresource, if it is about one
	namespace, name string
	code            int
	at              time.Time // when it was answered
}

// kind sorts requests by what they are for.
func (c call) kind() kind {
	switch {
	case c.resource == "":
		return discovery
	case c.verb == "watch":
		return watches
	case c.resource == "leases":
		return lease
	case c.resource == "events":
		return events
	case c.verb == "get" || c.verb == "list":
		return reads
	case c.resource == "gatewaytenants/status":
		return statuses
	case c.resource == "gatewaytenants" || c.namespace == platformNamespace:
		return bridge
	}
	return objects
}

type kind string

const (
	discovery kind = "discovery"
	watches   kind = "watches"
	lease     kind = "leader lease"
	events    kind = "Events"
	reads     kind = "reads"
	statuses  kind = "status writes"
	bridge    kind = "bridge's writes"
	objects   kind = "writes of tenants' objects"
)

// writes tells a request that changes a tenant, its gateway or the report: not the lease and not Events.
func (c call) writes() bool {
	return slices.Contains([]kind{statuses, bridge, objects}, c.kind())
}

// audit reads the API server's audit log as it grows.
type audit struct {
	path string

	mu     sync.Mutex
	offset int64
	lines  *bufio.Reader
	read   []call
}

// calls are all requests so far, in the order of the log.
func (a *audit) calls() ([]call, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	file, err := os.Open(a.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // nothing happened yet
	} else if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Seek(a.offset, io.SeekStart); err != nil {
		return nil, err
	}
	if a.lines == nil {
		a.lines = bufio.NewReaderSize(nil, 1<<20) // one for all, as this is asked 50 times a second
	}
	a.lines.Reset(file)
	for {
		line, err := a.lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return a.read, nil // the rest of a line that is being written is read next time
		} else if err != nil {
			return nil, err
		}
		a.offset += int64(len(line))
		if err := a.add(line); err != nil {
			return nil, fmt.Errorf("%s: %w", a.path, err)
		}
	}
}

func (a *audit) add(line []byte) error {
	var entry struct {
		Stage, Verb string
		ObjectRef   struct{ Resource, Subresource, Namespace, Name string }
		Response    struct{ Code int } `json:"responseStatus"`
		At          time.Time          `json:"stageTimestamp"`
	}
	if err := json.Unmarshal(line, &entry); err != nil {
		return err
	}
	if (entry.Verb == "watch") != (entry.Stage == "ResponseStarted") {
		return nil // a watch is counted when it begins, all else when it ends
	}
	resource := entry.ObjectRef.Resource
	if entry.ObjectRef.Subresource != "" {
		resource += "/" + entry.ObjectRef.Subresource
	}
	a.read = append(a.read, call{entry.Verb, resource, entry.ObjectRef.Namespace, entry.ObjectRef.Name, entry.Response.Code, entry.At})
	return nil
}

// tally counts requests by verb and resource.
func tally(calls []call) map[string]int {
	counts := map[string]int{}
	for _, c := range calls {
		if c.resource != "" { // discovery is about none
			counts[c.verb+" "+c.resource]++
		}
	}
	return counts
}

// counter counts the requests of a client where they leave it.
type counter struct {
	next http.RoundTripper

	mu     sync.Mutex
	counts map[string]int // by verb and resource
}

// RoundTrip counts a request and sends it.
func (c *counter) RoundTrip(request *http.Request) (*http.Response, error) {
	if key := keyOf(request); key != "" {
		c.mu.Lock()
		c.counts[key]++
		c.mu.Unlock()
	}
	return c.next.RoundTrip(request)
}

func (c *counter) snapshot() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}

// keyOf is verb and resource of a request, worked out from its URL alone; empty: it is about no resource.
func keyOf(request *http.Request) string {
	parts := strings.Split(strings.Trim(request.URL.Path, "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		parts = parts[3:]
	default:
		return ""
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		parts = parts[2:]
	}
	resource, named := parts[0], len(parts) > 1
	if len(parts) > 2 {
		resource += "/" + parts[2]
	}
	verb := map[string]string{http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "patch", http.MethodDelete: "delete"}[request.Method]
	if request.Method == http.MethodGet {
		switch verb = "list"; {
		case request.URL.Query().Get("watch") == "true":
			verb = "watch"
		case named:
			verb = "get"
		}
	}
	return verb + " " + resource
}

// differences are the requests on which two counts do not agree.
func differences(client, server map[string]int) []string {
	var differ []string
	for _, key := range slices.Sorted(maps.Keys(client)) {
		if client[key] != server[key] {
			differ = append(differ, fmt.Sprintf("%s: sent %d, served %d", key, client[key], server[key]))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(server)) {
		if _, sent := client[key]; !sent {
			differ = append(differ, fmt.Sprintf("%s: sent 0, served %d", key, server[key]))
		}
	}
	return differ
}

package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/ambient-code/gatewaytenant-operator/test/audit"
)

// kindOf returns the purpose of a request.
func kindOf(r audit.Request) kind {
	switch {
	case r.Resource == "":
		return discovery
	case r.Verb == "watch":
		return watches
	case r.Resource == "leases":
		return lease
	case r.Resource == "events":
		return events
	case r.Verb == "get" || r.Verb == "list":
		return reads
	case r.Target() == "gatewaytenants/status":
		return statuses
	case r.Resource == "gatewaytenants" || r.Namespace == platformNamespace:
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

// isTenantWrite reports whether a request changes a tenant, its gateway or the report of the bridge, rather than the lease or
// an Event.
func isTenantWrite(r audit.Request) bool {
	return slices.Contains([]kind{statuses, bridge, objects}, kindOf(r))
}

// tally counts requests by verb and resource.
func tally(requests []audit.Request) map[string]int {
	counts := map[string]int{}
	for _, r := range requests {
		if r.Resource != "" { // discovery is about none
			counts[r.Verb+" "+r.Target()]++
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

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/test/audit"
)

// keptResources are those of which an upgrade may not delete or replace any object.
var keptResources = []string{"persistentvolumeclaims", "persistentvolumes", "secrets", "statefulsets"}

// lost returns the objects that an upgrade must keep and that a step deleted or replaced.
func lost(before, after snapshot) []string {
	var all []string
	for object := range before {
		if slices.Contains(keptResources, object.Resource) && before.uid(object) != after.uid(object) {
			all = append(all, fmt.Sprintf("%s %s was deleted or replaced", object.Resource, strings.TrimPrefix(object.Namespace+"/"+object.Name, "/")))
		}
	}
	slices.Sort(all)
	return all
}

// violations returns the effects of a step that the options do not allow.
func (s *step) violations(o options) []string {
	var all []string
	for _, t := range s.Tenants {
		if t.Before.Ready && !t.After.Ready && !o.mayLose.MatchString(t.Tenant) {
			all = append(all, fmt.Sprintf("tenant %s was Ready and is not any more: %s", t.Tenant, t.After))
		}
	}
	if o.maxWrites >= 0 && s.Writes > o.maxWrites {
		all = append(all, fmt.Sprintf("%d writes, more than -max-writes=%d", s.Writes, o.maxWrites))
	}
	if n := s.restarts(); o.maxRestarts >= 0 && n > o.maxRestarts {
		all = append(all, fmt.Sprintf("%d gateways restarted, more than -max-restarts=%d", n, o.maxRestarts))
	}
	return all
}

// unexpected returns the tenants whose state is not the one that tenants.yaml expects. A person must judge them: the
// earlier version may have a fault that the present one fixes.
func unexpected(tenants []tenant, after snapshot) []string {
	var all []string
	for _, t := range tenants {
		if is := after.readiness(t.Name); is.Ready == t.Fails {
			all = append(all, fmt.Sprintf("tenant %s is %s, which tenants.yaml does not expect", t.Name, is))
		}
	}
	return all
}

// count returns the number of writes of the operator and certgen, without Events.
func count(requests []audit.Request) (writes int) {
	for _, r := range requests {
		if isOperatorWrite(r) {
			writes++
		}
	}
	return writes
}

// restarts returns the number of gateways that restarted.
func (s *step) restarts() (count int) {
	for _, t := range s.Tenants {
		if t.Restart.Pods > 0 {
			count++
		}
	}
	return count
}

// events returns the number of the operator's Events.
func (s *step) events() (count int) {
	for _, t := range s.Tenants {
		for _, times := range t.Events {
			count += times
		}
	}
	return count
}

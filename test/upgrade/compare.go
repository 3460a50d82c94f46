package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/audit"
)

// tenantStep holds the effects of one step on one tenant. Writes in the platform's namespace have a tenantStep of their own.
type tenantStep struct {
	Tenant            string
	Before, After     readiness
	Writes            []write        `json:",omitempty"` // by the operator and certgen
	Others            []write        `json:",omitempty"` // fields that changed without a write of theirs; no status, no pods
	Restart           restart        `json:",omitzero"`
	ContainerRestarts int64          `json:",omitempty"`
	Events            map[string]int `json:",omitempty"` // of the operator, by reason
}

// write collects the requests of a step to one object, or to a subresource of it.
type write struct {
	Resource, Name string
	Subresource    string         `json:",omitempty"`
	Requests       map[string]int `json:",omitempty"` // by verb, field manager and refusal
	Changes        []change       `json:",omitempty"`
}

// readiness is the state that a GatewayTenant reports.
type readiness struct {
	Ready   bool
	Reason  string `json:",omitempty"` // empty if there is no condition Ready
	Warning string `json:",omitempty"` // reason of a Warning that is true
}

// String returns the reason of Ready, and that of a warning.
func (r readiness) String() string {
	text := r.Reason
	if r.Ready {
		text = "Ready"
	} else if text == "" {
		text = "no status"
	}
	if r.Warning != "" {
		text += " (" + r.Warning + ")"
	}
	return text
}

// unreported are resources whose changes by others say nothing about an upgrade: pods have a report of their own, and
// finished Jobs are removed after a while.
var unreported = []string{"pods", "jobs", "persistentvolumes"}

// compare returns the effects of a step on each of the named tenants, from the requests of the step and the objects before
// and after it.
func compare(names []string, requests []audit.Request, before, after snapshot) []tenantStep {
	steps := map[string]*tenantStep{}
	for _, name := range names {
		steps[name] = &tenantStep{Tenant: name, Before: before.readiness(name), After: after.readiness(name)}
	}
	written := map[id]bool{}
	for _, r := range requests {
		if isOperatorWrite(r) {
			written[id{r.Resource, r.Namespace, r.Name}] = true
			addWrite(steps, r, before, after)
		}
	}
	objects := maps.Clone(after)
	maps.Copy(objects, before)
	for object := range objects {
		of := steps[after.ownerOr(before, object)]
		if of == nil || written[object] || slices.Contains(unreported, object.Resource) {
			continue
		}
		if changes := pick(objectChanges(before[object], after[object]), false); len(changes) > 0 {
			of.Others = append(of.Others, write{Resource: object.Resource, Name: object.Name, Changes: changes})
		}
	}
	for _, name := range names {
		steps[name].restarts(requests, before, after)
	}
	return sorted(steps)
}

// addWrite adds a request to the writes of the tenant that it is about.
func addWrite(steps map[string]*tenantStep, r audit.Request, before, after snapshot) {
	object := id{r.Resource, r.Namespace, r.Name}
	tenant := cmp.Or(after.ownerOr(before, object), "(cluster)")
	if steps[tenant] == nil {
		steps[tenant] = &tenantStep{Tenant: tenant}
	}
	of := steps[tenant]
	i := slices.IndexFunc(of.Writes, func(w write) bool {
		return w.Resource == r.Resource && w.Name == r.Name && w.Subresource == r.Subresource
	})
	if i < 0 {
		of.Writes = append(of.Writes, write{
			Resource: r.Resource, Name: r.Name, Subresource: r.Subresource, Requests: map[string]int{},
			Changes: pick(objectChanges(before[object], after[object]), r.Subresource == "status"),
		})
		i = len(of.Writes) - 1
	}
	of.Writes[i].Requests[describe(r)]++
}

// describe returns the verb of a request, its field manager and, if it was refused, the status code.
func describe(r audit.Request) string {
	text := r.Verb
	if r.Force {
		text = "apply"
	}
	if r.FieldManager != "" {
		text += " by " + r.FieldManager
	}
	if r.Failed() {
		text += fmt.Sprintf(", refused with %d", r.Code)
	}
	return text
}

// objectChanges returns the fields that differ. An object that was created, deleted or replaced is one change.
func objectChanges(before, after map[string]any) []change {
	switch {
	case before == nil && after == nil:
		return nil
	case before == nil:
		return []change{{Path: "(created)"}}
	case after == nil:
		return []change{{Path: "(deleted)"}}
	}
	was, _, _ := unstructured.NestedString(before, "metadata", "uid")
	is, _, _ := unstructured.NestedString(after, "metadata", "uid")
	if was != is {
		return []change{{Path: "(deleted and created again)"}}
	}
	return diff(before, after)
}

// pick returns the changes that are in the status, or those that are not.
func pick(changes []change, status bool) []change {
	return slices.DeleteFunc(changes, func(c change) bool { return c.inStatus() != status })
}

// ownerOr returns the tenant of an object that may be in this snapshot or in another.
func (s snapshot) ownerOr(other snapshot, object id) string {
	if _, here := s[object]; here {
		return s.tenantOf(object)
	}
	return other.tenantOf(object)
}

// restarts records whether the gateway's pod was replaced or its container restarted.
func (t *tenantStep) restarts(requests []audit.Request, before, after snapshot) {
	pod := id{"pods", t.Tenant, manifests.PodName}
	for _, r := range requests {
		if startsPod(r) && r.Namespace == t.Tenant {
			t.Restart.Pods++
		}
	}
	t.ContainerRestarts = containerRestarts(after[pod])
	if before.uid(pod) == after.uid(pod) {
		t.ContainerRestarts -= containerRestarts(before[pod])
	}
	if t.Restart.Pods > 0 {
		t.Restart.Causes = causes(before[pod], after[pod])
	}
}

// readiness returns the state of a tenant.
func (s snapshot) readiness(tenant string) (r readiness) {
	object := s[id{"gatewaytenants", tenant, v1alpha1.Name}]
	conditions, _, _ := unstructured.NestedSlice(object, "status", "conditions")
	for _, condition := range conditions {
		fields, _ := condition.(map[string]any)
		reason, _ := fields["reason"].(string)
		switch {
		case fields["type"] == v1alpha1.ConditionReady:
			r.Ready, r.Reason = fields["status"] == "True", reason
		case fields["type"] == v1alpha1.ConditionWarning && fields["status"] == "True":
			r.Warning = reason
		}
	}
	return r
}

// sorted returns the steps of all tenants by name, each with its writes in order.
func sorted(steps map[string]*tenantStep) []tenantStep {
	var all []tenantStep
	for _, name := range slices.Sorted(maps.Keys(steps)) {
		byObject := func(a, b write) int {
			return strings.Compare(a.object(), b.object())
		}
		slices.SortFunc(steps[name].Writes, byObject)
		slices.SortFunc(steps[name].Others, byObject)
		all = append(all, *steps[name])
	}
	return all
}

// object returns the object's name for people, with the subresource.
func (w write) object() string {
	text := w.Resource + "/" + w.Name
	if w.Subresource != "" {
		text += " " + w.Subresource
	}
	return text
}

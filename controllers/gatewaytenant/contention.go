package gatewaytenant

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/status"
)

// contender identifies who changes objects, and how.
type contender struct {
	how     status.Interference
	manager string
}

// streak is a number of changes, each of which followed the one before it within the window.
type streak struct {
	changes int
	last    time.Time
	objects []changedObject
}

type changedObject struct {
	name    string
	changes int
	fields  []string
}

const (
	// maxNamed is how many objects of one client are reported, and how many fields of one object.
	maxNamed = 3
	// maxContenders is how many clients of one tenant are told apart.
	maxContenders = 16
)

// contendersOf returns the clients whose changes an apply reverted. It is empty if it reverted none.
func contendersOf(write apply.Write, again bool, last, is applied) []contender {
	switch {
	case len(write.Overridden) > 0:
		return []contender{{how: status.Overrides}}
	case write.Live == nil && again && last.uid != is.uid:
		return []contender{{how: status.Deletes}}
	case write.Live == nil || !again && !isMarkedAsApplied(write) || again && versionOf(write.Live.GetResourceVersion()) <= last.version:
		return nil // the cache may be outdated
	case len(write.Difference.Managers) == 0:
		return []contender{{how: status.Changes}}
	}
	var all []contender
	for _, manager := range write.Difference.Managers {
		all = append(all, contender{status.Changes, manager})
	}
	return all
}

// isMarkedAsApplied reports whether an object had the applied hash of its desired state. That is a hint of what an earlier process
// applied.
func isMarkedAsApplied(write apply.Write) bool {
	return apply.MatchesLastApplied(write.Desired, write.Live) && len(write.Difference.Fields) > 0
}

func (t *tenantHistory) count(by contender, ref observe.Ref, write apply.Write, now time.Time) {
	if t.by[by] == nil && len(t.by) >= maxContenders {
		by.manager = "" // one client may use many names
	}
	is := t.by[by]
	if is == nil || by.how != status.Overrides && now.Sub(is.last) > apply.ContentionWindow {
		is = &streak{}
		if t.by == nil {
			t.by = map[contender]*streak{}
		}
		t.by[by] = is
	}
	is.last = now
	fields := write.Difference.Fields
	if is.changes++; by.how == status.Overrides {
		is.changes, fields = apply.ContentionThreshold+1, write.Overridden // nothing is repeated
	}
	name := ref.Kind + " " + ref.Name
	i := slices.IndexFunc(is.objects, func(object changedObject) bool { return object.name == name })
	if i < 0 {
		i, is.objects = len(is.objects), append(is.objects, changedObject{name: name})
	}
	object := &is.objects[i]
	object.changes++
	for _, field := range fields { // the first ones stay, so that a report does not change each time
		if at, has := slices.BinarySearch(object.fields, field); !has && len(object.fields) < maxNamed {
			object.fields = slices.Insert(object.fields, at, field)
		}
	}
}

// named returns the objects to report: those that are changed again and again first.
func (s *streak) named() (names []string, more int) {
	rank := func(object changedObject) int { return -min(object.changes, apply.ContentionThreshold+1) }
	objects := slices.SortedFunc(slices.Values(s.objects), func(a, b changedObject) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.name, b.name))
	})
	for _, object := range objects[:min(len(objects), maxNamed)] {
		name := object.name
		if len(object.fields) > 0 {
			name += " (" + strings.Join(object.fields, ", ") + ")"
		}
		names = append(names, name)
	}
	return names, len(objects) - len(names)
}

// endOverride drops the report that an admission webhook overrides an object.
func (t *tenantHistory) endOverride(ref observe.Ref) {
	by, name := contender{how: status.Overrides}, ref.Kind+" "+ref.Name
	if is := t.by[by]; is != nil {
		is.objects = slices.DeleteFunc(is.objects, func(object changedObject) bool { return object.name == name })
		if len(is.objects) == 0 {
			delete(t.by, by)
		}
	}
}

// interferences returns what to report about a tenant, in a fixed order, and how long until it may change. What a webhook
// overrides is reported until the object is applied without that.
func (h *history) interferences(namespace string) (found []status.Contention, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	tenant := h.tenants[namespace]
	if tenant == nil {
		return nil, 0
	}
	byName := func(a, b contender) int { return cmp.Or(cmp.Compare(a.how, b.how), cmp.Compare(a.manager, b.manager)) }
	for _, by := range slices.SortedFunc(maps.Keys(tenant.by), byName) {
		is := tenant.by[by]
		left := time.Duration(0)
		if by.how != status.Overrides {
			if left = apply.ContentionWindow - h.time().Sub(is.last); left <= 0 {
				delete(tenant.by, by)
				continue
			}
		}
		if is.changes > apply.ContentionThreshold {
			objects, more := is.named()
			found = append(found, status.Contention{How: by.how, Manager: by.manager, Objects: objects, More: more})
			wait = max(wait, left)
		}
	}
	return found, wait
}

package gatewaytenant

import (
	"cmp"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/status"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// history records what this process applied last to each object of a tenant. If the same state has to be applied again, another client
// has changed or deleted the object, whatever it wrote into annotations and managedFields. A client that does so repeatedly, such as
// an earlier control plane that still runs, is reported. One or two changes are reverted without a report.
//
// It is held in memory because no object records a change that was reverted. After a loss, a client that continues is reported again
// after a few more changes, and the gateway may be restarted a few times more.
type history struct {
	now     func() time.Time // if nil, time.Now
	most    int              // restarts; zero means plan.MaxRestarts
	mu      sync.Mutex
	tenants map[string]*tenantHistory // by namespace
}

type tenantHistory struct {
	applied  []applied
	restarts []time.Time
	by       map[contender]*streak
}

// applied identifies what was applied last to an object, in as few bytes as possible, since each object of each new tenant has one.
type applied struct {
	version     uint64 // the resourceVersion of the result
	at          uint32 // Unix time
	desired     plan.Fingerprint
	object, uid uint16 // hashes
}

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
	// contentionThreshold is the largest number of changes that is not reported.
	contentionThreshold = 2
	// contentionWindow is how long after its last change a client is reported.
	contentionWindow = 10 * time.Minute
	// maxNamed is how many objects of one client are reported, and how many fields of one object.
	maxNamed = 3
)

// gatewayRef identifies the StatefulSet.
var gatewayRef = observe.Ref{Kind: "StatefulSet", Name: manifests.GatewayName}

// note records an apply that succeeded.
func (h *history) note(write apply.Write) {
	ref, namespace := observe.RefOf(write.Desired), write.Desired.GetNamespace()
	if ref.Kind == "Job" {
		return // a Job ends and is created again
	}
	if namespace == "" {
		namespace = strings.TrimPrefix(ref.Name, manifests.NodeReaderPrefix)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	tenant, now := h.tenant(namespace), h.time()
	is := applied{
		version: versionOf(write.Result.GetResourceVersion()), at: seconds(now), desired: plan.FingerprintOf(write.Desired),
		object: hashOf(ref.Kind + " " + ref.Name), uid: hashOf(string(write.Result.GetUID())),
	}
	last := tenant.last(ref)
	tenant.drop(ref)
	tenant.applied = append(tenant.applied, is)
	again := last.desired == is.desired
	if isNewer := write.Live != nil && versionOf(write.Live.GetResourceVersion()) > last.version; isNewer && again && ref.Kind == "StatefulSet" && write.Difference.PodTemplate && write.Live.GetGeneration() != write.Result.GetGeneration() {
		tenant.restarts = append(recent(tenant.restarts, now), now)
	}
	for _, by := range contendersOf(write, again, last, is) {
		tenant.count(by, ref, write, now)
	}
}

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
	is := t.by[by]
	if is == nil || now.Sub(is.last) > contentionWindow {
		is = &streak{}
		if t.by == nil {
			t.by = map[contender]*streak{}
		}
		t.by[by] = is
	}
	is.last = now
	fields := write.Difference.Fields
	if is.changes++; by.how == status.Overrides {
		is.changes, fields = contentionThreshold+1, write.Overridden // nothing is repeated
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
	rank := func(object changedObject) int { return -min(object.changes, contentionThreshold+1) }
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

// interferences returns what to report about a tenant, in a fixed order, and how long until none of it has to be reported.
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
		left := contentionWindow - h.time().Sub(is.last)
		switch {
		case left <= 0:
			delete(tenant.by, by)
		case is.changes > contentionThreshold:
			objects, more := is.named()
			found = append(found, status.Contention{How: by.how, Manager: by.manager, Objects: objects, More: more})
			wait = max(wait, left)
		}
	}
	return found, wait
}

// of returns what a plan for a tenant depends on.
func (h *history) of(namespace string) plan.History {
	h.mu.Lock()
	defer h.mu.Unlock()
	tenant := h.tenants[namespace]
	if tenant == nil {
		return plan.History{}
	}
	return plan.History{
		Restarts: recent(tenant.restarts, h.time()), MaxRestarts: h.most,
		Gateway: tenant.last(gatewayRef).desired,
	}
}

// isOutdated reports whether a cached object is older than the result of the last apply to it. An update then waits for the cache:
// repeating it would overwrite later changes of other clients without counting them.
func (h *history) isOutdated(namespace string, ref observe.Ref, live metav1.Object) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	tenant := h.tenants[namespace]
	if tenant == nil {
		return false
	}
	last := tenant.last(ref)
	return versionOf(live.GetResourceVersion()) < last.version && seconds(h.time())-last.at < uint32(writtenGrace/time.Second)
}

// deleted drops the record of an object that the operator deleted.
func (h *history) deleted(namespace string, ref observe.Ref) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if tenant := h.tenants[namespace]; tenant != nil {
		tenant.drop(ref)
	}
}

// forget drops the records of a tenant that no longer exists.
func (h *history) forget(namespace string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.tenants, namespace)
}

func (h *history) time() time.Time {
	if h.now == nil {
		return time.Now()
	}
	return h.now()
}

func (h *history) tenant(namespace string) *tenantHistory {
	if h.tenants == nil {
		h.tenants = map[string]*tenantHistory{}
	}
	if h.tenants[namespace] == nil {
		h.tenants[namespace] = &tenantHistory{}
	}
	return h.tenants[namespace]
}

// last returns what was applied last to an object. It is zero if nothing was.
func (t *tenantHistory) last(ref observe.Ref) applied {
	object := hashOf(ref.Kind + " " + ref.Name)
	if i := slices.IndexFunc(t.applied, func(is applied) bool { return is.object == object }); i >= 0 {
		return t.applied[i]
	}
	return applied{}
}

func (t *tenantHistory) drop(ref observe.Ref) {
	object := hashOf(ref.Kind + " " + ref.Name)
	t.applied = slices.DeleteFunc(t.applied, func(is applied) bool { return is.object == object })
}

// recent returns the times that are within plan.RestartWindow before now.
func recent(times []time.Time, now time.Time) []time.Time {
	first := slices.IndexFunc(times, func(at time.Time) bool { return now.Sub(at) < plan.RestartWindow })
	if first < 0 {
		return nil
	}
	return slices.Clone(times[first:])
}

func hashOf(text string) uint16 {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(text))
	return uint16(sum.Sum32() ^ sum.Sum32()>>16) //nolint:gosec // truncated on purpose
}

func seconds(at time.Time) uint32 { return uint32(at.Unix()) } //nolint:gosec // differences stay correct

// versionOf returns a resourceVersion as a number. It is zero if the resourceVersion is not a number.
func versionOf(resourceVersion string) uint64 {
	version, _ := strconv.ParseUint(resourceVersion, 10, 64)
	return version
}

package gatewaytenant

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
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
	object, uid uint32 // hashes
	seen        bool   // whether the cache has shown this object since
}

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
	if write.Live != nil && len(write.Overridden) == 0 {
		tenant.endOverride(ref)
	}
	for _, by := range contendersOf(write, again, last, is) {
		tenant.count(by, ref, write, now)
	}
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
		Gateway: tenant.last(observe.Workload).desired,
	}
}

// unseenGrace is how long the cache may take to show a StatefulSet that was created. It is short, because another client may have
// deleted it already.
const unseenGrace = 2 * time.Second

// isUnseen reports whether the cache has not shown a StatefulSet yet that was applied shortly before. To create it again would cost a
// write. One that was shown and is nil now has been deleted.
func (h *history) isUnseen(namespace string, set *appsv1.StatefulSet) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	tenant := h.tenants[namespace]
	if tenant == nil {
		return false
	}
	last := tenant.find(observe.Workload)
	if last == nil {
		return false
	}
	last.seen = last.seen || set != nil
	return !last.seen && seconds(h.time())-last.at < uint32(unseenGrace/time.Second)
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
		tenant.endOverride(ref)
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
	if is := t.find(ref); is != nil {
		return *is
	}
	return applied{}
}

// find returns the record of an object, which is valid until the next record is added. It is nil if there is none.
func (t *tenantHistory) find(ref observe.Ref) *applied {
	object := hashOf(ref.Kind + " " + ref.Name)
	if i := slices.IndexFunc(t.applied, func(is applied) bool { return is.object == object }); i >= 0 {
		return &t.applied[i]
	}
	return nil
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

func hashOf(text string) uint32 {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(text))
	return sum.Sum32()
}

func seconds(at time.Time) uint32 { return uint32(at.Unix()) } //nolint:gosec // differences stay correct

// versionOf returns a resourceVersion as a number. It is zero if the resourceVersion is not a number.
func versionOf(resourceVersion string) uint64 {
	version, _ := strconv.ParseUint(resourceVersion, 10, 64)
	return version
}

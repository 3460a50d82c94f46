// Package rollout limits how many gateways updates of the platform restart at a time.
package rollout

import (
	"maps"
	"slices"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/workload"
)

// Slots are the rollout slots of all tenants. A gateway needs one to restart without a request of its tenant: because the new
// version of the operator renders it differently, the default image changed, or it is adopted. It occupies the slot until it
// serves again. Slots are granted in the order of the requests.
//
// A gateway that was granted a slot rolls until its StatefulSet shows that it serves. No annotation, label or field that another
// client writes gives it a slot or takes one. Only when the process starts, the annotation of a StatefulSet tells which gateways that do
// not serve were granted a slot by an earlier process, so a restart of the operator does not exceed the limit. A client that forged it
// before has no more than its tenant could have anyway: one slot, until its gateway serves. What is only in memory:
//   - which rolling gateways do not count. If that is lost, they count until their tenants are reconciled.
//   - grants that no observed StatefulSet shows yet. They are lost only with the process, and the next one observes all
//     StatefulSets before it grants any slot.
//   - the order of the requests. If it is lost, tenants wait in the order in which they are reconciled next.
type Slots struct {
	percent int        // of the tenants
	tenants func() int // how many there are

	mu      sync.Mutex
	leads   bool // set by the first reconcile: a standby only observes, and reports no metric
	queue   queue
	rolling map[string]bool      // by namespace, whether it counts
	granted map[string]time.Time // by namespace, when the grant expires
	expired map[string]bool      // by namespace, whether the tenant may still use a grant that has expired
	waiting []string             // namespaces, in the order of their requests
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// grantTimeout is how long a grant lasts that its tenant does not use. A reconcile that fails before it changes the StatefulSet
// holds up the others no longer than that.
const grantTimeout = 30 * time.Second

// New returns slots for a percentage of the tenants, and for one at least. The given function counts the tenants.
func New(percent int, tenants func() int) *Slots {
	return &Slots{percent: percent, tenants: tenants, rolling: map[string]bool{}, granted: map[string]time.Time{}, expired: map[string]bool{}}
}

// Request reports whether a tenant has a slot. If none is free, the tenant waits, and is reconciled when it is granted one.
func (s *Slots) Request(namespace string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leads = true
	_, granted := s.granted[namespace]
	switch {
	case granted:
	case s.rolling[namespace]:
		// The cache does not show yet that it serves. It keeps a slot until the next change is observed.
		s.grantTo(namespace)
	case !slices.Contains(s.waiting, namespace):
		s.waiting = append(s.waiting, namespace)
	}
	s.grant(namespace)
	_, granted = s.granted[namespace]
	return granted
}

// Keep notes that a tenant's gateway rolls. It occupies a slot, even if it was excluded before and no slot is free.
func (s *Slots) Keep(namespace string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leads = true
	if _, rolls := s.rolling[namespace]; rolls {
		s.rolling[namespace] = true
	}
	s.stopWaiting(namespace)
	s.measure()
}

// Release drops the request and the grant of a tenant. If its gateway rolls, it still occupies a slot.
func (s *Slots) Release(namespace string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leads = true
	s.drop(namespace)
	s.grant("")
}

// Exclude does what Release does. In addition, the tenant's gateway occupies no slot until Keep is called, even if it rolls.
func (s *Slots) Exclude(namespace string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leads = true
	if _, rolls := s.rolling[namespace]; rolls {
		s.rolling[namespace] = false
	}
	s.drop(namespace)
	s.grant("")
}

// Rolls reports whether a tenant has a slot, or had one and its gateway does not serve yet.
func (s *Slots) Rolls(namespace string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, rolls := s.rolling[namespace]
	return rolls || s.isGranted(namespace)
}

// Holders returns the namespaces of the tenants that hold the slots, sorted.
func (s *Slots) Holders() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	holders := s.holders()
	slices.Sort(holders)
	return holders
}

func (s *Slots) holders() []string {
	holders := slices.Collect(maps.Keys(s.granted))
	for namespace, counts := range s.rolling {
		if _, granted := s.granted[namespace]; counts && !granted {
			holders = append(holders, namespace)
		}
	}
	return holders
}

func (s *Slots) isGranted(namespace string) bool {
	_, granted := s.granted[namespace]
	return granted || s.expired[namespace]
}

// observe updates the slots from a StatefulSet.
func (s *Slots) observe(set *appsv1.StatefulSet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.rolling[set.Namespace]
	switch {
	case workload.Serves(set), !s.leads && !workload.Rolling(set):
		delete(s.rolling, set.Namespace)
	case !known && (s.isGranted(set.Namespace) || !s.leads):
		s.rolling[set.Namespace] = true
		s.drop(set.Namespace)
	}
	s.grant("")
}

// remove drops a StatefulSet that no longer exists.
func (s *Slots) remove(set *appsv1.StatefulSet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.rolling, set.Namespace)
	s.grant("")
}

// drop removes a tenant from those that wait and from those that have a grant.
func (s *Slots) drop(namespace string) {
	s.stopWaiting(namespace)
	delete(s.granted, namespace)
	delete(s.expired, namespace)
}

func (s *Slots) stopWaiting(namespace string) {
	s.waiting = slices.DeleteFunc(s.waiting, func(other string) bool { return other == namespace })
}

// expire removes the grants whose time is over.
func (s *Slots) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(s.granted, func(namespace string, expires time.Time) bool {
		is := !now.Before(expires)
		if is {
			s.expired[namespace] = true
		}
		return is
	})
	s.grant("")
}

// grant grants the free slots to the tenants that have waited longest, and adds them to the queue except for the one that is being
// reconciled.
func (s *Slots) grant(reconciling string) {
	defer s.measure()
	if len(s.waiting) == 0 {
		return
	}
	free := max(1, s.tenants()*s.percent/100) - s.used()
	next := s.waiting[:min(max(free, 0), len(s.waiting))]
	s.waiting = s.waiting[len(next):]
	for _, namespace := range next {
		s.grantTo(namespace)
		if namespace != reconciling {
			s.queue.Add(reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: v1alpha1.Name}})
		}
	}
}

func (s *Slots) grantTo(namespace string) {
	delete(s.expired, namespace)
	s.granted[namespace] = time.Now().Add(grantTimeout)
	time.AfterFunc(grantTimeout, s.expire)
}

// used returns the number of slots that are not free.
func (s *Slots) used() int {
	return len(s.holders())
}

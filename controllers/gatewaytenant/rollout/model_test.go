package rollout

import (
	"fmt"
	"math/rand/v2"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/workload"
)

// model is a cluster in which the platform updates gateways. What the operator sees of a StatefulSet is late: first its cache
// changes, and then its slots observe it.
type model struct {
	slots   *Slots
	wanted  int                            // version
	version map[string]int                 // of the StatefulSet
	live    map[string]*appsv1.StatefulSet // in the cluster
	cached  map[string]cachedGateway
	changes []cachedGateway // not in the cache
	events  []cachedGateway // in the cache, not observed
}

type cachedGateway struct {
	set     *appsv1.StatefulSet
	version int
}

func (m *model) restart(requests queue) {
	m.slots = New(20, func() int { return len(m.live) })
	m.slots.queue = requests
	m.changes, m.events = nil, nil
	for namespace, set := range m.live {
		m.cached[namespace] = cachedGateway{set, m.version[namespace]}
		m.slots.observe(set)
	}
}

func (m *model) write(set *appsv1.StatefulSet) {
	m.live[set.Namespace] = set
	m.changes = append(m.changes, cachedGateway{set, m.version[set.Namespace]})
}

func (m *model) reconcile(namespace string) {
	switch is := m.cached[namespace]; {
	case workload.Rolling(is.set):
		m.slots.Keep(namespace)
	case is.version == m.wanted:
		m.slots.Release(namespace)
	case m.slots.Request(namespace) && m.version[namespace] != m.wanted:
		m.version[namespace] = m.wanted
		m.write(gateway(namespace, false))
	}
}

// step does one thing that can happen.
func (m *model) step(random *rand.Rand) {
	namespace := fmt.Sprint(random.IntN(len(m.live)))
	switch random.IntN(4) {
	case 0:
		m.reconcile(namespace)
	case 1:
		if workload.Rolling(m.live[namespace]) {
			m.write(gateway(namespace, true))
		}
	case 2:
		if len(m.changes) > 0 {
			first := m.changes[0]
			m.cached[first.set.Namespace] = first
			m.changes, m.events = m.changes[1:], append(m.events, first)
		}
	case 3:
		if len(m.events) > 0 {
			m.slots.observe(m.events[0].set)
			m.events = m.events[1:]
		}
	}
}

// TestNeverMoreThanTheLimitRoll restarts the operator at any moment, with another version or with the same.
func TestNeverMoreThanTheLimitRoll(t *testing.T) {
	requests := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	defer requests.ShutDown()
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		m := &model{version: map[string]int{}, live: map[string]*appsv1.StatefulSet{}, cached: map[string]cachedGateway{}}
		for i := range 10 {
			m.live[fmt.Sprint(i)] = gateway(fmt.Sprint(i), true)
		}
		m.restart(requests)
		for step := range 2000 {
			if step < 1000 && random.IntN(100) == 0 {
				m.wanted += random.IntN(2)
				m.restart(requests)
			}
			m.step(random)
			rolling := 0
			for _, set := range m.live {
				if workload.Rolling(set) {
					rolling++
				}
			}
			if rolling > 2 {
				t.Fatalf("seed %d, step %d: %d gateways roll", seed, step, rolling)
			}
		}
		for namespace, version := range m.version {
			if version != m.wanted {
				t.Errorf("seed %d: gateway %s is not updated", seed, namespace)
			}
		}
	}
}

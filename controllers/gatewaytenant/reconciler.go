package gatewaytenant

import (
	"time"

	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/rollout"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/sandboxpods"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Reconciler brings the objects of a tenant to the state that its GatewayTenant requests, and reports their state.
type Reconciler struct {
	client.Client               // reads from the manager's cache
	live          client.Reader // reads from the API server, before a decision for which a cache may be outdated
	observer      *observe.Observer
	sandboxPods   *sandboxpods.Watcher
	comparer      *apply.Comparer
	applier       *apply.Applier
	events        events.EventRecorder
	platform      manifests.Platform
	counter       *tenantCounter
	watched       func(namespace string) bool
	trustDelay    time.Duration // how long a changed Secret takes to reach a container, at most
	now           func() time.Time

	memory
}

// memory is what the Reconciler keeps between reconciles. The comment on each type says what it holds and what its loss costs. A
// restart loses all of it. Nothing that is applied depends on it, except the time at which a certgen Job or a rollout may begin.
type memory struct {
	slots       *rollout.Slots
	jobs        certificates.JobHistory
	history     history
	evictions   *observe.Evictions
	evaluations *evaluationCache
	stored      storedTimes
	unread      unreadSince
	outdated    outdatedSince
	written     writtenStatus
	removed     removedBindings
}

// forget drops the state of a tenant that no longer exists.
func (r *Reconciler) forget(namespace string) {
	r.observer.Forget(namespace)
	r.slots.Exclude(namespace)
	r.jobs.Forget(namespace)
	r.history.forget(namespace)
	r.evaluations.forget(namespace)
	r.stored.forget(namespace)
	r.unread.forget(namespace)
	r.outdated.forget(namespace)
	r.written.forget(namespace)
}

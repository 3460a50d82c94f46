package gatewaytenant

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/workload"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// rollout gives turns to the gateways that no tenant asked to be restarted: because the operator renders them otherwise
// than its former version did, the default image is another, or they are adopted. Only a few are restarted at a time, and
// each has its turn until it serves again. What a tenant asks for itself needs no turn.
//
// A gateway that had a turn is marked on its StatefulSet, so all that is here is known again after a restart, once each
// tenant was looked at; until then no turn is given.
type rollout struct {
	percent int // of all tenants, at once; at least one
	queue   workqueue.TypedRateLimitingInterface[reconcile.Request]

	mu      sync.Mutex
	counted bool            // whether unseen is known
	unseen  map[string]bool // tenants that were not looked at since the start
	seen    map[string]bool // those that were
	rolling map[string]bool // those that have a turn
	waiting map[string]bool // those that wait for one
}

var rolloutTenants = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Name: "gatewaytenant_rollout_tenants",
	Help: "Tenants whose gateway is restarted by an update of the platform, by state: rolling until it serves again, waiting for its turn.",
}, []string{"state"})

func init() { metrics.Registry.MustRegister(rolloutTenants) }

func newRollout(percent int) *rollout {
	return &rollout{percent: percent, seen: map[string]bool{}, unseen: map[string]bool{}, rolling: map[string]bool{}, waiting: map[string]bool{}}
}

// Start is a source of requests: those that wake tenants which have waited.
func (r *rollout) Start(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	r.queue = queue
	return nil
}

// look notes that a tenant was looked at.
func (r *rollout) look(namespace string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[namespace] {
		return
	}
	r.seen[namespace] = true
	r.expectNoMore(namespace)
}

// expectNoMore wakes those that wait when the last tenant that was there at the start was looked at, or is gone.
func (r *rollout) expectNoMore(namespace string) {
	if delete(r.unseen, namespace); r.counted && len(r.unseen) == 0 {
		r.wake()
	}
}

// forget drops a tenant that is gone.
func (r *rollout) forget(namespace string) {
	r.settle(namespace)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.seen, namespace)
	r.expectNoMore(namespace)
}

// begin notes that a tenant has a turn already.
func (r *rollout) begin(namespace string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, namespace)
	r.rolling[namespace] = true
	r.measure()
}

// settle notes that a tenant needs no turn, or no longer.
func (r *rollout) settle(namespace string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.rolling[namespace] && !r.waiting[namespace] {
		return
	}
	delete(r.rolling, namespace)
	delete(r.waiting, namespace)
	r.wake()
}

// admit gives a tenant a turn, or lets it wait. Tenants lists all there are; it is called once.
func (r *rollout) admit(namespace string, tenants func() ([]string, error)) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.counted {
		all, err := tenants()
		if err != nil {
			return false, err
		}
		for _, tenant := range all {
			if !r.seen[tenant] {
				r.unseen[tenant] = true
			}
		}
		r.counted = true
	}
	if len(r.unseen) > 0 || !r.rolling[namespace] && r.free() <= 0 {
		r.waiting[namespace] = true
		r.measure()
		return false, nil
	}
	delete(r.waiting, namespace)
	r.rolling[namespace] = true
	r.measure()
	return true, nil
}

// free is how many more may have a turn.
func (r *rollout) free() int {
	return max(1, len(r.seen)*r.percent/100) - len(r.rolling)
}

// wake lets as many of those that wait try again as there are turns.
func (r *rollout) wake() {
	next := slices.Sorted(maps.Keys(r.waiting))
	for _, namespace := range next[:min(max(r.free(), 0), len(next))] {
		r.queue.Add(tenantIn(namespace)[0])
	}
	r.measure()
}

func (r *rollout) measure() {
	rolloutTenants.WithLabelValues("rolling").Set(float64(len(r.rolling)))
	rolloutTenants.WithLabelValues("waiting").Set(float64(len(r.waiting)))
}

// turn decides whether this pass may change what runs. A gateway that does not serve anyway has nothing to lose, and says
// nothing about those that come after it, unless it is the update under way that it does not survive.
func (r *Reconciler) turn(ctx context.Context, namespace string, p *pass) (manifests.Turn, error) {
	set := p.seen.statefulSet
	if set == nil || p.rejected != nil || p.suspended {
		r.rollout.settle(namespace)
		return manifests.Turn{}, nil
	}
	restarts := byPlatform(p.objects.Gateway, set)
	switch {
	case restarts && workload.Serves(set) && !p.certificates.Complete:
		r.rollout.settle(namespace) // it would have its turn, and wait for its Secrets
		return manifests.Turn{Held: true}, nil
	case restarts && workload.Serves(set):
		granted, err := r.rollout.admit(namespace, func() ([]string, error) { return r.tenants(ctx) })
		return manifests.Turn{Held: !granted, Granted: granted}, err
	case workload.Rolling(set) && (!restarts || !workload.HasServed(set)):
		r.rollout.begin(namespace)
		return manifests.Turn{}, nil
	}
	r.rollout.settle(namespace)
	return manifests.Turn{Lapsed: restarts && manifests.RolledByPlatform(set)}, nil
}

// byPlatform tells whether a StatefulSet is to be changed for a cause of the platform's: an adopted one, or one that the
// operator rendered otherwise before.
func byPlatform(rendered *unstructured.Unstructured, live metav1.Object) bool {
	if !apply.AppliedBy(live, manifests.Manager) || apply.AppliedHash(live) == "" && !manifests.Rendered(live) {
		return true // also if an adoption was cut short after it had taken over the fields of others
	}
	return !apply.MatchesLastApplied(rendered, live) && apply.OwnsHash(live, manifests.Manager) && !manifests.AskedFor(rendered, live)
}

// tenants are the namespaces of all tenants.
func (r *Reconciler) tenants(ctx context.Context) ([]string, error) {
	var list v1alpha1.GatewayTenantList
	if err := r.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	var namespaces []string
	for i := range list.Items {
		if namespace := list.Items[i].Namespace; r.watched(namespace) {
			namespaces = append(namespaces, namespace)
		}
	}
	return namespaces, nil
}

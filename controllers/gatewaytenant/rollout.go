package gatewaytenant

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/workload"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// turn decides whether this reconcile may change what runs. A gateway that does not serve has nothing to lose, so it needs no
// slot. It does not hold up the gateways after it either, unless it is the present update that keeps it from serving.
func (r *Reconciler) turn(namespace string, p *pass) manifests.Turn {
	set := p.seen.statefulSet
	if set == nil || p.rejected != nil || p.suspended {
		r.slots.Exclude(namespace)
		return manifests.Turn{}
	}
	restarts := byPlatform(p.objects.Gateway, set)
	switch {
	case restarts && workload.Serves(set) && !p.certificates.Complete:
		r.slots.Release(namespace) // it would occupy its slot while it waits for its Secrets
		return manifests.Turn{Held: true}
	case restarts && workload.Serves(set):
		granted := r.slots.Request(namespace)
		return manifests.Turn{Held: !granted, Granted: granted}
	case workload.Rolling(set) && (!restarts || !workload.HasServed(set)):
		r.slots.Keep(namespace)
		return manifests.Turn{}
	case workload.Rolling(set):
		r.slots.Exclude(namespace)
		return manifests.Turn{Lapsed: true}
	}
	r.slots.Release(namespace)
	return manifests.Turn{}
}

// byPlatform tells whether a StatefulSet is to be changed for a cause of the platform's: an adopted one, or one that the
// operator rendered otherwise before.
func byPlatform(rendered *unstructured.Unstructured, live metav1.Object) bool {
	if !apply.AppliedBy(live, manifests.Manager) || apply.AppliedHash(live) == "" && !manifests.Rendered(live) {
		return true // also if an adoption was cut short after it had taken over the fields of others
	}
	return !apply.MatchesLastApplied(rendered, live) && apply.OwnsHash(live, manifests.Manager) && !manifests.AskedFor(rendered, live)
}

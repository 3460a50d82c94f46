package plan

import (
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// addCleanup deletes what the tenant no longer requests, and what an earlier control plane left of it.
func (p *Plan) addCleanup(in Input) {
	remove := func(ref observe.Ref, live metav1.Object, reason string) {
		p.Steps = append(p.Steps, Step{Action: Delete, Object: ref, Live: live, Reason: reason, Stage: CleanupStage})
	}
	subject := SharedSubject(in.GatewayTenant.Namespace)
	if i := slices.Index(in.Observed.SharedSubjects, subject); i >= 0 {
		p.Steps = append(p.Steps, Step{
			Action: RemoveSubject, Object: observe.SharedBinding, Index: i, Stage: CleanupStage,
			Reason: fmt.Sprintf("ServiceAccount %s/%s has a binding of its own", subject.Namespace, subject.Name),
		})
	}
	for _, ref := range observe.Optional {
		live := in.Observed.Objects[ref]
		if live != nil && !p.renders(ref) && live.GetDeletionTimestamp() == nil && apply.AppliedBy(live, manifests.Manager) {
			remove(ref, live, unneeded(ref))
		}
	}
	for _, ref := range observe.Leftovers {
		live := in.Observed.Objects[ref]
		if live != nil && live.GetDeletionTimestamp() == nil && metav1.GetControllerOf(live) == nil && live.GetLabels()[manifests.LabelName] == manifests.AppName {
			remove(ref, live, "an earlier control plane left it, and it has no successor")
		}
	}
}

// unneeded returns why an optional object is deleted.
func unneeded(ref observe.Ref) string {
	switch ref {
	case observe.ClientsPolicy:
		return "spec.network no longer limits the clients"
	case preflightUser, preflightPolicy:
		return "the gateway has no preflight"
	}
	return "no gateway that needs it runs any more"
}

// SharedSubject returns the tenant's gateway as a subject of the ClusterRoleBinding that an earlier control plane shares among all
// tenants.
func SharedSubject(namespace string) rbacv1.Subject {
	return rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Name: manifests.GatewayName, Namespace: namespace}
}

// renders reports whether an object is among those that were rendered.
func (p *Plan) renders(ref observe.Ref) bool {
	return slices.ContainsFunc(p.Objects.Foundation, func(object *unstructured.Unstructured) bool { return observe.RefOf(object) == ref })
}

// otherWorkload returns a blocked step if an earlier control plane's gateway exists whose database is not on a volume of its own.
func otherWorkload(in Input) []Step {
	other := in.Observed.Objects[observe.OtherWorkload]
	if other == nil || other.GetLabels()[manifests.LabelName] != manifests.AppName {
		return nil
	}
	return []Step{{Action: Update, Object: observe.OtherWorkload, Live: other, Stage: WorkloadStage, Blocked: &ConflictError{
		Object: observe.OtherWorkload.Describe(other.GetNamespace()),
		Why:    "is a gateway whose database is not on a volume of its own, so it cannot be taken over; use another namespace, or delete it to begin anew",
	}}}
}

package gatewaytenant

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// tell writes a line of the log when Ready changed in status or reason, and records an event. What every gateway goes
// through on its way is no event: its status tells, and an event is a request like any other.
func (r *Reconciler) tell(ctx context.Context, before *v1alpha1.GatewayTenant, after v1alpha1.GatewayTenantStatus) {
	was, is := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionReady), meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionReady)
	if was != nil && was.Status == is.Status && was.Reason == is.Reason {
		return
	}
	ctrl.LoggerFrom(ctx).Info("Ready changed", "status", is.Status, "reason", is.Reason, "message", is.Message)
	if slices.Contains(onTheWay, is.Reason) {
		return
	}
	kind := corev1.EventTypeNormal
	if is.Status != metav1.ConditionTrue && !slices.Contains(askedFor, is.Reason) {
		kind = corev1.EventTypeWarning
	}
	r.events.Eventf(before, nil, kind, is.Reason, "Reconcile", "%s", is.Message)
}

// onTheWay are reasons that every gateway has on its way to Ready. askedFor are reasons that follow from a request of the user
// and are no problem. While a new name is distributed, the gateway serves, so it does not count as on its way.
var (
	onTheWay = []string{v1alpha1.ReasonIssuing, v1alpha1.ReasonWaitingForCertificates, v1alpha1.ReasonRollingOut}
	askedFor = []string{v1alpha1.ReasonWaitingForRemoval, v1alpha1.ReasonSuspended, v1alpha1.ReasonDistributing}
)

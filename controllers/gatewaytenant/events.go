package gatewaytenant

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/status"
)

// reportReady logs a change of the condition Ready in status or reason, and reports it in an Event if its reason is worth one.
func (r *Reconciler) reportReady(ctx context.Context, before *v1alpha1.GatewayTenant, after v1alpha1.GatewayTenantStatus) {
	was, is := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionReady), meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionReady)
	if was != nil && was.Status == is.Status && was.Reason == is.Reason {
		return
	}
	ctrl.LoggerFrom(ctx).Info("Ready changed", "status", is.Status, "reason", is.Reason, "message", is.Message)
	if eventType := status.EventType(is); eventType != "" {
		r.events.Eventf(before, nil, eventType, is.Reason, "Reconcile", "%s", is.Message)
	}
}

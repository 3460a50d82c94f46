package status

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// Starting returns how much longer a new status is not worth a write: it reports that a new gateway has its certificates, and
// nearly every gateway serves shortly after that, which is written. Grace is how long a gateway may take to start.
func Starting(in Input, after v1alpha1.GatewayTenantStatus, grace time.Duration, now time.Time) time.Duration {
	before := in.GatewayTenant.Status
	was, is := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionReady), meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionReady)
	waited := was != nil && (was.Reason == v1alpha1.ReasonIssuing || was.Reason == v1alpha1.ReasonWaitingForCertificates)
	if !waited || is.Reason != v1alpha1.ReasonRollingOut || before.ObservedGeneration != after.ObservedGeneration {
		return 0
	}
	if in.Observed == nil || in.Observed.StatefulSet == nil {
		return grace // it was created by this reconcile
	}
	return grace - now.Sub(in.Observed.StatefulSet.CreationTimestamp.Time)
}

package status

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
)

// restoring makes in what is observed while a backup is being restored into the namespace of the tenant.
func restoring(in *Input) {
	in.Observed.Restoring = true
	in.Plan = &plan.Plan{Tenant: in.Plan.Tenant}
}

// TestRestoreCallsForNoAction expects a status that reports the gateway that runs and nothing of what the backup still lacks: a user
// who follows an advice about that would harm what comes later.
func TestRestoreCallsForNoAction(t *testing.T) {
	in := serving(t)
	before := Compute(in)
	in.GatewayTenant.Status = before
	restoring(&in)
	after := Compute(in)
	for condition, want := range map[string]struct {
		status metav1.ConditionStatus
		reason string
	}{
		v1alpha1.ConditionAccepted:          {metav1.ConditionTrue, v1alpha1.ReasonAccepted},
		v1alpha1.ConditionCertificatesReady: {metav1.ConditionUnknown, v1alpha1.ReasonRestoring},
		v1alpha1.ConditionAvailable:         {metav1.ConditionTrue, v1alpha1.ReasonAvailable},
		v1alpha1.ConditionReady:             {metav1.ConditionUnknown, v1alpha1.ReasonRestoring},
	} {
		if is := meta.FindStatusCondition(after.Conditions, condition); is.Status != want.status || is.Reason != want.reason {
			t.Errorf("%s is %+v, want %s with reason %s", condition, is, want.status, want.reason)
		}
	}
	in.Observed.StatefulSet.Status.ReadyReplicas = 0
	in.Observed.Problem = diagnose.Problem{Reason: v1alpha1.ReasonPodRefused, Message: "its ServiceAccount does not exist", Remedy: "raise the quota"}
	if is := compute(in, v1alpha1.ConditionAvailable); is.Status != metav1.ConditionFalse || is.Reason != v1alpha1.ReasonRestoring {
		t.Errorf("of a pod that is refused because its ServiceAccount is not restored yet, Available is %+v, want reason %s", is, v1alpha1.ReasonRestoring)
	}
	if after.CertificateNotAfter == nil || !after.CertificateNotAfter.Equal(before.CertificateNotAfter) {
		t.Errorf("status.certificateNotAfter is %v, want %v", after.CertificateNotAfter, before.CertificateNotAfter)
	}
}

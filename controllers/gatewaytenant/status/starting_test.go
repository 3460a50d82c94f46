package status

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
)

// TestStartingGatewayIsNotReported expects no write of the status when a new gateway has its certificates and may serve soon. A
// problem, or any change of a gateway that served before, is written.
func TestStartingGatewayIsNotReported(t *testing.T) {
	now := time.Unix(1000, 0)
	status := func(reason string, generation int64) v1alpha1.GatewayTenantStatus {
		return v1alpha1.GatewayTenantStatus{ObservedGeneration: generation, Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Reason: reason}}}
	}
	created := func(ago time.Duration) *appsv1.StatefulSet {
		return &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(now.Add(-ago))}}
	}
	waiting, starts := status(v1alpha1.ReasonWaitingForCertificates, 1), status(v1alpha1.ReasonRollingOut, 1)
	for _, c := range []struct {
		name          string
		before, after v1alpha1.GatewayTenantStatus
		set           *appsv1.StatefulSet
		waits         bool
	}{
		{"created by this reconcile", waiting, starts, nil, true},
		{"created a second ago", status(v1alpha1.ReasonIssuing, 1), starts, created(time.Second), true},
		{"takes long to start", waiting, starts, created(diagnose.Grace), false},
		{"serves", waiting, status(v1alpha1.ReasonReady, 1), created(time.Second), false},
		{"has a problem", waiting, status(v1alpha1.ReasonPodRefused, 1), created(time.Second), false},
		{"its spec has changed", waiting, status(v1alpha1.ReasonRollingOut, 2), created(time.Second), false},
		{"has no status yet", v1alpha1.GatewayTenantStatus{}, starts, created(time.Second), false},
		{"served before", status(v1alpha1.ReasonReady, 1), starts, created(time.Second), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := Input{GatewayTenant: &v1alpha1.GatewayTenant{Status: c.before}, Observed: &observe.Observed{StatefulSet: c.set}}
			if wait := Starting(in, c.after, diagnose.Grace, now); (wait > 0) != c.waits {
				t.Errorf("the status waits for %s, want it to wait: %t", wait, c.waits)
			}
		})
	}
}

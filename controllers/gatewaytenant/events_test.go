package gatewaytenant

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// TestChangesOfReadyAreReported expects Events about results and problems, and none about the steps of a start.
func TestChangesOfReadyAreReported(t *testing.T) {
	condition := func(status metav1.ConditionStatus, reason string) v1alpha1.GatewayTenantStatus {
		return v1alpha1.GatewayTenantStatus{Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status, Reason: reason}}}
	}
	none := v1alpha1.GatewayTenantStatus{}
	issuing, rolling := condition(metav1.ConditionFalse, v1alpha1.ReasonIssuing), condition(metav1.ConditionFalse, v1alpha1.ReasonRollingOut)
	ready, crashes := condition(metav1.ConditionTrue, v1alpha1.ReasonReady), condition(metav1.ConditionFalse, v1alpha1.ReasonCrashLoop)
	distributing := condition(metav1.ConditionFalse, v1alpha1.ReasonDistributing)
	suspended := condition(metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
	for _, c := range []struct {
		name          string
		before, after v1alpha1.GatewayTenantStatus
		want          string // the type and reason of the Event, empty if none is expected
	}{
		{"new", none, issuing, ""},
		{"starting", issuing, rolling, ""},
		{"serves", rolling, ready, "Normal Ready"},
		{"still serves", ready, ready, ""},
		{"a problem", ready, crashes, "Warning CrashLoop"},
		{"a problem from the start", none, crashes, "Warning CrashLoop"},
		{"suspended", ready, suspended, "Normal Suspended"},
		{"a new name", ready, distributing, "Normal Distributing"},
		{"a new name, whose certificate was issued", issuing, distributing, "Normal Distributing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			recorder := events.NewFakeRecorder(1)
			(&Reconciler{events: recorder}).reportReady(t.Context(), &v1alpha1.GatewayTenant{Status: c.before}, c.after)
			got := ""
			select {
			case got = <-recorder.Events:
			default:
			}
			if (got == "") != (c.want == "") || !strings.HasPrefix(got, c.want) {
				t.Errorf("the Event is %q, want %q", got, c.want)
			}
		})
	}
}

package gatewaytenant

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// TestEventsTellWhatIsNews goes from one Ready condition to another.
func TestEventsTellWhatIsNews(t *testing.T) {
	condition := func(status metav1.ConditionStatus, reason string) v1alpha1.GatewayTenantStatus {
		return v1alpha1.GatewayTenantStatus{Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status, Reason: reason}}}
	}
	nothing := v1alpha1.GatewayTenantStatus{}
	issuing, rolling := condition(metav1.ConditionFalse, v1alpha1.ReasonIssuing), condition(metav1.ConditionFalse, v1alpha1.ReasonRollingOut)
	ready, crashes := condition(metav1.ConditionTrue, v1alpha1.ReasonReady), condition(metav1.ConditionFalse, v1alpha1.ReasonCrashLoop)
	distributing := condition(metav1.ConditionFalse, v1alpha1.ReasonDistributing)
	suspended := condition(metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
	for _, c := range []struct {
		what          string
		before, after v1alpha1.GatewayTenantStatus
		want          string // the event's type and reason; empty: none
	}{
		{"new", nothing, issuing, ""},
		{"on its way", issuing, rolling, ""},
		{"there", rolling, ready, "Normal Ready"},
		{"still there", ready, ready, ""},
		{"trouble", ready, crashes, "Warning CrashLoop"},
		{"trouble from the start", nothing, crashes, "Warning CrashLoop"},
		{"asked for", ready, suspended, "Normal Suspended"},
		{"a new name", ready, distributing, "Normal Distributing"},
		{"a new name, while the certificate is issued", issuing, distributing, "Normal Distributing"},
	} {
		recorder := events.NewFakeRecorder(1)
		(&Reconciler{events: recorder}).tell(t.Context(), &v1alpha1.GatewayTenant{Status: c.before}, c.after)
		got := ""
		select {
		case got = <-recorder.Events:
		default:
		}
		if (got == "") != (c.want == "") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: event %q, want %q", c.what, got, c.want)
		}
	}
}

// TestWhatIsAskedOfATenantDoesNotWait: only our own change of its status does.
func TestWhatIsAskedOfATenantDoesNotWait(t *testing.T) {
	before := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: v1alpha1.Name, Generation: 1}}
	for _, c := range []struct {
		what  string
		do    func(*v1alpha1.GatewayTenant)
		waits bool
	}{
		{"spec", func(gt *v1alpha1.GatewayTenant) { gt.Generation++ }, false},
		{"annotation", func(gt *v1alpha1.GatewayTenant) { gt.Annotations = map[string]string{"rotate": "1"} }, false},
		{"status", func(gt *v1alpha1.GatewayTenant) { gt.Status.Image = "x" }, true},
	} {
		q := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
		after := before.DeepCopy()
		c.do(after)
		tenantEvents().Update(t.Context(), event.UpdateEvent{ObjectOld: before, ObjectNew: after}, q)
		if waits := q.Len() == 0; waits != c.waits {
			t.Errorf("%s: waits %t, want %t", c.what, waits, c.waits)
		}
		if request, _ := q.Get(); request != requestFor(before) { // now or a moment later
			t.Errorf("%s: a pass over %v", c.what, request)
		}
		q.ShutDown()
	}
}

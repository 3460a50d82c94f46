package gatewaytenant

import (
	"errors"
	"testing"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/sandboxpods"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/status"
)

func TestNextReconcile(t *testing.T) {
	now := time.Unix(1000, 0)
	r := &Reconciler{now: func() time.Time { return now }}
	failure := errors.New("connection reset")
	for _, c := range []struct {
		name  string
		in    status.Input
		waits []time.Duration
		want  time.Duration
		err   error
	}{
		{"nothing to wait for", status.Input{Plan: &plan.Plan{}}, nil, 0, nil},
		{"a certificate is being distributed", status.Input{Plan: &plan.Plan{}}, []time.Duration{0, 90 * time.Second}, 90 * time.Second, nil},
		{"the plan requires a time", status.Input{Plan: &plan.Plan{Again: now.Add(time.Minute)}}, nil, time.Minute, nil},
		{"the time of the plan is over", status.Input{Plan: &plan.Plan{Again: now.Add(-time.Minute)}}, nil, time.Millisecond, nil},
		{"the observation requires a time", status.Input{Plan: &plan.Plan{Again: now.Add(time.Minute)}, Observed: &observe.Observed{LookAgain: time.Second}}, nil, time.Second, nil},
		{"an error that only others can correct", status.Input{Plan: &plan.Plan{Again: now.Add(time.Minute)}, Err: &plan.MissingAPIError{}}, nil, time.Minute, nil},
		{"an error", status.Input{Plan: &plan.Plan{Again: now.Add(time.Minute)}, Err: failure}, []time.Duration{time.Second}, 0, failure},
	} {
		t.Run(c.name, func(t *testing.T) {
			if result, err := r.next(c.in, c.waits...); result.RequeueAfter != c.want || !errors.Is(err, c.err) {
				t.Errorf("the next reconcile is after %s (%v), want %s (%v)", result.RequeueAfter, err, c.want, c.err)
			}
		})
	}
}

// TestSuspendedTenantIsReconciledInTime expects a reconcile when a certificate of a suspended tenant ends, which the status reports.
func TestSuspendedTenantIsReconciledInTime(t *testing.T) {
	gt := newTenant()
	gt.Spec.Suspend = true
	r := &Reconciler{now: func() time.Time { return time.Unix(1000, 0) }}
	result, err := r.next(status.Input{GatewayTenant: gt, Plan: &plan.Plan{Again: time.Unix(1060, 0)}})
	if err != nil || result.RequeueAfter != time.Minute {
		t.Errorf("the next reconcile is after %s (%v), want 1m0s", result.RequeueAfter, err)
	}
}

// TestStatusWaitsForWhatIsReadForTheFirstTime: otherwise a warning would disappear from the status whenever the operator starts.
func TestStatusWaitsForWhatIsReadForTheFirstTime(t *testing.T) {
	d := newDiagnosis(t)
	d.r.counter = &tenantCounter{counted: time.Now().Add(time.Hour)}
	d.gt.Generation++ // so that the status changes
	in := d.input()
	in.Observed.AddSandboxPods(sandboxpods.Rejections{}, time.Second)
	if result, err := d.r.report(t.Context(), in, 0); err != nil || result.RequeueAfter != time.Second || d.writes != 0 {
		t.Errorf("while it is read: the next reconcile is after %s (%v), and the status was written %d times", result.RequeueAfter, err, d.writes)
	}
	in = d.input()
	in.Observed.AddSandboxPods(sandboxpods.Rejections{}, 0)
	if result, err := d.r.report(t.Context(), in, 0); err != nil || result.RequeueAfter != 0 || d.writes != 1 {
		t.Errorf("when it is read: the next reconcile is after %s (%v), and the status was written %d times", result.RequeueAfter, err, d.writes)
	}
}

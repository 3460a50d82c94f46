package status

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
)

func TestDistributionWait(t *testing.T) {
	const delay = 2 * time.Minute
	stored := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	earlier, later := []string{"a.example.com"}, []string{"a.example.com", "b.example.com"}
	for _, c := range []struct {
		name   string
		served []string      // names in the status
		pod    time.Time     // when the pod was created; zero if none exists
		age    time.Duration // of the certificate in its Secret
		want   time.Duration
	}{
		{"just stored", earlier, stored.Add(-time.Hour), time.Second, delay - time.Second},
		{"stored a second after the pod was created", earlier, stored.Add(-time.Second), 10 * time.Second, delay - 10*time.Second},
		{"stored as long ago as a kubelet takes at most", earlier, stored.Add(-time.Hour), delay, 0},
		{"stored in the second in which the pod was created", earlier, stored, 10 * time.Second, delay - 10*time.Second},
		{"the first certificate, stored in the second in which the pod was created", nil, stored, 10 * time.Second, 0},
		{"the first certificate, stored a second after the pod by another API server's clock", nil, stored.Add(-time.Second), 10 * time.Second, 0},
		{"the first certificate in the status, stored long after the pod was created", nil, stored.Add(-time.Minute), 10 * time.Second, delay - 10*time.Second},
		{"stored before the pod was created", earlier, stored.Add(5 * time.Second), 10 * time.Second, 0},
		{"the names are served", later, stored.Add(-time.Hour), time.Second, 0},
		{"no pod exists, and it mounts the certificate when it starts", earlier, time.Time{}, time.Second, 0},
		{"no gateway exists", nil, time.Time{}, time.Second, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := Input{
				GatewayTenant: &v1alpha1.GatewayTenant{Status: v1alpha1.GatewayTenantStatus{ServerDNSNames: c.served}},
				Observed:      &observe.Observed{PodCreated: c.pod}, TrustDelay: delay,
				Plan: &plan.Plan{Certificates: certificates.Observed{Complete: true, ServerNames: later, ServerStored: stored}},
			}
			if is := DistributionWait(in, stored, stored.Add(c.age)); is != c.want {
				t.Errorf("the certificate is distributed for %s, want %s", is, c.want)
			}
		})
	}
}

// TestReadyRequiresThatNewNamesAreServed expects that the status lists the names that are served.
func TestReadyRequiresThatNewNamesAreServed(t *testing.T) {
	for _, c := range []struct {
		name         string
		is, was      []string
		distributing time.Duration
		reason       string
		listed       []string
	}{
		{"a new name", []string{"new.example.com"}, []string{"old.example.com"}, time.Second, v1alpha1.ReasonDistributing, []string{"old.example.com"}},
		{"a new name that is served", []string{"new.example.com"}, []string{"old.example.com"}, 0, v1alpha1.ReasonReady, []string{"new.example.com"}},
		{"a name is removed", nil, []string{"old.example.com"}, time.Second, v1alpha1.ReasonReady, []string{"old.example.com"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := serving(t)
			own := slices.Clone(in.Plan.Tenant.ServerNames)
			in.GatewayTenant.Status.ServerDNSNames = slices.Concat(own, c.was)
			in.Plan.Tenant.ServerNames = slices.Concat(own, c.is)
			in.Plan.Certificates.ServerNames, in.DistributionWait, in.TrustDelay = in.Plan.Tenant.ServerNames, c.distributing, 2*time.Minute
			status := Compute(in)
			ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
			if ready.Reason != c.reason || (ready.Status == metav1.ConditionTrue) != (c.reason == v1alpha1.ReasonReady) {
				t.Errorf("Ready is %+v, want reason %s", ready, c.reason)
			}
			if c.reason == v1alpha1.ReasonDistributing && (!strings.Contains(ready.Message, "new.example.com") || !strings.Contains(ready.Message, "2m0s")) {
				t.Errorf("Ready has the message %q, want the new name and the delay in it", ready.Message)
			}
			if want := slices.Concat(own, c.listed); !slices.Equal(status.ServerDNSNames, want) {
				t.Errorf("the status lists %q, want %q", status.ServerDNSNames, want)
			}
			if again := Compute(in); c.distributing > 0 && !slices.Equal(again.ServerDNSNames, status.ServerDNSNames) {
				t.Errorf("the same reconcile again changes the names in the status to %q", again.ServerDNSNames)
			}
		})
	}
}

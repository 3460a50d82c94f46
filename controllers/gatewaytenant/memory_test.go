package gatewaytenant

import (
	"errors"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/status"
)

// TestDistributionDoesNotDependOnTheClock has clocks of the operator that differ from that of the API server, which sets the time at
// which a certificate was stored.
func TestDistributionDoesNotDependOnTheClock(t *testing.T) {
	const delay = 2 * time.Minute
	stored := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	wait := func(memory *storedTimes, name string, stored, now time.Time) time.Duration {
		in := status.Input{
			GatewayTenant: newTenant(), TrustDelay: delay,
			Observed: &observe.Observed{PodCreated: time.Date(2026, 11, 29, 11, 0, 0, 0, time.UTC)},
			Plan:     &plan.Plan{Certificates: certificates.Observed{Complete: true, ServerNames: []string{name}, ServerStored: stored}},
		}
		in.GatewayTenant.Status.ServerDNSNames = []string{"a.example.com"}
		return status.DistributionWait(in, memory.observe("tenant-a", stored, now), now)
	}
	for _, ahead := range []time.Duration{-30 * time.Minute, 0, 3 * time.Minute} {
		t.Run("the operator's clock is ahead by "+ahead.String(), func(t *testing.T) {
			now := stored.Add(ahead)
			running, restarted := &storedTimes{}, &storedTimes{}
			wait(running, "a.example.com", stored.Add(-time.Hour), now)
			if is := wait(running, "b.example.com", stored, now); is != delay {
				t.Errorf("a new certificate is distributed for %s, want %s", is, delay)
			}
			if is := wait(restarted, "b.example.com", stored, now); is > delay {
				t.Errorf("after a restart, the certificate is distributed for %s, want at most %s", is, delay)
			}
			now = now.Add(delay)
			for name, memory := range map[string]*storedTimes{"after the delay": running, "after a restart and the delay": restarted} {
				if is := wait(memory, "b.example.com", stored, now); is != 0 {
					t.Errorf("%s, the certificate is distributed for %s, want 0s", name, is)
				}
			}
		})
	}
}

// TestUnreadConfigIsReportedWhenItLasts expects no report of a short failure, so that an upgrade of the operator in a busy cluster does
// not report each tenant.
func TestUnreadConfigIsReportedWhenItLasts(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var unread unreadSince
	input := func(namespace string, readyReplicas int32, err error) status.Input {
		gt := newTenant()
		_, set := servingPlan(t, gt)
		gt.Namespace, set.Status.ReadyReplicas = namespace, readyReplicas
		return status.Input{GatewayTenant: gt, Observed: &observe.Observed{StatefulSet: set, FilesErr: err}}
	}
	failure := errors.New("reading ConfigMap a/b: timeout")
	for _, c := range []struct {
		name  string
		after time.Duration
		err   error
		waits bool
	}{
		{"the first failure", 0, failure, true},
		{"the failure lasts", unreadGrace - time.Second, failure, true},
		{"the failure has lasted", 2 * time.Second, failure, false},
		{"a success", 0, nil, false},
		{"the next failure", time.Hour, failure, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			now = now.Add(c.after)
			if waits := unread.waits(input("a", 1, c.err), now); waits != c.waits {
				t.Errorf("the status waits: %t, want %t", waits, c.waits)
			}
		})
	}
	t.Run("a gateway that does not serve", func(t *testing.T) {
		if unread.waits(input("b", 0, failure), now) {
			t.Error("the status waits")
		}
	})
}

// TestOutdatedTenantIsNotReconciled expects that a tenant in the cache which is older than the last status written is left out, but not
// for longer than the cache may take to show that status.
func TestOutdatedTenantIsNotReconciled(t *testing.T) {
	tenant := func(namespace, version string) *v1alpha1.GatewayTenant {
		return &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, ResourceVersion: version}}
	}
	start := time.Unix(1_800_000_000, 0)
	var written writtenStatus
	written.note(tenant("a", "100"), start)
	for _, c := range []struct {
		name               string
		namespace, version string
		after              time.Duration
		want               time.Duration
	}{
		{"no status was written", "b", "1", 0, 0},
		{"older than the status", "a", "99", 0, writtenGrace},
		{"older, and compared as a number", "a", "9", 0, writtenGrace},
		{"older for some seconds", "a", "99", 4 * time.Second, writtenGrace - 4*time.Second},
		{"older for too long, as after a restored backup", "a", "99", writtenGrace, 0},
		{"the state with the status", "a", "100", 0, 0},
		{"a later state", "a", "101", 0, 0},
		{"no number", "a", "x", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if wait := written.outdated(tenant(c.namespace, c.version), start.Add(c.after)); wait != c.want {
				t.Errorf("the reconcile waits for %s, want %s", wait, c.want)
			}
		})
	}
	t.Run("the tenant was deleted", func(t *testing.T) {
		written.forget("a")
		if wait := written.outdated(tenant("a", "99"), start); wait != 0 {
			t.Errorf("the reconcile waits for %s, want 0s", wait)
		}
	})
}

// TestBindingIsDeletedOnce, also if the cache shows it for a while after that.
func TestBindingIsDeletedOnce(t *testing.T) {
	var removed removedBindings
	binding, next := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{UID: "1"}}, &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{UID: "2"}}
	if removed.has("a", binding) {
		t.Error("it is taken for deleted before it was")
	}
	removed.note("a", binding)
	if !removed.has("a", binding) || removed.has("a", next) || removed.has("b", binding) {
		t.Error("not exactly the binding that was deleted is known")
	}
	if !removed.has("a", nil) || removed.has("a", binding) {
		t.Error("the record outlives the binding: one that is restored with its uid would stay")
	}
}

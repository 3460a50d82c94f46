package gatewaytenant

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

func TestCertificateCountsAsServedWhenItsPodHasIt(t *testing.T) {
	const delay = 2 * time.Minute
	stored := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: "tenant-a", Name: manifests.GatewayName, UID: "set"}}
	controller := true
	pod := func(created time.Time) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			CreationTimestamp: metav1.Time{Time: created}, OwnerReferences: []metav1.OwnerReference{{UID: "set", Controller: &controller}},
		}}
	}
	earlier, later := []string{"a.example.com"}, []string{"a.example.com", "b.example.com"}
	for _, c := range []struct {
		what   string
		status []string
		set    *appsv1.StatefulSet
		pod    *corev1.Pod
		age    time.Duration // of the certificate in its Secret
		want   time.Duration
	}{
		{"just stored", earlier, set, pod(stored.Add(-time.Hour)), time.Second, delay - time.Second},
		{"stored a second after the pod was created", earlier, set, pod(stored.Add(-time.Second)), 10 * time.Second, delay - 10*time.Second},
		{"stored as long ago as a kubelet takes at most", earlier, set, pod(stored.Add(-time.Hour)), delay, 0},
		{"stored in the second in which the pod was created", earlier, set, pod(stored), 10 * time.Second, delay - 10*time.Second},
		{"that is the first, stored in the second in which the pod was created", nil, set, pod(stored), 10 * time.Second, 0},
		{"that is the first, stored a second after the pod by another API server's clock", nil, set, pod(stored.Add(-time.Second)), 10 * time.Second, 0},
		{"that is the first in the status, stored long after the pod was created", nil, set, pod(stored.Add(-time.Minute)), 10 * time.Second, delay - 10*time.Second},
		{"stored before the pod was created", earlier, set, pod(stored.Add(5 * time.Second)), 10 * time.Second, 0},
		{"with the names that are served", later, set, pod(stored.Add(-time.Hour)), time.Second, 0},
		{"without a pod, which mounts it when it starts", earlier, set, nil, time.Second, 0},
		{"without a gateway", nil, nil, nil, time.Second, 0},
	} {
		r := &Reconciler{pods: &podCache{pod: c.pod}, trustDelay: delay, now: func() time.Time { return stored.Add(c.age) }}
		p := pass{certificates: certificates.Observed{Complete: true, ServerNames: later, ServerStored: stored}}
		p.seen.statefulSet = c.set
		gt := &v1alpha1.GatewayTenant{Status: v1alpha1.GatewayTenantStatus{ServerDNSNames: c.status}}
		if is, err := r.distribution(t.Context(), gt, &p); is != c.want || err != nil {
			t.Errorf("a certificate %s: %s, %v; want %s", c.what, is, err, c.want)
		}
		p.distributing = c.want
		if next, err := r.next(p); next.RequeueAfter != c.want || err != nil {
			t.Errorf("a certificate %s: the next reconcile is after %s, %v", c.what, next.RequeueAfter, err)
		}
	}
}

// TestServedNamesDoNotDependOnTheOperatorsClock: the time at which a certificate was stored is that of the API server.
func TestServedNamesDoNotDependOnTheOperatorsClock(t *testing.T) {
	const delay = 2 * time.Minute
	stored := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	gt, p := serving(t)
	gt.Status.ServerDNSNames = []string{"a.example.com"}
	p.seen.statefulSet.UID = "set"
	pods := &podCache{pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		CreationTimestamp: metav1.Time{Time: stored.Add(-time.Hour)}, OwnerReferences: []metav1.OwnerReference{{UID: "set", Controller: new(true)}},
	}}}
	for _, ahead := range []time.Duration{-30 * time.Minute, 0, 3 * time.Minute} {
		now := stored.Add(ahead)
		wait := func(r *Reconciler, name string, stored time.Time) time.Duration {
			p.certificates = certificates.Observed{Complete: true, ServerNames: []string{name}, ServerStored: stored}
			is, err := r.distribution(t.Context(), gt, &p)
			if err != nil {
				t.Fatal(err)
			}
			return is
		}
		r := &Reconciler{pods: pods, trustDelay: delay, now: func() time.Time { return now }}
		wait(r, "a.example.com", stored.Add(-time.Hour))
		if is := wait(r, "b.example.com", stored); is != delay {
			t.Errorf("the clock is ahead by %s: a new certificate is awaited for %s, want %s", ahead, is, delay)
		}
		restarted := &Reconciler{pods: pods, trustDelay: delay, now: r.now}
		if is := wait(restarted, "b.example.com", stored); is > delay {
			t.Errorf("the clock is ahead by %s: after a restart, the certificate is awaited for %s, want at most %s", ahead, is, delay)
		}
		now = now.Add(delay)
		for what, r := range map[string]*Reconciler{"after the delay": r, "after a restart and the delay": restarted} {
			if is := wait(r, "b.example.com", stored); is != 0 {
				t.Errorf("the clock is ahead by %s: %s, the certificate is awaited for %s", ahead, what, is)
			}
		}
	}
}

// TestReadyMeansThatNewNamesAreServed and the status lists what is served.
func TestReadyMeansThatNewNamesAreServed(t *testing.T) {
	for _, c := range []struct {
		what         string
		is, was      []string
		distributing time.Duration
		reason       string
		listed       []string
	}{
		{"a new name", []string{"new.example.com"}, []string{"old.example.com"}, time.Second, v1alpha1.ReasonDistributing, []string{"old.example.com"}},
		{"a new name that is served", []string{"new.example.com"}, []string{"old.example.com"}, 0, v1alpha1.ReasonReady, []string{"new.example.com"}},
		{"a name that is removed", nil, []string{"old.example.com"}, time.Second, v1alpha1.ReasonReady, []string{"old.example.com"}},
	} {
		gt, p := serving(t)
		own := slices.Clone(p.tenant.ServerNames)
		gt.Status.ServerDNSNames = slices.Concat(own, c.was)
		p.tenant.ServerNames = slices.Concat(own, c.is)
		p.certificates.ServerNames, p.distributing, p.trustDelay = p.tenant.ServerNames, c.distributing, 2*time.Minute
		status := statusOf(gt, p)
		ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
		if ready.Reason != c.reason || (ready.Status == metav1.ConditionTrue) != (c.reason == v1alpha1.ReasonReady) {
			t.Errorf("%s: %+v", c.what, ready)
		}
		if c.reason == v1alpha1.ReasonDistributing && (!strings.Contains(ready.Message, "new.example.com") || !strings.Contains(ready.Message, "2m0s")) {
			t.Errorf("%s: %s", c.what, ready.Message)
		}
		if !slices.Equal(status.ServerDNSNames, slices.Concat(own, c.listed)) {
			t.Errorf("%s: the status lists %q", c.what, status.ServerDNSNames)
		}
		if again := statusOf(gt, p); c.distributing > 0 && !slices.Equal(again.ServerDNSNames, status.ServerDNSNames) {
			t.Errorf("%s: the status changes without a cause", c.what)
		}
	}
}

// TestPodsThatCannotBeReadAreAnError and no claim about what is served.
func TestPodsThatCannotBeReadAreAnError(t *testing.T) {
	r := &Reconciler{pods: failingCache{}, trustDelay: time.Minute, now: time.Now}
	p := pass{certificates: certificates.Observed{Complete: true, ServerNames: []string{"a"}, ServerStored: time.Now()}}
	p.seen.statefulSet = &appsv1.StatefulSet{}
	if is, err := r.distribution(t.Context(), &v1alpha1.GatewayTenant{}, &p); err == nil {
		t.Errorf("it is %s", is)
	}
}

type failingCache struct{ cache.Cache }

func (failingCache) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.New("not synced")
}

package gatewaytenant

import (
	"errors"
	"sync"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/status"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/workload"
)

// storedTimes records, by the local clock, when each gateway's current certificate was first observed. The time in a Secret is by
// the clock of an API server, which may differ. After a loss, the time in the Secret counts, unless it is in the future.
type storedTimes struct {
	mu sync.Mutex
	by map[string]storedTime // by namespace
}

type storedTime struct{ stored, since time.Time }

// observe returns the time from which the distribution of a certificate counts. A certificate that was stored before this
// process observed the tenant has its own time, unless that is in the future.
func (s *storedTimes) observe(namespace string, stored, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = map[string]storedTime{}
	}
	last, exists := s.by[namespace]
	if !exists || !last.stored.Equal(stored) {
		last = storedTime{stored, now}
		if !exists && stored.Before(now) {
			last.since = stored
		}
		s.by[namespace] = last
	}
	return last.since
}

func (s *storedTimes) forget(namespace string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.by, namespace)
}

// unreadGrace is how long the existing gateway.toml of a gateway that serves may stay unread without a report.
const unreadGrace = 30 * time.Second

// unreadSince records since when the existing gateway.toml of each tenant could not be read. A busy API server refuses some reads
// when an upgraded operator reads the text of all tenants. After a loss, a failure is reported later.
type unreadSince struct{ by sync.Map }

// waits reports whether to postpone the status because such a failure is recent and the gateway serves.
func (u *unreadSince) waits(in status.Input, now time.Time) bool {
	namespace := in.GatewayTenant.Namespace
	if in.Observed == nil || in.Observed.FilesErr == nil {
		u.forget(namespace)
		return false
	}
	since, _ := u.by.LoadOrStore(namespace, now)
	set := in.Observed.StatefulSet
	return set != nil && workload.Serves(set) && now.Sub(since.(time.Time)) < unreadGrace
}

func (u *unreadSince) forget(namespace string) { u.by.Delete(namespace) }

// writtenGrace is how long the cache may take to show a status that was written. After that, the cache counts as current, even if
// its resourceVersion is lower: an etcd that was restored from a backup continues from a lower one.
const writtenGrace = 10 * time.Second

// outdatedSince records since when each tenant has had objects that change before the operator can change them. The status is
// postponed at first, since nearly always only the cache is late. After a loss, such objects are reported later.
type outdatedSince struct{ by sync.Map }

// orErr returns the errors of an execution, with those about outdated objects if there have been any for too long.
func (o *outdatedSince) orErr(namespace string, is result, now time.Time) error {
	if is.outdated == nil {
		o.forget(namespace)
		return is.err
	}
	if since, _ := o.by.LoadOrStore(namespace, now); now.Sub(since.(time.Time)) < writtenGrace {
		return is.err
	}
	return errors.Join(is.err, is.outdated)
}

func (o *outdatedSince) forget(namespace string) { o.by.Delete(namespace) }

// writtenStatus records the resourceVersion of the last status that this process wrote to each tenant. A reconcile of an older
// state would write that status again. After a loss, one redundant status write may occur.
type writtenStatus struct{ by sync.Map }

type written struct {
	version string
	at      time.Time
}

func (w *writtenStatus) note(tenant *v1alpha1.GatewayTenant, now time.Time) {
	w.by.Store(tenant.Namespace, written{tenant.ResourceVersion, now})
}

// outdated returns how much longer to wait for the cache to show the status that was written last. It is zero if it shows it.
func (w *writtenStatus) outdated(tenant *v1alpha1.GatewayTenant, now time.Time) time.Duration {
	last, exists := w.by.Load(tenant.Namespace)
	if !exists {
		return 0
	}
	order, err := resourceversion.CompareResourceVersion(tenant.ResourceVersion, last.(written).version)
	if err != nil || order >= 0 {
		return 0
	}
	return max(0, last.(written).at.Add(writtenGrace).Sub(now))
}

func (w *writtenStatus) forget(namespace string) { w.by.Delete(namespace) }

// removedBindings records the ClusterRoleBinding that this process deleted last for each GatewayTenant that no longer exists, until the
// cache shows that it is gone. After a loss, one redundant request may occur.
type removedBindings struct{ by sync.Map }

func (r *removedBindings) note(namespace string, binding *rbacv1.ClusterRoleBinding) {
	r.by.Store(namespace, binding.UID)
}

// has reports whether a binding does not exist or was deleted.
func (r *removedBindings) has(namespace string, binding *rbacv1.ClusterRoleBinding) bool {
	if binding == nil {
		r.by.Delete(namespace)
		return true
	}
	uid, exists := r.by.Load(namespace)
	return exists && uid == binding.UID
}

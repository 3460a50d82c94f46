package gatewaytenant

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// clockDifference is the most by which the clocks of two API servers are expected to differ. Times of objects are in whole seconds.
const clockDifference = 5 * time.Second

// storedTimes remembers by this process's own clock when it first observed the present certificates of gateways. The time at
// which a certificate was stored is that of an API server, whose clock may differ.
type storedTimes struct {
	mu sync.Mutex
	of map[string]storedTime // by namespace
}

type storedTime struct{ stored, since time.Time }

// observe returns the time from which the distribution of a certificate counts. A certificate that was stored before this
// process observed the tenant has its own time, unless that is in the future.
func (s *storedTimes) observe(namespace string, stored, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[string]storedTime{}
	}
	last, seen := s.of[namespace]
	if !seen || !last.stored.Equal(stored) {
		last = storedTime{stored, now}
		if !seen && stored.Before(now) {
			last.since = stored
		}
		s.of[namespace] = last
	}
	return last.since
}

func (s *storedTimes) forget(namespace string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, namespace)
}

// distribution returns how much longer the gateway may serve an earlier certificate than the one in its Secret, zero if it
// serves that one. Kubelets update mounted Secrets with a delay, and the operator does not connect to gateways, so a
// certificate counts as served when that delay is over, or if the pod was created after the certificate was stored. This only
// matters while the names in the certificate differ from those in the status.
func (r *Reconciler) distribution(ctx context.Context, gt *v1alpha1.GatewayTenant, p *pass) (time.Duration, error) {
	p.trustDelay = r.trustDelay
	is := p.certificates
	since := r.stored.observe(gt.Namespace, is.ServerStored, r.now())
	if !is.Complete || p.seen.statefulSet == nil || slices.Equal(listable(is.ServerNames), gt.Status.ServerDNSNames) {
		return 0, nil
	}
	wait := since.Add(r.trustDelay).Sub(r.now())
	if wait <= 0 {
		return 0, nil
	}
	pod, err := r.gatewayPod(ctx, p.seen.statefulSet)
	if err != nil || pod == nil {
		return 0, err
	}
	created := pod.CreationTimestamp.Time
	firstPod := len(gt.Status.ServerDNSNames) == 0 && !created.Add(clockDifference).Before(is.ServerStored) // it waited for the Secret
	if created.After(is.ServerStored) || firstPod {
		return 0, nil
	}
	return wait, nil
}

// distributing returns the condition Ready of a gateway that does not serve a name of its spec yet, nil if it serves all.
func distributing(status v1alpha1.GatewayTenantStatus, p pass) *metav1.Condition {
	missing := certificates.MissingNames(status.ServerDNSNames, p.tenant.ServerNames)
	if p.distributing <= 0 || len(missing) == 0 {
		return nil // a name that was removed needs no new certificate
	}
	ready := no(v1alpha1.ConditionReady, v1alpha1.ReasonDistributing, message.Truncate(fmt.Sprintf("The certificate with %s is issued. The gateway serves it when the kubelet has updated Secret %s in pod %s, within %s of its issue.",
		strings.Join(missing, ", "), manifests.ServerTLSName, manifests.PodName, p.trustDelay), message.MaxLength))
	return &ready
}

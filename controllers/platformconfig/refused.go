package platformconfig

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// resendAfter is how long a GatewayTenant that the API server refused is not sent again unchanged. The API server's own
// rules may have changed by then.
const resendAfter = 5 * time.Minute

// refusedApplies are the GatewayTenants that the API server refused, by a hash of what was sent and of what existed. They
// keep the bridge from sending the same again each time that it reconciles.
type refusedApplies struct {
	mu   sync.Mutex
	errs map[[sha256.Size]byte]refusedApply
}

type refusedApply struct {
	err error
	at  time.Time
}

// hashOf identifies an apply by the object that is sent and by the state of the GatewayTenant that exists.
func hashOf(desired *unstructured.Unstructured, tenant *v1alpha1.GatewayTenant) [sha256.Size]byte {
	text, err := json.Marshal(desired.Object)
	if err != nil {
		panic(err) // it comes from JSON
	}
	if tenant != nil {
		text = fmt.Appendf(text, "\n%s %d", tenant.UID, tenant.Generation)
	}
	return sha256.Sum256(text)
}

// apply calls send unless the API server refused the same a short time ago, and returns the error of the one or the other.
func (r *refusedApplies) apply(desired *unstructured.Unstructured, tenant *v1alpha1.GatewayTenant, now time.Time, send func() error) error {
	r.mu.Lock()
	some := len(r.errs) > 0
	r.mu.Unlock()
	if some {
		hash := hashOf(desired, tenant)
		r.mu.Lock()
		known, is := r.errs[hash]
		r.mu.Unlock()
		if is && now.Sub(known.at) < resendAfter {
			return known.err
		}
	}
	err := send()
	if isRejection(err) {
		hash := hashOf(desired, tenant)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.errs == nil {
			r.errs = map[[sha256.Size]byte]refusedApply{}
		}
		r.errs[hash] = refusedApply{err, now}
	}
	return err
}

// forget drops what is too old to matter.
func (r *refusedApplies) forget(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for hash, known := range r.errs {
		if now.Sub(known.at) >= resendAfter {
			delete(r.errs, hash)
		}
	}
}

// isRejection reports whether the API server refuses an object because of its contents.
func isRejection(err error) bool { return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) }

// applyWork applies an entry. If the API server refuses independent fields of it, the rest is applied.
func (r *Reconciler) applyWork(ctx context.Context, work *Work, tenant *v1alpha1.GatewayTenant) error {
	send := func() error {
		desired := TenantOf(*work)
		return r.refused.apply(desired, tenant, time.Now(), func() error { return r.applier.CompareAndApply(ctx, desired, liveOf(tenant)) })
	}
	err := send()
	if rest, is := work.WithoutFaults(tenant, faultsOf(err)); is {
		*work = rest
		return send()
	}
	return err
}

package platformconfig

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// resendAfter is how long an apply that the API server rejected is not sent again. The API server's rules may have changed
// by then.
const resendAfter = 5 * time.Minute

// rejections holds the errors of applies that the API server rejected. No object records them. Losing them costs one request
// for each rejected entry, which returns the same error.
type rejections struct {
	mu   sync.Mutex
	errs map[[sha256.Size]byte]rejection // by a hash of what was sent and of what existed
}

type rejection struct {
	err error
	at  time.Time
}

// hashOf identifies an apply by the object that is sent and by the version of the GatewayTenant that exists.
func hashOf(desired *unstructured.Unstructured, tenant *v1alpha1.GatewayTenant) [sha256.Size]byte {
	text, err := json.Marshal(desired.Object)
	if err != nil {
		panic(err) // it was decoded from JSON
	}
	if tenant != nil {
		text = fmt.Appendf(text, "\n%s %d", tenant.UID, tenant.Generation)
	}
	return sha256.Sum256(text)
}

// unlessRejected calls send and returns its error. If the API server rejected the same apply recently, it returns that error
// instead.
func (r *rejections) unlessRejected(desired *unstructured.Unstructured, tenant *v1alpha1.GatewayTenant, now time.Time, send func() error) error {
	r.mu.Lock()
	remembered := len(r.errs) > 0
	r.mu.Unlock()
	if remembered {
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
			r.errs = map[[sha256.Size]byte]rejection{}
		}
		r.errs[hash] = rejection{err, now}
	}
	return err
}

// expire removes errors after which an apply is sent again.
func (r *rejections) expire(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for hash, known := range r.errs {
		if now.Sub(known.at) >= resendAfter {
			delete(r.errs, hash)
		}
	}
}

// isRejection reports whether the API server rejected an object because of its contents.
func isRejection(err error) bool { return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) }

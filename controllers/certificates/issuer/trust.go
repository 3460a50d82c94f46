package issuer

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// publish adds the CA to each ca.crt that has neither the CA nor a previous one that vouches for it, and records when.
func (r *run) publish(ctx context.Context, ca authority) error {
	for _, name := range format.TLSNames {
		trusted, extensible := r.set.TrustedCAs(name)
		if !extensible {
			continue
		}
		if vouched, err := ca.vouchedFor(trusted, r.now); err != nil || vouched {
			if err != nil {
				return err
			}
			continue
		}
		secret := r.found[name].DeepCopy()
		secret.Data[format.KeyCA] = append(format.EncodeCertificates(append(slices.Clone(trusted), ca.certificate)...), unreadable(secret)...)
		annotate(secret, map[string]string{format.AnnotationTrustedSince: time.Now().UTC().Format(time.RFC3339)})
		if err := r.update(ctx, secret, "trusts the new authority, too"); err != nil {
			return err
		}
	}
	return nil
}

// await waits until all peers trust what was published, in this run or in an earlier one. It returns early if a Secret
// disappears or the CA changes meanwhile, so that the next run can begin with that.
func (r *run) await(ctx context.Context, others []string) (undisturbed bool, err error) {
	if len(others) == 0 {
		return true, nil
	}
	ca, until := r.found[manifests.CAName].ResourceVersion, r.set.TrustedSince().Add(r.Lifetimes.TrustDelay)
	until = format.Earliest(until, time.Now().Add(r.Lifetimes.TrustDelay)) // whatever an annotation says
	for time.Now().Before(until) {
		select {
		case <-time.After(min(2*time.Second, time.Until(until))):
		case <-ctx.Done():
			return false, ctx.Err()
		}
		if err := r.read(ctx); err != nil {
			return false, err
		}
		if now := r.found[manifests.CAName]; now == nil || now.ResourceVersion != ca || r.observed.Worst() == certificates.Missing {
			return false, nil
		}
	}
	return true, nil
}

// unreadable returns what is in a Secret's ca.crt and cannot be read. Other programs may be able to, so it stays.
func unreadable(secret *corev1.Secret) []byte {
	if secret == nil {
		return nil
	}
	cas, _ := format.ParseCAs(secret.Data[format.KeyCA]) // with an error, it still has what it could read
	return cas.Unreadable
}

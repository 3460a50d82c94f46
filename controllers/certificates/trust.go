package certificates

import (
	"context"
	"crypto/x509"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// sides returns what the TLS Secret with a name holds, and what the other one holds, with its name.
func (s *set) sides(name string) (self, other part, otherName string) {
	if name == manifests.ClientTLSName {
		return s.client, s.server, manifests.ServerTLSName
	}
	return s.server, s.client, manifests.ClientTLSName
}

// publish adds the authority to each ca.crt that neither has it nor has a former one that signed a certificate of it, and
// notes when.
func (r *run) publish(ctx context.Context, ca authority) error {
	for _, name := range format.TLSNames {
		side, _, _ := r.set.sides(name)
		if side.err != nil || r.set.refusal(r.found[name]) != "" {
			continue
		}
		if vouched, err := ca.vouchedFor(side.authorities, r.now); err != nil || vouched {
			if err != nil {
				return err
			}
			continue
		}
		secret := r.found[name].DeepCopy()
		secret.Data[format.KeyCA] = append(format.EncodeCertificates(append(slices.Clone(side.authorities), ca.certificate)...), unreadable(secret)...)
		mark(secret, map[string]string{format.AnnotationTrustedSince: time.Now().UTC().Format(time.RFC3339)})
		if err := r.update(ctx, secret, "trusts the new authority, too"); err != nil {
			return err
		}
	}
	return nil
}

// await waits until everybody trusts what was published, in this run or in one before. If a Secret vanishes meanwhile or
// the authority becomes another, it tells so at once: the next run, which begins with that, is the sooner there.
func (r *run) await(ctx context.Context, others []string) (undisturbed bool, err error) {
	if len(others) == 0 {
		return true, nil
	}
	var since time.Time
	for _, side := range []part{r.set.client, r.set.server} {
		if side.err == nil && side.trustedSince.After(since) {
			since = side.trustedSince
		}
	}
	ca, until := r.found[manifests.CAName].ResourceVersion, since.Add(r.Lifetimes.TrustDelay)
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
		if now := r.found[manifests.CAName]; now == nil || now.ResourceVersion != ca || r.seen.Worst() == Missing {
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
	authorities, _ := format.ParseCAs(secret.Data[format.KeyCA]) // with an error, it still has what it read
	return authorities.Unreadable
}

// former returns the authorities that a side goes on trusting in addition to the present one, and until when. The one
// that signed its last certificate becomes a former one now; others keep the time that they have. One of which the other
// side still shows a certificate stays in any case, and so does one that never was the tenant's.
func (r *run) former(ca authority, name string) ([]*x509.Certificate, formerEnds) {
	side, other, _ := r.set.sides(name)
	trusted, ends := side.authorities, formerEnds{}
	maps.Copy(ends, side.former)
	if !side.of(r.set.ca) || r.set.distrusts[name] != "" { // it is missing, of another authority, or does not trust the other side
		lost := side.certificate == nil || r.set.distrusts[name] != "" // then it needs all that the other side trusts
		trusted = slices.Concat(side.authorities, slices.DeleteFunc(slices.Clone(other.authorities), func(c *x509.Certificate) bool {
			return !lost && !r.set.isTenantsOwn(c, other.former) && !other.of(part{certificate: c})
		}))
		maps.Copy(ends, other.former)
	}
	var former []*x509.Certificate
	for _, authority := range trusted {
		switch {
		case authority.Equal(ca.certificate):
			continue
		case !r.set.isTenantsOwn(authority, side.former) && !r.set.isTenantsOwn(authority, other.former):
			former = append(former, authority)
			continue
		case !r.now.Before(authority.NotAfter):
			continue
		}
		needed := r.set.stillNeeds(other, authority)
		end, said := ends[idOf(authority)]
		if !said && (side.former == nil || needed || side.of(part{certificate: authority})) {
			end = r.now.Add(r.Lifetimes.Overlap)
			ends[idOf(authority)] = end
		}
		if needed || r.now.Before(end) {
			former = append(former, authority)
		}
	}
	return former, ends
}

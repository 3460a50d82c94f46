package certificates

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Wish is what the certgen Job is asked for.
type Wish struct {
	Wanted
	// Namespace is the tenant's.
	Namespace string
	// Lifetimes are those of what is made.
	Lifetimes Lifetimes
}

// run is one run of certgen: the Secrets as they are, and what was done to them.
type run struct {
	Wish
	secrets corev1client.SecretInterface
	now     time.Time
	found   map[string]*corev1.Secret // absent: not in it
	set     *set                      // what they hold
	seen    Seen                      // what they need
	done    []string
}

// Converge makes those of a tenant's Secrets that are missing, do not fit or are due, and says what it did. Each write
// is one whole Secret and conditional on what was read, so a crash between two of them leaves a state that serves and
// that the next run completes. No Secret is ever deleted.
func Converge(ctx context.Context, secrets corev1client.SecretInterface, wish Wish, now time.Time) (done []string, err error) {
	r := &run{Wish: wish, secrets: secrets, now: now, found: map[string]*corev1.Secret{}}
	if err := r.read(ctx); err != nil {
		return nil, err
	}
	err = errors.Join(r.certificates(ctx), r.tokenKeys(ctx))
	return r.done, errors.Join(err, r.owners(ctx))
}

// certificates sees to the authority, and to the certificates of the gateway and its clients. Whoever is to meet a new
// authority's certificate trusts the authority first.
func (r *run) certificates(ctx context.Context) error {
	if err := r.authority(ctx); err != nil {
		return err
	}
	urgent, others := r.toIssue()
	if len(urgent)+len(others) == 0 {
		return nil
	}
	ca, err := readAuthority(r.found[manifests.CAName].Data)
	if err != nil {
		return err
	}
	published, err := r.publish(ctx, ca)
	if err != nil {
		return err
	}
	if err := r.issueAll(ctx, ca, urgent); err != nil {
		return err
	}
	if published && len(others) > 0 {
		if undisturbed, err := r.await(ctx); !undisturbed {
			return err
		}
	}
	return r.issueAll(ctx, ca, others)
}

// await waits until everybody trusts what was published. If a Secret vanishes meanwhile, it tells so at once: the next
// run, which begins with that, is the sooner there.
func (r *run) await(ctx context.Context) (undisturbed bool, err error) {
	for until := time.Now().Add(r.Lifetimes.TrustDelay); time.Now().Before(until); {
		select {
		case <-time.After(min(2*time.Second, time.Until(until))):
		case <-ctx.Done():
			return false, ctx.Err()
		}
		if err := r.read(ctx); err != nil {
			return false, err
		}
		if r.seen.Worst() == Missing {
			return false, nil
		}
	}
	return true, nil
}

// authority makes the tenant's certificate authority, if there is none that can be used or it is time for another.
func (r *run) authority(ctx context.Context) error {
	finding := r.seen.Of(manifests.CAName)
	if finding.Need < Due {
		return nil
	}
	var former *authority
	if finding.Need == Due {
		old, err := readAuthority(r.found[manifests.CAName].Data)
		if err != nil {
			return err
		}
		former = &old
	}
	data, err := newAuthority(r.Namespace, r.Lifetimes.CA, r.now, former)
	if err != nil {
		return err
	}
	marks := map[string]string{annotationSupersedes: ""}
	if finding.Need == Due || finding.Need == Unfit && asked(r.Rotation.CA, r.set.ca.rotated) {
		marks[annotationSupersedes] = "true"
	}
	note(marks, annotationRotateCA, r.Rotation.CA)
	return r.write(ctx, manifests.CAName, data, marks, finding.Why)
}

// toIssue are the TLS Secrets that need a new certificate: at once, where none can be used, or else in good time. If one
// of them gets its first certificate of the present authority, so does the other. Clients come first.
func (r *run) toIssue() (urgent, others []string) {
	sides := map[string]part{manifests.ClientTLSName: r.set.client, manifests.ServerTLSName: r.set.server}
	some := slices.ContainsFunc(sideNames, func(name string) bool { return r.seen.Of(name).Need >= Due })
	for _, name := range sideNames {
		switch side := sides[name]; {
		case side.err != nil:
			urgent = append(urgent, name)
		case r.seen.Of(name).Need >= Due || some && !side.of(r.set.ca):
			others = append(others, name)
		}
	}
	return urgent, others
}

// sideNames are the TLS Secrets of both sides of a connection.
var sideNames = []string{manifests.ClientTLSName, manifests.ServerTLSName}

// publish adds the authority to what those trust who neither do so yet nor are led to it by a former one that vouches
// for it. It tells whether there were any.
func (r *run) publish(ctx context.Context, ca authority) (bool, error) {
	published := false
	for _, side := range []struct {
		name string
		part part
	}{{manifests.ClientTLSName, r.set.client}, {manifests.ServerTLSName, r.set.server}} {
		if side.part.err != nil || ca.vouchedFor(side.part.authorities) {
			continue
		}
		secret := r.found[side.name].DeepCopy()
		secret.Data[keyCA] = encodeCertificates(append(slices.Clone(side.part.authorities), ca.certificate)...)
		if err := r.update(ctx, secret, "trusts the new authority, too"); err != nil {
			return published, err
		}
		published = true
	}
	return published, nil
}

func (r *run) issueAll(ctx context.Context, ca authority, names []string) error {
	for _, name := range names {
		template, side := clientTemplate(), r.set.client
		if name == manifests.ServerTLSName {
			template, side = serverTemplate(without(manifests.AlsoServed(r.Namespace), r.ServerNames), r.ServerNames), r.set.server
		}
		if err := r.issue(ctx, ca, name, template, side); err != nil {
			return err
		}
	}
	return nil
}

// issue makes a new certificate for a TLS Secret. It trusts the authority, and former ones until their time is over.
func (r *run) issue(ctx context.Context, ca authority, name string, template *x509.Certificate, before part) error {
	data, err := ca.issue(template, r.Lifetimes.Leaf, r.now)
	if err != nil {
		return err
	}
	marks := map[string]string{annotationFormerUntil: ""}
	note(marks, annotationRotateTLS, r.Rotation.TLS)
	former, until := r.former(ca, before), before.until
	if until.IsZero() || !before.of(r.set.ca) {
		until = r.now.Add(r.Lifetimes.Overlap)
	}
	if len(former) > 0 && r.now.Before(until) {
		marks[annotationFormerUntil] = until.UTC().Format(time.RFC3339)
		data[keyCertificate] = append(data[keyCertificate], encodeCertificates(ca.crosses...)...)
	} else {
		former = nil
	}
	data[keyCA] = encodeCertificates(append([]*x509.Certificate{ca.certificate}, former...)...)
	return r.write(ctx, name, data, marks, r.seen.Of(name).Why)
}

// former are the authorities that are trusted beside the present one and still valid: those that this side trusts or, if
// its last certificate is not the present authority's, those that either side trusts.
func (r *run) former(ca authority, before part) []*x509.Certificate {
	trusted := before.authorities
	if !before.of(r.set.ca) {
		trusted = slices.Concat(r.set.server.authorities, r.set.client.authorities)
	}
	return slices.DeleteFunc(slices.Clone(trusted), func(c *x509.Certificate) bool {
		return !r.now.Before(c.NotAfter) || c.Equal(ca.certificate)
	})
}

// tokenKeys sees that there are token keys. A signing key that can be read is kept, and what goes with it made anew,
// unless a rotation was asked for.
func (r *run) tokenKeys(ctx context.Context) error {
	finding := r.seen.Of(manifests.TokenKeysName)
	if finding.Need < Due {
		return nil
	}
	var signing ed25519.PrivateKey
	if found := r.found[manifests.TokenKeysName]; found != nil && !asked(r.Rotation.Tokens, r.set.tokens.rotated) {
		signing, _ = readTokenKeys(found.Data) // what is wrong with it is in the finding
	}
	data, err := newTokenKeys(signing)
	if err != nil {
		return err
	}
	marks := map[string]string{}
	note(marks, annotationRotateTokens, r.Rotation.Tokens)
	return r.write(ctx, manifests.TokenKeysName, data, marks, finding.Why)
}

// note notes for which rotation a Secret is made. Where none is asked for, the last one stays noted.
func note(marks map[string]string, annotation, rotation string) {
	if rotation != "" {
		marks[annotation] = rotation
	}
}

package certificates

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/util/retry"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Wish is what the certgen Job is asked for.
type Wish struct {
	Wanted
	// Namespace is the tenant's.
	Namespace string
	// Lifetimes are those of what is made.
	Lifetimes Lifetimes
	// Clock is compared with the API server's before anything is issued. It is not compared if nil.
	Clock *Clock
	// Tenants reads the GatewayTenants of the namespace from the API server, before a Secret is given an owner.
	Tenants metadata.ResourceInterface
}

// run is one run of certgen: the Secrets as they are, and what was done to them.
type run struct {
	Wish
	secrets corev1client.SecretInterface
	now     time.Time
	found   map[string]*corev1.Secret // absent: not in it
	set     *set                      // what they hold
	seen    Seen                      // what they need
	noOwner error                     // why the GatewayTenant must not become an owner
	done    []string
}

// Converge makes those of a tenant's Secrets that are missing, do not fit or are due, and says what it did. Each write
// is one whole Secret and conditional on what was read, so a crash between two of them leaves a state that serves and
// that the next run completes. No Secret is ever deleted.
func Converge(ctx context.Context, secrets corev1client.SecretInterface, wish Wish, now time.Time) (done []string, err error) {
	r := &run{Wish: wish, secrets: secrets, now: now, found: map[string]*corev1.Secret{}}
	somebodyElseWrote := func(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }
	err = retry.OnError(retry.DefaultRetry, somebodyElseWrote, func() error { return r.converge(ctx) })
	return r.done, err
}

func (r *run) converge(ctx context.Context) error {
	if err := r.read(ctx); err != nil {
		return err
	}
	if err := r.Clock.check(); err != nil {
		return err
	}
	err := errors.Join(r.tokenKeys(ctx), r.certificates(ctx), r.correctOwners(ctx))
	if r.noOwner != nil {
		return r.noOwner // alone: each of them may report it
	}
	return err
}

// certificates sees to the authority, and to the certificates of the gateway and its clients. Whoever is to meet a new
// authority's certificate trusts the authority first, for some time.
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
	if err := r.publish(ctx, ca); err != nil {
		return err
	}
	if err := r.issueAll(ctx, ca, urgent); err != nil {
		return err
	}
	if undisturbed, err := r.await(ctx, others); err != nil || !undisturbed {
		return err
	}
	if err := r.issueAll(ctx, ca, others); err != nil {
		return err
	}
	for _, name := range format.TLSNames { // or else this would be done again and again
		if finding := r.seen.Of(name); finding.Need >= Due && finding.Blocked == "" {
			return fmt.Errorf("%s even after it was made anew", finding)
		}
	}
	return nil
}

// authority makes the tenant's certificate authority, if there is none that can be used or it is time for another.
func (r *run) authority(ctx context.Context) error {
	finding := r.seen.Of(manifests.CAName)
	if finding.Need < Due || finding.Blocked != "" && !finding.Leaving {
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
	marks := map[string]string{format.AnnotationSupersedes: ""}
	last := r.set.ca.rotated
	if finding.Need == Missing { // then what it signed tells
		last = r.set.server.rotatedCA
	}
	if finding.Need == Due || asked(r.Rotation.CA, last) {
		marks[format.AnnotationSupersedes] = "true"
	}
	note(marks, format.AnnotationRotateCA, r.Rotation.CA)
	return r.write(ctx, manifests.CAName, data, marks, finding.Why)
}

// toIssue are the TLS Secrets that need a new certificate: at once, where none can be used, or else in good time. If one
// of them gets its first certificate of the present authority, so does the other. Clients come first.
func (r *run) toIssue() (urgent, others []string) {
	some := false
	for _, name := range format.TLSNames {
		finding := r.seen.Of(name)
		some = some || finding.Need >= Due && finding.Blocked == ""
	}
	for _, name := range format.TLSNames {
		side, _, _ := r.set.sides(name)
		switch finding := r.seen.Of(name); {
		case finding.Blocked != "":
		case side.err != nil:
			urgent = append(urgent, name)
		case finding.Need >= Due || some && !side.of(r.set.ca) && r.set.refusal(r.found[name]) == "":
			others = append(others, name)
		}
	}
	return urgent, others
}

func (r *run) issueAll(ctx context.Context, ca authority, names []string) error {
	for _, name := range names {
		template := clientTemplate()
		if name == manifests.ServerTLSName {
			template = serverTemplate(without(manifests.AlsoServed(r.Namespace), r.ServerNames), r.ServerNames)
		}
		if err := r.issue(ctx, ca, name, template); err != nil {
			return err
		}
	}
	return nil
}

// issue makes a new certificate for a TLS Secret. It trusts the authority, and former ones until their time is over; as
// long as one is trusted, what it says for its successor is shown.
func (r *run) issue(ctx context.Context, ca authority, name string, template *x509.Certificate) error {
	data, err := ca.issue(template, r.Lifetimes.Leaf, r.now)
	if err != nil {
		return err
	}
	former, ends := r.former(ca, name)
	data[format.KeyCertificate] = append(data[format.KeyCertificate], format.EncodeCertificates(ca.crossesOf(former)...)...)
	data[format.KeyCA] = append(format.EncodeCertificates(append([]*x509.Certificate{ca.certificate}, former...)...), unreadable(r.found[name])...)
	marks := map[string]string{format.AnnotationPreviousUntil: ends.text(former), format.AnnotationTrustedSince: ""}
	note(marks, format.AnnotationRotateTLS, r.Rotation.TLS)
	note(marks, format.AnnotationRotateCA, r.set.ca.rotated)
	why := r.seen.Of(name).Why
	if why == "" {
		why = "is to follow its authority"
	}
	return r.write(ctx, name, data, marks, why)
}

// tokenKeys sees that there are token keys. A signing key that can be read is kept, and what goes with it made anew,
// unless a rotation was asked for.
func (r *run) tokenKeys(ctx context.Context) error {
	finding := r.seen.Of(manifests.TokenKeysName)
	if finding.Need < Due || finding.Blocked != "" && !finding.Leaving {
		return nil
	}
	var signing ed25519.PrivateKey
	if found := r.found[manifests.TokenKeysName]; found != nil && !asked(r.Rotation.Tokens, r.set.tokens.rotated) {
		signing, _ = format.ParseTokenKeys(found.Data) // what is wrong with it is in the finding
	}
	data, err := newTokenKeys(signing)
	if err != nil {
		return err
	}
	marks := map[string]string{}
	note(marks, format.AnnotationRotateTokens, r.Rotation.Tokens)
	return r.write(ctx, manifests.TokenKeysName, data, marks, finding.Why)
}

// note notes for which rotation a Secret is made. Where none is asked for, the last one stays noted.
func note(marks map[string]string, annotation, rotation string) {
	if rotation != "" {
		marks[annotation] = rotation
	}
}

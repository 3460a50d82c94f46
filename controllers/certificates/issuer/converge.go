package issuer

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/util/retry"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Converge issues a tenant's Secrets that are missing, invalid or due, and returns what it did. Each write is one whole
// Secret and conditional on what was read, so a crash between two of them leaves a state that serves and that the next run
// completes. No Secret is ever deleted.
func Converge(ctx context.Context, secrets corev1client.SecretInterface, request Request, now time.Time) (done []string, err error) {
	r := &run{Request: request, secrets: secrets, now: now, found: map[string]*corev1.Secret{}}
	concurrentWrite := func(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }
	err = retry.OnError(retry.DefaultRetry, concurrentWrite, func() error { return r.converge(ctx) })
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

// certificates issues the CA and the certificates of the gateway and its clients. Both sides trust a new CA for some time
// before either shows a certificate of it.
func (r *run) certificates(ctx context.Context) error {
	if err := r.authority(ctx); err != nil {
		return err
	}
	urgent, others := r.set.ToIssue(r.observed)
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
	for _, name := range format.TLSNames { // otherwise this would be repeated without end
		if finding := r.observed.Finding(name); finding.Need >= certificates.Due && finding.Blocked == "" {
			return fmt.Errorf("%s even after it was made anew", finding)
		}
	}
	return nil
}

// authority issues the tenant's CA, if none can be used or the present one is due.
func (r *run) authority(ctx context.Context) error {
	finding := r.observed.Finding(manifests.CAName)
	if finding.Need < certificates.Due || finding.Blocked != "" && !finding.Terminating {
		return nil
	}
	var previous *authority
	if finding.Need == certificates.Due {
		present, err := readAuthority(r.found[manifests.CAName].Data)
		if err != nil {
			return err
		}
		previous = &present
	}
	data, err := newAuthority(r.Namespace, r.Lifetimes.CA, r.now, previous)
	if err != nil {
		return err
	}
	annotations := map[string]string{format.AnnotationSupersedes: ""}
	last := r.annotation(manifests.CAName, format.AnnotationRotateCA)
	if finding.Need == certificates.Missing { // what it issued still records it
		last = r.annotation(manifests.ServerTLSName, format.AnnotationRotateCA)
	}
	if finding.Need == certificates.Due || format.RotationPending(r.Rotation.CA, last) {
		annotations[format.AnnotationSupersedes] = "true"
	}
	addRotation(annotations, format.AnnotationRotateCA, r.Rotation.CA)
	return r.write(ctx, manifests.CAName, data, annotations, finding.Message)
}

func (r *run) issueAll(ctx context.Context, ca authority, names []string) error {
	for _, name := range names {
		template := clientTemplate()
		if name == manifests.ServerTLSName {
			always := slices.DeleteFunc(manifests.AlsoServed(r.Namespace), func(name string) bool { return slices.Contains(r.ServerNames, name) })
			template = serverTemplate(slices.Concat(always, r.ServerNames))
		}
		if err := r.issue(ctx, ca, name, template); err != nil {
			return err
		}
	}
	return nil
}

// issue issues a new certificate for a TLS Secret. The Secret trusts the CA, and previous CAs until their time is over.
// While it trusts a previous CA, it shows the cross-certificate by which that vouches for its successor.
func (r *run) issue(ctx context.Context, ca authority, name string, template *x509.Certificate) error {
	data, err := ca.issue(template, r.Lifetimes.Leaf, r.now)
	if err != nil {
		return err
	}
	previous, until := r.set.PreviousCAs(name, ca.certificate, r.Lifetimes.Overlap)
	data[format.KeyCertificate] = append(data[format.KeyCertificate], format.EncodeCertificates(ca.crossesTo(previous)...)...)
	data[format.KeyCA] = append(format.EncodeCertificates(append([]*x509.Certificate{ca.certificate}, previous...)...), unreadable(r.found[name])...)
	annotations := map[string]string{format.AnnotationPreviousUntil: until, format.AnnotationTrustedSince: ""}
	addRotation(annotations, format.AnnotationRotateTLS, r.Rotation.TLS)
	addRotation(annotations, format.AnnotationRotateCA, r.annotation(manifests.CAName, format.AnnotationRotateCA))
	why := r.observed.Finding(name).Message
	if why == "" {
		why = "is to follow its authority"
	}
	return r.write(ctx, name, data, annotations, why)
}

// tokenKeys issues the token keys, if they are missing or cannot be used. A signing key that can be read is kept, and only
// what belongs to it is written again, unless a rotation is requested.
func (r *run) tokenKeys(ctx context.Context) error {
	finding := r.observed.Finding(manifests.TokenKeysName)
	if finding.Need < certificates.Due || finding.Blocked != "" && !finding.Terminating {
		return nil
	}
	var signing ed25519.PrivateKey
	if found := r.found[manifests.TokenKeysName]; found != nil && !format.RotationPending(r.Rotation.Tokens, r.observed.Rotated.Tokens) {
		signing, _ = format.ParseTokenKeys(found.Data) // what is wrong with it is in the finding
	}
	data, err := newTokenKeys(signing)
	if err != nil {
		return err
	}
	annotations := map[string]string{}
	addRotation(annotations, format.AnnotationRotateTokens, r.Rotation.Tokens)
	return r.write(ctx, manifests.TokenKeysName, data, annotations, finding.Message)
}

// addRotation records for which rotation a Secret is issued. If none is requested, the last one stays recorded.
func addRotation(annotations map[string]string, annotation, rotation string) {
	if rotation != "" {
		annotations[annotation] = rotation
	}
}

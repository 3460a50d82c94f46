package certificates

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Wish is what the certgen Job is asked for.
type Wish struct {
	// Namespace is the tenant's.
	Namespace string
	// OwnerUID is the uid of the GatewayTenant that the Secrets are to belong to.
	OwnerUID types.UID
	// ServerNames are the names that the gateway's certificate must carry.
	ServerNames []string
	// Lifetimes are those of new certificates.
	Lifetimes Lifetimes
}

// run is one run of certgen: the Secrets as they were read, and what was done to them.
type run struct {
	Wish
	secrets corev1client.SecretInterface
	now     time.Time
	found   map[string]*corev1.Secret // absent: not in it
	done    []string
}

// Converge makes those of a tenant's Secrets that are missing or no longer fit, and says what it did. Each write is one
// whole Secret and conditional on what was read, so a crash between two of them leaves a state that the next run
// completes. The authority and the token keys are only ever created.
func Converge(ctx context.Context, secrets corev1client.SecretInterface, wish Wish, now time.Time) (done []string, err error) {
	r := &run{Wish: wish, secrets: secrets, now: now, found: map[string]*corev1.Secret{}}
	for _, name := range manifests.SecretNames {
		secret, err := secrets.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading Secret %s: %w", name, err)
		}
		r.found[name] = secret
	}
	if err := r.leaves(ctx); err != nil {
		return r.done, err
	}
	return r.done, r.tokenKeys(ctx)
}

// leaves sees to the authority, and to the certificates of the gateway and its clients.
func (r *run) leaves(ctx context.Context) error {
	ca, err := r.authority(ctx)
	if err != nil {
		return err
	}
	server := r.leafFits(manifests.ServerTLSName, x509.ExtKeyUsageServerAuth, r.ServerNames)
	client := r.leafFits(manifests.ClientTLSName, x509.ExtKeyUsageClientAuth, nil)
	if server == nil && client == nil {
		return nil
	}
	trusted := r.trusted(ca)
	// Clients first: they must trust what the gateway is about to show.
	if err := r.leaf(ctx, ca, manifests.ClientTLSName, clientTemplate(), client, trusted); err != nil {
		return err
	}
	return r.leaf(ctx, ca, manifests.ServerTLSName, serverTemplate(r.ServerNames), server, trusted)
}

// authority reads the tenant's certificate authority, or makes it.
func (r *run) authority(ctx context.Context) (authority, error) {
	if secret := r.found[manifests.CAName]; secret != nil {
		ca, err := readAuthority(secret.Data)
		if err != nil {
			return authority{}, fmt.Errorf("the Secret %s cannot be used: %w; restore it, or delete it to get a new authority", manifests.CAName, err)
		}
		return ca, nil
	}
	ca, data, err := newAuthority(r.Namespace, r.Lifetimes.CA, r.now)
	if err != nil {
		return authority{}, err
	}
	return ca, r.create(ctx, manifests.CAName, corev1.SecretTypeTLS, data)
}

// errMissing is why a Secret that is not there does not fit.
var errMissing = errors.New("is missing")

// leafFits says why a TLS Secret must be issued anew, nil if it need not.
func (r *run) leafFits(name string, usage x509.ExtKeyUsage, names []string) error {
	secret := r.found[name]
	if secret == nil {
		return errMissing
	}
	certificate, err := readLeaf(secret, usage)
	if err != nil {
		return err
	}
	if _, err := tls.X509KeyPair(secret.Data[keyCertificate], secret.Data[keyPrivateKey]); err != nil {
		return err
	}
	if missing := without(names, namesOf(certificate)); len(missing) > 0 {
		return fmt.Errorf("lacks the names %v", missing)
	}
	if !r.now.Before(renewAt(certificate)) {
		return errors.New("is due for renewal")
	}
	return nil
}

// trusted are the authorities that both sides shall trust: the tenant's first, then those trusted so far that are
// still valid, so that certificates which were issued before keep working.
func (r *run) trusted(ca authority) []*x509.Certificate {
	trusted := []*x509.Certificate{ca.certificate}
	for _, name := range []string{manifests.ServerTLSName, manifests.ClientTLSName} {
		if r.found[name] == nil {
			continue
		}
		before, err := parseCertificates(r.found[name].Data[keyCA])
		if err != nil {
			continue // unreadable: nobody can have trusted it
		}
		for _, certificate := range before {
			if r.now.Before(certificate.NotAfter) && !slices.ContainsFunc(trusted, certificate.Equal) {
				trusted = append(trusted, certificate)
			}
		}
	}
	return trusted
}

// leaf issues a TLS Secret anew if it does not fit, or else sees that it names all trusted authorities.
func (r *run) leaf(ctx context.Context, ca authority, name string, template *x509.Certificate, unfit error, trusted []*x509.Certificate) error {
	bundle := encodeCertificates(trusted...)
	if unfit == nil {
		if string(r.found[name].Data[keyCA]) == string(bundle) {
			return nil
		}
		changed := r.found[name].DeepCopy()
		changed.Data[keyCA] = bundle
		return r.update(ctx, changed, "now trusts all authorities")
	}
	data, err := ca.issue(template, r.Lifetimes.Leaf, r.now)
	if err != nil {
		return err
	}
	data[keyCA] = bundle
	if r.found[name] == nil {
		return r.create(ctx, name, corev1.SecretTypeTLS, data)
	}
	changed := r.found[name].DeepCopy()
	changed.Data = data
	return r.update(ctx, changed, unfit.Error())
}

// tokenKeys sees that there are token keys.
func (r *run) tokenKeys(ctx context.Context) error {
	if r.found[manifests.TokenKeysName] != nil {
		return nil
	}
	data, err := newTokenKeys()
	if err != nil {
		return err
	}
	return r.create(ctx, manifests.TokenKeysName, corev1.SecretTypeOpaque, data)
}

func (r *run) create(ctx context.Context, name string, secretType corev1.SecretType, data map[string][]byte) error {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: manifests.Labels(), OwnerReferences: []metav1.OwnerReference{manifests.Owner(r.OwnerUID)},
		},
		Type: secretType,
		Data: data,
	}
	created, err := r.secrets.Create(ctx, secret, metav1.CreateOptions{FieldManager: manifests.CertgenName})
	if err != nil {
		return fmt.Errorf("creating Secret %s: %w", name, err)
	}
	r.found[name] = created
	r.done = append(r.done, "created "+name)
	return nil
}

// update writes a whole Secret, if it still is the one that was read.
func (r *run) update(ctx context.Context, secret *corev1.Secret, why string) error {
	updated, err := r.secrets.Update(ctx, secret, metav1.UpdateOptions{FieldManager: manifests.CertgenName})
	if err != nil {
		return fmt.Errorf("updating Secret %s: %w", secret.Name, err)
	}
	r.found[secret.Name] = updated
	r.done = append(r.done, fmt.Sprintf("updated %s (%s)", secret.Name, why))
	return nil
}

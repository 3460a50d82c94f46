package issuer

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// run is one run of certgen: the Secrets as they are, and what was done to them.
type run struct {
	Request
	secrets  corev1client.SecretInterface
	now      time.Time
	found    map[string]*corev1.Secret // those that exist
	set      *certificates.SecretSet   // what they hold
	observed certificates.Observed     // what they need
	noOwner  error                     // why the GatewayTenant must not become an owner
	done     []string
}

// read reads the four Secrets.
func (r *run) read(ctx context.Context) error {
	for _, name := range manifests.SecretNames {
		secret, err := r.secrets.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			delete(r.found, name)
			continue
		}
		if err != nil {
			return fmt.Errorf("reading Secret %s: %w", name, err)
		}
		r.found[name] = secret
	}
	return r.inspect()
}

// inspect inspects the Secrets as the operator does.
func (r *run) inspect() error {
	transformed := map[string]*corev1.Secret{}
	for name, secret := range r.found {
		kept, err := certificates.Transform(secret)
		if err != nil {
			return err
		}
		transformed[name] = kept.(*corev1.Secret)
	}
	r.set, r.observed = certificates.InspectSet(transformed, r.Desired, r.now)
	return nil
}

// annotation returns an annotation of a Secret. It is empty if the Secret does not exist.
func (r *run) annotation(name, annotation string) string {
	if secret := r.found[name]; secret != nil {
		return secret.Annotations[annotation]
	}
	return ""
}

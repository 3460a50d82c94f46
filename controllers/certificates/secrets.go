package certificates

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

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
	return r.look()
}

// look looks at the Secrets as the operator does.
func (r *run) look() error {
	stripped := map[string]*corev1.Secret{}
	for name, secret := range r.found {
		kept, err := Strip(secret)
		if err != nil {
			return err
		}
		stripped[name] = kept.(*corev1.Secret)
	}
	r.set, r.seen = inspect(stripped, r.Wanted, r.now)
	return nil
}

// write creates a Secret, or gives the one that is there other contents. Marks are its annotations; an empty one goes.
func (r *run) write(ctx context.Context, name string, data map[string][]byte, marks map[string]string, why string) error {
	found := r.found[name]
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: manifests.Labels()}, Type: format.TypeOf(name)}
	if found != nil {
		if why := r.set.refusal(found); why != "" {
			return fmt.Errorf("the Secret %s must change, but it %s", name, why)
		}
		secret = found.DeepCopy()
	}
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	maps.Copy(secret.Data, data) // keys that a user added stay
	if _, err := format.ParseCAs(data[format.KeyCA]); err != nil && len(data[format.KeyCA]) > 0 {
		return fmt.Errorf("the Secret %s must change, but its new %s %w; remove certificates from it that are no longer needed", name, format.KeyCA, err)
	}
	mark(secret, marks)
	if found != nil {
		return r.update(ctx, secret, why)
	}
	if err := r.addOwner(ctx, secret); err != nil {
		return err
	}
	mark(secret, map[string]string{format.AnnotationContent: format.ContentID(secret)})
	created, err := r.secrets.Create(ctx, secret, metav1.CreateOptions{FieldManager: manifests.CertgenName})
	if err != nil {
		return fmt.Errorf("creating Secret %s: %w", name, err)
	}
	return r.wrote(created, "created "+name)
}

// mark sets annotations; an empty one goes.
func mark(secret *corev1.Secret, marks map[string]string) {
	if secret.Annotations == nil {
		secret.Annotations = map[string]string{}
	}
	for annotation, value := range marks {
		if value == "" {
			delete(secret.Annotations, annotation)
		} else {
			secret.Annotations[annotation] = value
		}
	}
}

// update writes a whole Secret, if it still is the one that was read, and takes it over if it has no owner.
func (r *run) update(ctx context.Context, secret *corev1.Secret, why string) error {
	if handedOver(secret) {
		takeOver(secret)
	}
	if err := r.addOwner(ctx, secret); err != nil {
		return err
	}
	mark(secret, map[string]string{format.AnnotationContent: format.ContentID(secret)})
	return r.put(ctx, secret, why)
}

func (r *run) put(ctx context.Context, secret *corev1.Secret, why string) error {
	updated, err := r.secrets.Update(ctx, secret, metav1.UpdateOptions{FieldManager: manifests.CertgenName})
	if err != nil {
		return fmt.Errorf("updating Secret %s: %w", secret.Name, err)
	}
	return r.wrote(updated, fmt.Sprintf("updated %s (%s)", secret.Name, why))
}

func (r *run) wrote(secret *corev1.Secret, what string) error {
	r.found[secret.Name] = secret
	r.done = append(r.done, what)
	return r.look()
}

// correctOwners takes over what the operator may manage and fits, so that it goes with the tenant, and gives up what another
// issuer writes, so that it stays. The data of these Secrets is left as it is.
func (r *run) correctOwners(ctx context.Context) error {
	var errs []error
	for _, finding := range r.seen.Findings {
		switch secret := r.found[finding.Secret]; {
		case finding.Release:
			secret = secret.DeepCopy()
			if secret.Annotations[format.AnnotationContent] == "" && issuerOf(secret) == "" {
				mark(secret, map[string]string{format.AnnotationContent: "replaced"}) // the managed fields that tell it change with this write
			}
			secret.OwnerReferences = slices.DeleteFunc(secret.OwnerReferences, func(owner metav1.OwnerReference) bool { return owner.UID == r.Owner })
			errs = append(errs, r.put(ctx, secret, "no longer belongs to the tenant"))
		case finding.Need == Unowned:
			errs = append(errs, r.update(ctx, secret.DeepCopy(), "belongs to the tenant now"))
		}
	}
	return errors.Join(errs...)
}

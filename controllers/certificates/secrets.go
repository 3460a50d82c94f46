package certificates

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: manifests.Labels()}, Type: typeOf(name)}
	if found != nil {
		if why := blocked(found, r.Owner); why != "" {
			return fmt.Errorf("the Secret %s must change, and %s", name, why)
		}
		secret = found.DeepCopy()
	}
	secret.Data = data
	mark(secret, marks)
	if found != nil {
		return r.update(ctx, secret, why)
	}
	secret.OwnerReferences = []metav1.OwnerReference{manifests.Owner(r.Owner)}
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

// update writes a whole Secret, if it still is the one that was read, and gives it an owner if it has none.
func (r *run) update(ctx context.Context, secret *corev1.Secret, why string) error {
	if ownerOf(secret, r.Owner) == nobody {
		secret.OwnerReferences = append(secret.OwnerReferences, manifests.Owner(r.Owner))
	}
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

// owners takes over what was made elsewhere and fits: it goes with the tenant, and is otherwise left as it is.
func (r *run) owners(ctx context.Context) error {
	var errs []error
	for _, finding := range r.seen.Findings {
		if finding.Need == Unowned {
			errs = append(errs, r.update(ctx, r.found[finding.Secret].DeepCopy(), "belongs to the tenant now"))
		}
	}
	return errors.Join(errs...)
}

package issuer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// write creates a Secret, or replaces data and annotations of the one that exists. An annotation with an empty value is
// removed.
func (r *run) write(ctx context.Context, name string, data map[string][]byte, annotations map[string]string, why string) error {
	found := r.found[name]
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: manifests.Labels()}, Type: format.TypeOf(name)}
	if found != nil {
		if why := r.set.Refusal(name); why != "" {
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
	annotate(secret, annotations)
	if found != nil {
		return r.update(ctx, secret, why)
	}
	if err := r.addOwner(ctx, secret); err != nil {
		return err
	}
	annotate(secret, map[string]string{format.AnnotationContent: format.ContentID(secret)})
	created, err := r.secrets.Create(ctx, secret, metav1.CreateOptions{FieldManager: manifests.CertgenName})
	if err != nil {
		return fmt.Errorf("creating Secret %s: %w", name, err)
	}
	return r.wrote(created, "created "+name)
}

// annotate sets annotations of a Secret. One with an empty value is removed.
func annotate(secret *corev1.Secret, annotations map[string]string) {
	if secret.Annotations == nil {
		secret.Annotations = map[string]string{}
	}
	for annotation, value := range annotations {
		if value == "" {
			delete(secret.Annotations, annotation)
		} else {
			secret.Annotations[annotation] = value
		}
	}
}

// update writes a whole Secret, unless it changed since it was read, and makes the GatewayTenant its owner.
func (r *run) update(ctx context.Context, secret *corev1.Secret, why string) error {
	if format.HandedOver(secret) {
		format.TakeOver(secret)
	}
	if err := r.addOwner(ctx, secret); err != nil {
		return err
	}
	annotate(secret, map[string]string{format.AnnotationContent: format.ContentID(secret)})
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
	return r.inspect()
}

// correctOwners adds the owner to Secrets that the operator manages and that are valid, so that they are deleted with the
// tenant, and removes it from those that another issuer writes, so that they stay. It does not change their data.
func (r *run) correctOwners(ctx context.Context) error {
	var errs []error
	for _, finding := range r.observed.Findings {
		switch secret := r.found[finding.Secret]; {
		case finding.RemoveOwner:
			secret = secret.DeepCopy()
			if secret.Annotations[format.AnnotationContent] == "" && format.IssuerOf(secret) == "" {
				annotate(secret, map[string]string{format.AnnotationContent: "replaced"}) // the managed fields that tell it change with this write
			}
			secret.OwnerReferences = slices.DeleteFunc(secret.OwnerReferences, func(owner metav1.OwnerReference) bool { return owner.UID == r.Owner })
			errs = append(errs, r.put(ctx, secret, "no longer belongs to the tenant"))
		case finding.Need == certificates.Unowned:
			errs = append(errs, r.update(ctx, secret.DeepCopy(), "belongs to the tenant now"))
		}
	}
	return errors.Join(errs...)
}

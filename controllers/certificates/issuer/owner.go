package issuer

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// addOwner makes the GatewayTenant the owner of a Secret that is written next, unless it already is. It reads the
// GatewayTenant from the API server first, since the garbage collector deletes a Secret whose owner does not exist.
// The order matters. An orphaning deletion sets the GatewayTenant's deletionTimestamp before it removes the owner from a
// Secret. So if certgen read the Secret after that, it now finds the GatewayTenant deleted, and if certgen read the Secret
// before that, the write conflicts. What remains is a GatewayTenant that is deleted between this read and the write that
// follows it, of a Secret that never had an owner.
func (r *run) addOwner(ctx context.Context, secret *corev1.Secret) error {
	if format.OwnedBy(secret, r.Owner) {
		return nil
	}
	if r.noOwner == nil {
		r.noOwner = r.checkOwner(ctx)
	}
	if r.noOwner != nil {
		return r.noOwner
	}
	secret.OwnerReferences = append(secret.OwnerReferences, manifests.Owner(r.Owner))
	return nil
}

// checkOwner returns an error unless the GatewayTenant exists, has the uid that certgen runs for, and is not being deleted.
func (r *run) checkOwner(ctx context.Context) error {
	tenant, err := r.Tenants.Get(ctx, v1alpha1.Name, metav1.GetOptions{})
	if apierrors.IsForbidden(err) {
		return fmt.Errorf("certgen may not read the GatewayTenant %s in namespace %s, so it gives no Secret to it; "+
			"apply the current ClusterRole gatewaytenant-certgen: kubectl apply -k config/crd, or upgrade the Helm chart: %w", v1alpha1.Name, r.Namespace, err)
	}
	var why string
	switch {
	case apierrors.IsNotFound(err):
		why = "does not exist"
	case err != nil:
		return fmt.Errorf("reading GatewayTenant %s in namespace %s: %w", v1alpha1.Name, r.Namespace, err)
	case tenant.UID != r.Owner:
		why = fmt.Sprintf("was replaced by one with uid %s", tenant.UID)
	case tenant.DeletionTimestamp != nil:
		why = "is being deleted"
	default:
		return nil
	}
	return fmt.Errorf("no Secret is given to the GatewayTenant %s in namespace %s with uid %s, since it %s; "+
		"once there is a new GatewayTenant, the operator runs certgen for that", v1alpha1.Name, r.Namespace, r.Owner, why)
}

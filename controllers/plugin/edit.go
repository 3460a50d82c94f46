package plugin

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	bridgeplan "github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// fieldOwner is the plugin's name in managedFields.
const fieldOwner = "kubectl-gatewaytenant"

// Rotations are what can be rotated, and the annotation that asks for each.
var Rotations = map[string]string{
	"tls": v1alpha1.AnnotationRotateTLS, "ca": v1alpha1.AnnotationRotateCA, "tokens": v1alpha1.AnnotationRotateTokens,
}

// effects are what a rotation does that somebody may notice.
var effects = map[string]string{ //nolint:gosec // words about credentials
	"tls":    "new certificates from the same authority; nobody notices",
	"ca":     "a new authority and certificates from it; clients have to fetch theirs before the former authority is no longer trusted",
	"tokens": "new token keys; the gateway restarts once, and running sandboxes lose their connection to it",
}

// Rotate asks for new certificates, a new authority or new token keys, and says what that does.
func Rotate(ctx context.Context, cluster client.Client, namespace, what, value string) (string, error) {
	annotation, is := Rotations[what]
	if !is {
		return "", fmt.Errorf("%q cannot be rotated; name tls, ca or tokens", what)
	}
	tenant, err := Tenant(ctx, cluster, namespace)
	if err != nil {
		return "", err
	}
	if tenant.Annotations[annotation] == value {
		return "", fmt.Errorf("GatewayTenant %s/%s: %s=%s was asked for already, and a value asks once; give another with --value", namespace, tenant.Name, annotation, value)
	}
	changed := tenant.DeepCopy()
	metav1.SetMetaDataAnnotation(&changed.ObjectMeta, annotation, value)
	if err := manifests.CheckRotation(changed); err != nil {
		return "", err
	}
	if err := patch(ctx, cluster, tenant, changed); err != nil {
		return "", err
	}
	text := fmt.Sprintf("asked for %s (%s=%s)\nit is done when this prints %[3]s: kubectl get gwt %s -n %s -o jsonpath='{.status.rotated.%s}'", effects[what], annotation, value, tenant.Name, namespace, what)
	if tenant.Spec.Suspend {
		text += "\nspec.suspend is true: nothing is rotated before kubectl gatewaytenant resume -n " + namespace
	}
	return text, nil
}

// Suspend lets the operator leave a gateway alone, or look after it again, and says what that means.
func Suspend(ctx context.Context, cluster client.Client, namespace string, suspend bool) (string, error) {
	tenant, err := Tenant(ctx, cluster, namespace)
	if err != nil {
		return "", err
	}
	state, means := "is looked after", "its gateway is brought to what its spec asks for"
	if suspend {
		state, means = "is suspended", "nothing of its gateway is changed, repaired or renewed"
	}
	if tenant.Spec.Suspend == suspend {
		return state + " already: " + means, nil
	}
	if bridgeplan.Sets(tenant, "suspend") {
		return "", fmt.Errorf("GatewayTenant %s/%s: spec.suspend is set by its entry in %s, and would be set back; change it there",
			namespace, tenant.Name, tenant.Annotations[v1alpha1.AnnotationSource])
	}
	changed := tenant.DeepCopy()
	changed.Spec.Suspend = suspend
	return state + ": " + means, patch(ctx, cluster, tenant, changed)
}

func patch(ctx context.Context, cluster client.Client, tenant, changed *v1alpha1.GatewayTenant) error {
	if err := cluster.Patch(ctx, changed, client.MergeFrom(tenant), client.FieldOwner(fieldOwner)); err != nil {
		return fmt.Errorf("GatewayTenant %s/%s: %w", tenant.Namespace, tenant.Name, err)
	}
	return nil
}

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// TestValidateAgreesWithTheOperator gives the same specs to the plugin, without a cluster, and to the cluster.
func TestValidateAgreesWithTheOperator(t *testing.T) {
	t.Parallel()
	const namespace = "validated"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	for _, spec := range []string{
		"{}",
		"{image: 'ghcr.io/nvidia/openshell/gateway:0.0.105', serverDnsNames: ['*.example.com', 192.0.2.1]}",
		"{image: 'docker.io/evil/gateway:0.0.71'}",
		"{image: 'ghcr.io/nvidia/openshell/gateway:dev'}",
		"{image: 'ghcr.io/nvidia/openshell/gateway:0.0.71', version: 0.0.72}",
		"{config: 'openshell.gateway.log_level = \"debug\"'}",
		"{config: 'openshell.gateway.colour = \"blue\"'}",
		"{config: 'openshell.gateway.bind_address = \"127.0.0.1:1\"'}",
		"{serverDnsNames: [Upper.example.com]}",
		"{sandboxTokens: Perhaps}",
		"{storage: {size: big}}",
		"{version: '10.71'}",
		"{imag: x}",
		"{suspend: 'yes'}",
		"{suspend: no}",
		"{telemetry: off}",
		"{<<: {imag: x}}",
		"{image: 'docker.io/evil/gateway:0.0.71', config: 'openshell.gateway.colour = \"blue\"'}",
	} {
		t.Run(spec, func(t *testing.T) {
			text := fmt.Sprintf("apiVersion: openshell.ambient-code.io/v1alpha1\nkind: GatewayTenant\nmetadata: {name: openshell-gateway, namespace: %s}\nspec: %s\n", namespace, spec)
			file := filepath.Join(t.TempDir(), "gatewaytenant.yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			out, code := kubectlGatewayTenant(t, "validate", "-f", file)
			message, accepted := "", false
			if _, err := cluster.Kubectl(t.Context(), "apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", file); err != nil {
				message = err.Error()
			} else {
				message, accepted = verdict(t, namespace)
			}
			if accepted != (code == 0) {
				t.Errorf("accepted by the cluster: %v (%s); the plugin ends with %d and says %s", accepted, message, code, out)
			}
			if meta.IsStatusConditionFalse(get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name).Status.Conditions, v1alpha1.ConditionAccepted) && !accepted && !strings.Contains(message, "is invalid") &&
				!strings.Contains(message, "kubectl") && !strings.Contains(out, message) {
				t.Errorf("the operator says %q, and the plugin %s", message, out)
			}
		})
	}
}

// verdict is what the operator says of the present spec.
func verdict(t *testing.T, namespace string) (message string, accepted bool) {
	t.Helper()
	cluster.Eventually(t, 15*time.Second, func() error {
		tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		is := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionAccepted)
		if is == nil || is.ObservedGeneration != tenant.Generation {
			return errStill
		}
		message, accepted = is.Message, is.Status == metav1.ConditionTrue
		return nil
	})
	return message, accepted
}

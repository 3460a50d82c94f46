package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// TestPolicyAndOperatorAgreeOnImages: what one of them allows, the other does, however an image is written.
func TestPolicyAndOperatorAgreeOnImages(t *testing.T) {
	const namespace, digest = "images", "@sha256:0123456789012345678901234567890123456789012345678901234567890123"
	cluster.CreateNamespace(t, namespace)
	defer func() { restart(t) }() // which has the policies read the usual list
	for _, repositories := range []string{"ghcr.io/nvidia/", "docker.io/nvidia, registry.example.com:5000/mirror\nlocalhost", "docker.io/library/gateway", "docker.io localhost:5000/a"} {
		allowed := strings.FieldsFunc(repositories, func(r rune) bool { return strings.ContainsRune(", \n", r) })
		platform, err := manifests.NewPlatform(strings.TrimSuffix(allowed[0], "/")+"/x:0.0.71", "certgen:1", allowed)
		if err != nil {
			t.Fatal(err)
		}
		if err := configurePolicies(t.Context(), options.Options{AllowedRepositories: []string{repositories}}); err != nil {
			t.Fatal(err)
		}
		for _, repository := range []string{
			"ghcr.io/nvidia/openshell/gateway", "ghcr.io/nvidia", "ghcr.io/nvidia-evil/x", "ghcr.io/nvidiaevil", "GHCR.io/nvidia/x", "docker.io/ghcr.io/nvidia/gateway",
			"nvidia/gateway", "docker.io/nvidia/gateway", "index.docker.io/nvidia/gateway", "nvidia", "library/nvidia", "gateway", "docker.io/gateway", "library/gateway",
			"registry.example.com:5000/mirror/gateway", "registry.example.com:5000/mirror", "registry.example.com/mirror/gateway", "registry.example.com:5000/mirrors/x",
			"localhost/x", "localhost:5000/a/b", "localhost:5000/ab", "localhost", "Localhost/x", "[2001:db8::1]:5000/x",
		} {
			for _, suffix := range []string{":0.0.71", ":0.0.71" + digest, digest, ""} {
				tenant := operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{Image: repository + suffix, Version: "0.0.71"})
				agree(t, platform, tenant)
			}
		}
	}
}

// agree fails the test unless the API server refuses an image exactly when the operator does not allow it. An image that
// is none at all, either may refuse. The list that the policy reads has a while to reach it.
func agree(t *testing.T, platform manifests.Platform, tenant *v1alpha1.GatewayTenant) {
	t.Helper()
	_, err := manifests.NewTenant(tenant, platform)
	var rejected *manifests.RejectedError
	if errors.As(err, &rejected) && rejected.Reason == v1alpha1.ReasonInvalidImage {
		return
	}
	notAllowed := rejected != nil && rejected.Reason == v1alpha1.ReasonImageNotAllowed
	cluster.Eventually(t, 10*time.Second, func() error {
		err := admin.Create(t.Context(), tenant.DeepCopy(), client.DryRunAll)
		if refused := err != nil && strings.Contains(err.Error(), "allowed repository"); refused != notAllowed {
			return fmt.Errorf("%s: that it is not allowed, the operator says: %t, and the API server: %w", tenant.Spec.Image, notAllowed, err)
		}
		return nil
	})
}

// TestImageThatIsAllowedNoLonger goes on as it runs, and says so; its GatewayTenant can be changed otherwise.
func TestImageThatIsAllowedNoLonger(t *testing.T) {
	const namespace, image = "allowed-no-longer", "ghcr.io/nvidia/openshell/gateway:0.0.72"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: image})
	waitReady(t, namespace)
	pod := podUID(t, namespace)
	withOptions(t, func(o *options.Options) {
		o.AllowedRepositories, o.GatewayImage = []string{"registry.example.com/mirror"}, "registry.example.com/mirror/gateway:0.0.71"
	})
	waitCondition(t, namespace, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonImageNotAllowed)
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.ServerDNSNames = []string{"a.example.com"} })
	waitCondition(t, namespace, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonImageNotAllowed)
	before := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
	before.Spec.Image = "ghcr.io/nvidia/openshell/gateway:0.0.73"
	if err := admin.Update(t.Context(), before, client.DryRunAll); err == nil || !strings.Contains(err.Error(), "registry.example.com/mirror") {
		t.Errorf("another such image: %v; want it refused", err)
	}
	if podUID(t, namespace) != pod {
		t.Error("the gateway that runs was touched")
	}
}

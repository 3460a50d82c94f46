package e2e

import (
	"errors"
	"flag"
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
		platform := allow(t, repositories)
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

// TestPolicyAndOperatorAgreeOnSeparators: the list of allowed repositories may contain whatever white space YAML can carry.
func TestPolicyAndOperatorAgreeOnSeparators(t *testing.T) {
	const namespace, image = "separators", "/gateway:0.0.71"
	cluster.CreateNamespace(t, namespace)
	defer func() { restart(t) }() // which has the policies read the usual list
	repository := func(i int) string { return fmt.Sprintf("registry-%d.example.com/mirror", i) }
	list, separators := "", []rune(",\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000")
	for i, separator := range separators {
		list += repository(i) + string(separator)
	}
	platform := allow(t, "\u00a0,"+list+repository(len(separators))+" ,\t")
	for i := range len(separators) + 2 {
		agree(t, platform, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{Image: repository(i) + image}))
	}
}

// allow sets the list of allowed repositories, and returns the platform of an operator that reads it from its environment.
func allow(t *testing.T, list string) manifests.Platform {
	t.Helper()
	var o options.Options
	environment := func(name string) string { return map[string]string{"ALLOWED_REPOSITORIES": list}[name] }
	if err := o.AddFlags(flag.NewFlagSet("", flag.ContinueOnError), environment); err != nil {
		t.Fatal(err)
	}
	platform, err := manifests.NewPlatform(strings.TrimSuffix(o.AllowedRepositories[0], "/")+"/x:0.0.71", "certgen:1", o.AllowedRepositories)
	if err != nil {
		t.Fatal(err)
	}
	if err := configurePolicies(t.Context(), options.Options{AllowedRepositories: []string{list}}); err != nil {
		t.Fatal(err)
	}
	return platform
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

package status

import (
	"slices"
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/sandboxpods"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// TestPodSecurityByRelease: which levels are warned of depends on the release.
func TestPodSecurityByRelease(t *testing.T) {
	old, restricted := release.Of(release.New(0, 0, 111)), release.Of(release.New(0, 1, 3))
	baseline := release.Contract{SandboxPodSecurity: "baseline"}
	for _, c := range []struct {
		level    string
		contract release.Contract
		want     string
	}{
		{"", old, ""},
		{"privileged", old, ""},
		{"baseline", old, "the namespace's label pod-security.kubernetes.io/enforce=baseline lets no sandbox run: they need privileged"},
		{"restricted", old, "the namespace's label pod-security.kubernetes.io/enforce=restricted lets no sandbox run: they need privileged"},
		{"unknown", old, "the namespace's label pod-security.kubernetes.io/enforce=unknown lets no sandbox run: they need privileged"},
		{"", restricted, ""},
		{"privileged", restricted, ""},
		{"baseline", restricted, ""},
		{"restricted", restricted, ""},
		{"unknown", restricted, ""},
		{"privileged", baseline, ""},
		{"baseline", baseline, ""},
		{"restricted", baseline, "the namespace's label pod-security.kubernetes.io/enforce=restricted lets no sandbox run: they need baseline"},
		{"privileged", release.Contract{}, ""},
		{"baseline", release.Contract{}, "the namespace's label pod-security.kubernetes.io/enforce=baseline lets no sandbox run: they need privileged"},
	} {
		if is := podSecurityWarning(c.level, c.contract); is.Message != c.want || (is.Reason == v1alpha1.ReasonPodSecurity) != (c.want != "") {
			t.Errorf("level %q, release %s (%s): %+v, want %q", c.level, c.contract.Version, c.contract.SandboxPodSecurity, is, c.want)
		}
	}
}

// TestPodSecurityOfARejectedSpec depends on the release that runs.
func TestPodSecurityOfARejectedSpec(t *testing.T) {
	for image, warned := range map[string]bool{
		"": true,
		"ghcr.io/nvidia/openshell/gateway:0.0.90": true,
		"ghcr.io/nvidia/openshell/gateway:0.1.3":  false,
	} {
		in := serving(t)
		in.Plan.Rejected = &manifests.RejectedError{Reason: v1alpha1.ReasonInvalidImage, Message: "spec.image is bad"}
		in.Observed.PodSecurity, in.Observed.Volume.Image = "restricted", image
		if is := compute(in, v1alpha1.ConditionWarning); (is != nil) != warned {
			t.Errorf("while %q runs, Warning is %+v", image, is)
		}
	}
}

// TestWarningsOfWhatRejectsSandboxes come for the releases that they concern, and for others only if the spec is accepted.
func TestWarningsOfWhatRejectsSandboxes(t *testing.T) {
	rejections := sandboxpods.Rejections{
		Nodes:  sandboxpods.Nodes{Runtimes: []string{"containerd://1.7.27"}},
		Quotas: sandboxpods.Quotas{Names: []string{"compute"}, Resources: []string{"cpu"}},
	}
	both := []string{v1alpha1.ReasonNodesRejectSandboxes, v1alpha1.ReasonQuotaRejectsSandboxes}
	for _, c := range []struct {
		name     string
		is       sandboxpods.Rejections
		contract release.Contract
		want     []string
	}{
		{"both", rejections, release.Of(release.New(0, 1, 3)), both},
		{"nodes", sandboxpods.Rejections{Nodes: rejections.Nodes}, release.Of(release.New(0, 1, 3)), both[:1]},
		{"quotas", sandboxpods.Rejections{Quotas: rejections.Quotas}, release.Of(release.New(0, 1, 3)), both[1:]},
		{"nothing", sandboxpods.Rejections{}, release.Of(release.New(0, 1, 3)), nil},
		{"an older release", rejections, release.Of(release.New(0, 0, 111)), nil},
	} {
		var reasons []string
		for _, warning := range sandboxPodWarnings(c.is, c.contract, "tenant-a") {
			reasons = append(reasons, warning.Reason)
		}
		if !slices.Equal(reasons, c.want) {
			t.Errorf("%s: the reasons are %v, want %v", c.name, reasons, c.want)
		}
	}
	in := serving(t)
	in.Observed = &observe.Observed{SandboxAPIs: []string{"v1alpha1"}, SandboxPods: rejections}
	if is := compute(in, v1alpha1.ConditionWarning); is.Message != OpenDefault.Message {
		t.Errorf("gateway %s: Warning is %+v", in.Plan.Tenant.Version, is)
	}
}

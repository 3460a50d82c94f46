package status

import (
	"strings"
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		name            string
		version         string
		tokens          v1alpha1.SandboxTokens
		served          []string
		level           string
		reason, message string
	}{
		{"the default only", "0.0.111", "", []string{"v1beta1"}, "privileged", v1alpha1.ReasonOpenDefault, "openshell.gateway.oidc"},
		{"no Sandbox API", "0.0.106", "", nil, "", v1alpha1.ReasonSandboxAPIMissing, "agent-sandbox"},
		{"no Sandbox API, without which the gateway does not start: an error", "0.0.107", "", nil, "", v1alpha1.ReasonOpenDefault, ""},
		{"sandboxes of a newer agent-sandbox", "0.0.71", "", []string{"v1alpha1", "v1beta1"}, "", v1alpha1.ReasonAgentSandboxUnsupported, "agent-sandbox 0.4"},
		{"an old gateway where only v1beta1 is served", "0.0.71", "", []string{"v1beta1"}, "", v1alpha1.ReasonSandboxAPIMissing, "0.0.72 or later"},
		{"no tokens", "0.0.71", v1alpha1.SandboxTokensDisabled, []string{"v1alpha1"}, "", v1alpha1.ReasonSandboxTokensDisabled, "cannot authenticate"},
		{"a restricted namespace", "0.0.71", "", []string{"v1alpha1"}, "restricted", v1alpha1.ReasonPodSecurity, "enforce=restricted"},
		{"two warnings", "0.0.71", v1alpha1.SandboxTokensDisabled, []string{"v1alpha1"}, "baseline", v1alpha1.ReasonSandboxTokensDisabled, "enforce=baseline"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := serving(t)
			in.GatewayTenant.Spec.Image, in.GatewayTenant.Spec.SandboxTokens = "ghcr.io/nvidia/openshell/gateway:"+c.version, c.tokens
			evaluate(t, in)
			in.Observed.SandboxAPIs, in.Observed.PodSecurity = c.served, c.level
			if c.served == nil {
				in.Observed.SandboxAPIs = []string{} // none is served; nil means unknown
			}
			is := compute(in, v1alpha1.ConditionWarning)
			if is == nil || is.Reason != c.reason || !strings.Contains(is.Message, c.message) {
				t.Fatalf("Warning is %+v, want reason %s and a message with %q", is, c.reason, c.message)
			}
			if !strings.HasSuffix(is.Message, OpenDefault.Message) {
				t.Errorf("the message %q does not end with the open default", is.Message)
			}
			in.GatewayTenant.Status = Compute(in)
			in.Observed.SandboxAPIs, in.Observed.PodSecurity = []string{"v1alpha1"}, ""
			if is = compute(in, v1alpha1.ConditionWarning); c.reason == v1alpha1.ReasonPodSecurity && is.Message != OpenDefault.Message {
				t.Errorf("the warning stays when its cause is removed: %q", is.Message)
			}
		})
	}
}

// TestExperimentalVersionIsAWarning that names what is not known of the release.
func TestExperimentalVersionIsAWarning(t *testing.T) {
	in := serving(t)
	in.GatewayTenant.Spec.Image = "ghcr.io/nvidia/openshell/gateway:0.1.7"
	evaluateOn(t, in, manifests.Settings{ExperimentalVersions: []string{"0.1.7"}})
	const want = "gateway 0.1.7 runs only because the platform lists it in experimentalVersions, and sandboxes may not work: its sandboxes call their supervisors"
	if is := compute(in, v1alpha1.ConditionWarning); is == nil || is.Reason != v1alpha1.ReasonExperimentalVersion || !strings.HasPrefix(is.Message, want) {
		t.Errorf("Warning is %+v, want reason %s and a message that begins with %q", is, v1alpha1.ReasonExperimentalVersion, want)
	}
	in.GatewayTenant.Spec.Image = "ghcr.io/nvidia/openshell/gateway:0.1.5"
	evaluateOn(t, in, manifests.Settings{ExperimentalVersions: []string{"0.1.7"}})
	if is := compute(in, v1alpha1.ConditionWarning); is == nil || strings.Contains(is.Message, "experimental") {
		t.Errorf("the gateway runs a supported release, and Warning is %+v", is)
	}
}

// TestWarningsOfARejectedSpec expects the warnings that do not depend on the spec, and none that no longer applies.
func TestWarningsOfARejectedSpec(t *testing.T) {
	in := serving(t)
	in.Plan.Held, in.Observed.PodSecurity = true, "restricted"
	in.GatewayTenant.Status = Compute(in)
	in.Plan.Held, in.Plan.Rejected = false, &manifests.RejectedError{Reason: v1alpha1.ReasonInvalidImage, Message: "spec.image is bad"}
	if is := compute(in, v1alpha1.ConditionWarning); is == nil || is.Reason != v1alpha1.ReasonPodSecurity || strings.Contains(is.Message, "turn") {
		t.Errorf("Warning is %+v, want reason %s and nothing about a rollout slot", is, v1alpha1.ReasonPodSecurity)
	}
	in.Observed.PodSecurity = ""
	if is := compute(in, v1alpha1.ConditionWarning); is.Message != OpenDefault.Message {
		t.Errorf("the warning stays when its cause is removed: %+v", is)
	}
	in.GatewayTenant.Status.Conditions = nil
	if is := compute(in, v1alpha1.ConditionWarning); is != nil {
		t.Errorf("the status reports no gateway that runs, and Warning is %+v", is)
	}
}

// TestWarningNamesIgnoredTables expects some of the tables, after more important warnings.
func TestWarningNamesIgnoredTables(t *testing.T) {
	in := serving(t)
	in.GatewayTenant.Spec.Config = "openshell.drivers = {docker = {}, a = {}, b = {}, c = {}, vm = {}, e = {}, f = {}}"
	evaluate(t, in)
	is := compute(in, v1alpha1.ConditionWarning)
	if is == nil || is.Reason != v1alpha1.ReasonConfigIgnored || !strings.Contains(is.Message, "openshell.drivers.docker, openshell.drivers.e and 2 more") || strings.Contains(is.Message, "vm") {
		t.Errorf("Warning is %+v", is)
	}
	in.Observed.PodSecurity = "restricted"
	is = compute(in, v1alpha1.ConditionWarning)
	if is == nil || is.Reason != v1alpha1.ReasonPodSecurity || !strings.Contains(is.Message, "openshell.drivers.docker") {
		t.Errorf("Warning is %+v", is)
	}
}

// TestGatewayWithOIDCHasNoWarning expects that the condition is removed with the last warning.
func TestGatewayWithOIDCHasNoWarning(t *testing.T) {
	in := serving(t)
	in.GatewayTenant.Status = Compute(in)
	in.GatewayTenant.Spec.Config = "[openshell.gateway.oidc]\nissuer = 'https://idp.example.com'\naudience = 'openshell'\n"
	evaluate(t, in)
	if is := compute(in, v1alpha1.ConditionWarning); is != nil {
		t.Errorf("Warning is %+v", is)
	}
}

// TestWarningOfNamespaces that should hold no gateway, whether the spec is accepted or not.
func TestWarningOfNamespaces(t *testing.T) {
	for _, c := range []struct {
		namespace string
		reserved  bool
		rejected  string
		want      string
	}{
		{"tenant-a", false, "", v1alpha1.ReasonOpenDefault},
		{"default", false, "", v1alpha1.ReasonDefaultNamespace},
		{"kube-system", true, "", v1alpha1.ReasonNamespaceReserved},
		{"kube-system", true, v1alpha1.ReasonInvalidImage, v1alpha1.ReasonNamespaceReserved},
		{"kube-system", true, v1alpha1.ReasonNamespaceReserved, ""},
	} {
		in := serving(t)
		in.GatewayTenant.Namespace, in.Plan.Reserved = c.namespace, c.reserved
		if c.rejected != "" {
			in.Plan.Rejected = &manifests.RejectedError{Reason: c.rejected, Message: "it is rejected"}
		}
		reason := ""
		if is := compute(in, v1alpha1.ConditionWarning); is != nil {
			reason = is.Reason
		}
		if reason != c.want {
			t.Errorf("%s, rejected for %q: the reason is %q, want %q", c.namespace, c.rejected, reason, c.want)
		}
	}
}

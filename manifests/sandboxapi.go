package manifests

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// SandboxCRD is the name of the CustomResourceDefinition of the Sandbox API, which the agent-sandbox project installs.
const SandboxCRD = "sandboxes.agents.x-k8s.io"

// Versions of the Sandbox API. Up to release 0.4, agent-sandbox serves v1alpha1 only. From 0.5 on it serves both, and the owner
// reference of a sandbox's pod names v1beta1.
const (
	sandboxAlpha = "v1alpha1"
	sandboxBeta  = "v1beta1"
)

// firstWithBeta is the first version that knows v1beta1 of the Sandbox API. Older ones give no token to a pod whose owner is a
// Sandbox of that version.
var firstWithBeta = release.First(func(c release.Contract) bool { return slices.Contains(c.SandboxAPIs, sandboxBeta) })

// MissingSandboxAPI says what a gateway lacks in a cluster that serves these versions of the Sandbox API, empty if it
// lacks nothing; and whether the gateway would not even start without it.
func (t Tenant) MissingSandboxAPI(served []string) (missing string, needed bool) {
	usable, wayOut := t.release.SandboxAPIs, "install agent-sandbox 0.4"
	if slices.Contains(usable, sandboxBeta) {
		wayOut += " or 0.5"
	}
	if slices.ContainsFunc(served, func(version string) bool { return slices.Contains(usable, version) }) {
		return "", false
	}
	there := "is not installed"
	if len(served) > 0 {
		there = "is served as " + strings.Join(served, ", ") + " only"
	}
	if slices.Contains(served, sandboxBeta) {
		wayOut = fmt.Sprintf("use release %s or later of the gateway, or %s", firstWithBeta, wayOut)
	}
	missing = fmt.Sprintf("the Sandbox API agents.x-k8s.io/%s, which gateway %s needs, %s: no sandbox can be made; %s", strings.Join(usable, " or "), t.Version, there, wayOut)
	return missing, t.release.ListsSandboxes
}

// RefusedSandboxPods returns why the gateway gives no tokens to new sandboxes in a cluster that serves these versions of the
// Sandbox API, and the way out. It is empty if the gateway gives them tokens, or if MissingSandboxAPI reports the versions.
func (t Tenant) RefusedSandboxPods(served []string) string {
	if slices.Contains(t.release.SandboxAPIs, sandboxBeta) || !slices.Contains(served, sandboxAlpha) || !slices.Contains(served, sandboxBeta) {
		return ""
	}
	return fmt.Sprintf("the cluster serves agents.x-k8s.io/%s, so its agent-sandbox is 0.5 or later, and gateway %s gives no tokens to the pods of that release: new sandboxes do not connect; use release %s or later of the gateway, or install agent-sandbox 0.4",
		sandboxBeta, t.Version, firstWithBeta)
}

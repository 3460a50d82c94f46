package manifests

import (
	"fmt"
	"slices"
	"strings"
)

// SandboxCRD is the name of the CustomResourceDefinition of the Sandbox API, which the agent-sandbox project installs.
const SandboxCRD = "sandboxes.agents.x-k8s.io"

// MissingSandboxAPI says what a gateway lacks in a cluster that serves these versions of the Sandbox API, empty if it
// lacks nothing; and whether the gateway would not even start without it.
func (t Tenant) MissingSandboxAPI(served []string) (missing string, needed bool) {
	usable := []string{"v1alpha1", "v1beta1"}
	if t.Version.Less(Version{0, 0, 72}) { // the first that knows v1beta1
		usable = usable[:1]
	}
	if slices.ContainsFunc(served, func(version string) bool { return slices.Contains(usable, version) }) {
		return "", false
	}
	there := "is not installed"
	if len(served) > 0 {
		there = "is served as " + strings.Join(served, ", ") + " only"
	}
	missing = fmt.Sprintf("the Sandbox API agents.x-k8s.io/%s, which gateway %s needs, %s: no sandbox can be made; install agent-sandbox", strings.Join(usable, " or "), t.Version, there)
	return missing, !t.Version.Less(Version{0, 0, 107}) // from here on it lists sandboxes when it starts
}

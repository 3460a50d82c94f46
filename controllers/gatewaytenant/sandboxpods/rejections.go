package sandboxpods

import (
	"fmt"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// Rejections are what rejects the pods of sandboxes in a namespace. It is empty if nothing is known to do so.
type Rejections struct {
	Nodes  Nodes
	Quotas Quotas
}

// Concern reports whether nodes or ResourceQuotas can reject the pods of sandboxes of a release.
func Concern(c release.Contract) bool { return c.StrictGroups || c.UnsetResources }

// Message says which nodes reject the pods of sandboxes of a release, and what to do. It is empty if none does.
func (n Nodes) Message(c release.Contract) string {
	if !c.StrictGroups || len(n.Runtimes) == 0 {
		return ""
	}
	which, what := "some nodes reject", "a sandbox that is scheduled there does not start"
	if n.All {
		which, what = "all nodes reject", "no sandbox starts"
	}
	return fmt.Sprintf("%s the pods of sandboxes of gateway %s, which demand supplementalGroupsPolicy Strict: %s, because the container runtime does not support it (%s); "+
		"use nodes with containerd 2.0 or later, or CRI-O 1.31 or later; to list all nodes, run: %s", which, c.Version, what, message.FirstOf(n.Runtimes, mostNames), listNodes)
}

// Message says which ResourceQuotas of a namespace reject the pods of sandboxes of a release, and what to do. It is empty if none does.
func (q Quotas) Message(c release.Contract, namespace string) string {
	if !c.UnsetResources || len(q.Names) == 0 {
		return ""
	}
	kind, reject := "ResourceQuota", "rejects"
	if len(q.Names) > 1 {
		kind, reject = "ResourceQuotas", "reject"
	}
	return fmt.Sprintf("%s %s in namespace %s %s the pods of sandboxes of gateway %s: their containers have neither requests nor limits, and no LimitRange in the namespace has defaults for %s; "+
		"create a LimitRange with default and defaultRequest for cpu and memory of containers", kind, message.FirstOf(q.Names, mostNames), namespace, reject, c.Version, strings.Join(q.Resources, ", "))
}

// listNodes is the command that shows which nodes support supplementalGroupsPolicy Strict.
const listNodes = "kubectl get nodes -o custom-columns=NAME:.metadata.name,RUNTIME:.status.nodeInfo.containerRuntimeVersion,STRICT:.status.features.supplementalGroupsPolicy"

// mostNames is how many names a message has.
const mostNames = 3

package sandboxpods

import (
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

var (
	older = release.Of(release.New(0, 0, 111))
	newer = release.Of(release.New(0, 1, 3))
)

func TestMessages(t *testing.T) {
	const list = "to list all nodes, run: kubectl get nodes -o custom-columns=NAME:.metadata.name,RUNTIME:.status.nodeInfo.containerRuntimeVersion,STRICT:.status.features.supplementalGroupsPolicy"
	for _, c := range []struct{ name, is, want string }{
		{"no node", Nodes{}.Message(newer), ""},
		{"nodes do not matter", Nodes{[]string{oldRuntime}, true}.Message(older), ""},
		{"all nodes", Nodes{[]string{oldRuntime}, true}.Message(newer),
			"all nodes reject the pods of sandboxes of gateway 0.1.3, which demand supplementalGroupsPolicy Strict: no sandbox starts, because the container runtime does not support it (containerd://1.7.27); " +
				"use nodes with containerd 2.0 or later, or CRI-O 1.31 or later; " + list},
		{"some nodes", Nodes{[]string{"a", "b", "c", "d"}, false}.Message(newer),
			"some nodes reject the pods of sandboxes of gateway 0.1.3, which demand supplementalGroupsPolicy Strict: a sandbox that is scheduled there does not start, because the container runtime does not support it (a, b, c and 1 more); " +
				"use nodes with containerd 2.0 or later, or CRI-O 1.31 or later; " + list},
		{"no quota", Quotas{}.Message(newer, "tenant-a"), ""},
		{"quotas do not matter", Quotas{[]string{"compute"}, []string{"cpu"}}.Message(older, "tenant-a"), ""},
		{"one quota", Quotas{[]string{"compute"}, []string{"limits.cpu", "limits.memory"}}.Message(newer, "tenant-a"),
			"ResourceQuota compute in namespace tenant-a rejects the pods of sandboxes of gateway 0.1.3: their containers have neither requests nor limits, and no LimitRange in the namespace has defaults for limits.cpu, limits.memory; " +
				"create a LimitRange with default and defaultRequest for cpu and memory of containers"},
		{"many quotas", Quotas{[]string{"a", "b", "c", "d", "e"}, []string{"cpu"}}.Message(newer, "tenant-a"),
			"ResourceQuotas a, b, c and 2 more in namespace tenant-a reject the pods of sandboxes of gateway 0.1.3: their containers have neither requests nor limits, and no LimitRange in the namespace has defaults for cpu; " +
				"create a LimitRange with default and defaultRequest for cpu and memory of containers"},
	} {
		if c.is != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.is, c.want)
		}
	}
}

func TestConcern(t *testing.T) {
	if Concern(older) || !Concern(newer) {
		t.Errorf("%s: %v, %s: %v", older.Version, Concern(older), newer.Version, Concern(newer))
	}
}

package release

import (
	"fmt"
	"strings"
)

// sandboxesDoc returns the part of docs/versions.md about what sandboxes need of the cluster.
func sandboxesDoc() string {
	var page strings.Builder
	page.WriteString(`
## What sandboxes need of the cluster

The condition ` + "`Warning`" + ` of a tenant reports what its release needs and the cluster lacks. For releases that were not run, this follows
from the fields of their pods.

- *Sandbox API*: the versions of ` + "`agents.x-k8s.io`" + ` that the gateway can use.
- *Pod Security*: the strictest level that admits the pods of sandboxes.
- *Nodes*: the pods demand ` + "`supplementalGroupsPolicy: Strict`" + ` where it says so. A kubelet from 1.33 on rejects them if its container runtime
  does not support that.
- *Quota*: containers of sandboxes have neither requests nor limits where it says LimitRange. A namespace with a ResourceQuota on CPU or memory
  then needs a LimitRange with defaults.

| releases | Sandbox API | Pod Security | nodes | quota |
|---|---|---|---|---|
`)
	var same []Version
	for i, version := range supported {
		same = append(same, version)
		if needs := sandboxNeeds(Of(version)); i+1 == len(supported) || needs != sandboxNeeds(Of(supported[i+1])) {
			fmt.Fprintf(&page, "| %s | %s |\n", Ranges(same), needs)
			same = nil
		}
	}
	return page.String()
}

// sandboxNeeds returns the cells of a release.
func sandboxNeeds(c Contract) string {
	nodes, quota := "any", "any"
	if c.StrictGroups {
		nodes = "Strict"
	}
	if c.UnsetResources {
		quota = "LimitRange"
	}
	return strings.Join([]string{strings.Join(c.SandboxAPIs, ", "), c.SandboxPodSecurity, nodes, quota}, " | ")
}

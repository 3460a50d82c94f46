package devcluster

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLostNodeAndControlledPods(t *testing.T) {
	c, err := Start(t.Context(), Options{Dir: t.TempDir(), BinDir: binariesWith(t, certgenScript)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	run := func(args ...string) {
		t.Helper()
		if _, err := c.Kubectl(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	run("create", "namespace", "mesh")
	must(c.AddNode(t.Context(), "doomed"))
	must(c.MutatePods(t.Context(), "default", OnNode("doomed", 1)))
	must(c.MutatePods(t.Context(), "mesh", WithInitContainer("mesh-init", "mesh:v1-crashes")))
	// A policy takes effect when the API server has read it.
	const probe = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"probe"},"spec":{"containers":[{"name":"a","image":"a"}]}}`
	file := filepath.Join(t.TempDir(), "probe.json")
	must(os.WriteFile(file, []byte(probe), 0o600))
	eventually(t, c, "doomed", "create", "--dry-run=server", "-f", file, "-o", "jsonpath={.spec.nodeSelector.kubernetes\\.io/hostname}")
	eventually(t, c, "mesh-init", "create", "--dry-run=server", "-n", "mesh", "-f", file, "-o", "jsonpath={.spec.initContainers[*].name}")

	file = filepath.Join(t.TempDir(), "objects.yaml")
	must(os.WriteFile(file, []byte(gatewayPod), 0o600))
	run("create", "-f", file)
	run("create", "-n", "mesh", "-f", file)
	const pod = "openshell-gateway-0"
	eventually(t, c, "CrashLoopBackOff PodInitializing", "get", "-n", "mesh", "pod", pod,
		"-o", "jsonpath={.status.initContainerStatuses[0].state.waiting.reason} {.status.containerStatuses[0].state.waiting.reason}")
	eventually(t, c, "doomed True", "get", "pod", pod, "-o", `jsonpath={.spec.nodeName} {.status.conditions[?(@.type=="Ready")].status}`)

	must(c.LoseNode(t.Context(), "doomed"))
	eventually(t, c, "False DeletionByTaintManager", "get", "pod", pod,
		"-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.conditions[?(@.type=="DisruptionTarget")].reason}`)
	uid, err := c.Kubectl(t.Context(), "get", "pod", pod, "-o", "jsonpath={.metadata.uid} {.metadata.deletionTimestamp}")
	if err != nil || len(uid) < 40 {
		t.Fatalf("the pod is not being deleted: %q, %v", uid, err)
	}
	must(c.RecoverNode(t.Context(), "doomed"))
	eventually(t, c, "devcluster.invalid/added", "get", "node", "doomed", "-o", "jsonpath={.spec.taints[*].key}") // or the next pod is deleted, too
	eventually(t, c, "True", "get", "pod", pod, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
	if after, err := c.Kubectl(t.Context(), "get", "pod", pod, "-o", "jsonpath={.metadata.uid}"); err != nil || after == uid[:36] {
		t.Errorf("the pod is not replaced: %q, %v", after, err)
	}

	const ended = "jsonpath={.status.containerStatuses[0].lastState.terminated.reason}"
	run("annotate", "pod", pod, "devcluster.invalid/fault=oom")
	eventually(t, c, "OOMKilled", "get", "pod", pod, "-o", ended)
	run("annotate", "pod", pod, "devcluster.invalid/fault-")
	eventually(t, c, "True", "get", "pod", pod, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
}

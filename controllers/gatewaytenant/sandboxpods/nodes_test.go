package sandboxpods

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	oldRuntime = "containerd://1.7.27"
	newRuntime = "containerd://2.1.4"
)

// node returns a node that is ready, and changes it.
func node(name, runtime string, change ...func(*corev1.Node)) corev1.Node {
	n := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, ResourceVersion: "1"}}
	n.Status.NodeInfo = corev1.NodeSystemInfo{KubeletVersion: "v1.33.1", OperatingSystem: "linux", ContainerRuntimeVersion: runtime}
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse}, {Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	for _, f := range change {
		f(&n)
	}
	return n
}

// reports makes a node report whether it supports supplementalGroupsPolicy Strict.
func reports(supported bool) func(*corev1.Node) {
	return func(n *corev1.Node) { n.Status.Features = &corev1.NodeFeatures{SupplementalGroupsPolicy: &supported} }
}

func kubelet(version string) func(*corev1.Node) {
	return func(n *corev1.Node) { n.Status.NodeInfo.KubeletVersion = version }
}

func ready(status corev1.ConditionStatus) func(*corev1.Node) {
	return func(n *corev1.Node) { n.Status.Conditions[1].Status = status }
}

// nodeCases are clusters, and the nodes in them that reject sandboxes.
var nodeCases = []struct {
	name  string
	nodes []corev1.Node
	want  Nodes
}{
	{"no nodes", nil, Nodes{}},
	{"support", []corev1.Node{node("a", newRuntime, reports(true))}, Nodes{}},
	{"no report", []corev1.Node{node("a", oldRuntime)}, Nodes{[]string{oldRuntime}, true}},
	{"no report of this feature", []corev1.Node{node("a", oldRuntime, func(n *corev1.Node) { n.Status.Features = &corev1.NodeFeatures{} })}, Nodes{[]string{oldRuntime}, true}},
	{"a report of no support", []corev1.Node{node("a", "cri-o://1.30.2", reports(false))}, Nodes{[]string{"cri-o://1.30.2"}, true}},
	{"some of the nodes", []corev1.Node{node("a", oldRuntime), node("b", newRuntime, reports(true)), node("c", "cri-o://1.30.2"), node("d", oldRuntime)}, Nodes{[]string{oldRuntime, "cri-o://1.30.2"}, false}},
	{"a kubelet that ignores the field", []corev1.Node{node("a", oldRuntime, kubelet("v1.32.9"))}, Nodes{}},
	{"of two, one kubelet ignores the field", []corev1.Node{node("a", oldRuntime, kubelet("v1.32.9")), node("b", oldRuntime, kubelet("v1.34.0-eks-1a2b3c"))}, Nodes{[]string{oldRuntime}, false}},
	{"a simulated node", []corev1.Node{node("a", "", kubelet("fake"))}, Nodes{}},
	{"a node of Windows", []corev1.Node{node("a", oldRuntime), node("b", "containerd://1.7.1", func(n *corev1.Node) { n.Status.NodeInfo.OperatingSystem = "windows" })}, Nodes{[]string{oldRuntime}, true}},
	{"a node that is being deleted", []corev1.Node{node("a", oldRuntime, func(n *corev1.Node) { n.DeletionTimestamp = &metav1.Time{} })}, Nodes{}},
	{"an unknown runtime", []corev1.Node{node("a", "")}, Nodes{[]string{"unknown"}, true}},
	{"a kubelet that has just started", []corev1.Node{node("a", newRuntime, ready(corev1.ConditionFalse))}, Nodes{}},
	{"a lost node", []corev1.Node{node("a", oldRuntime, ready(corev1.ConditionUnknown))}, Nodes{[]string{oldRuntime}, true}},
}

func TestNodesThatReject(t *testing.T) {
	for _, c := range nodeCases {
		if diff := cmp.Diff(c.want, NodesThatReject(c.nodes)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// TestCachedNodes: what the cache keeps of nodes decides as the nodes do, also if it is reduced twice.
func TestCachedNodes(t *testing.T) {
	for _, c := range nodeCases {
		var kept []corev1.Node
		for _, n := range c.nodes {
			n.Labels, n.Status.Images = map[string]string{"a": "b"}, make([]corev1.ContainerImage, 50)
			once, err := keepNode(&n)
			if err != nil {
				t.Fatal(err)
			}
			twice, err := keepNode(once)
			if err != nil {
				t.Fatal(err)
			}
			kept = append(kept, *twice.(*corev1.Node))
		}
		if diff := cmp.Diff(c.want, NodesThatReject(kept)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		for _, n := range kept {
			if len(n.Labels)+len(n.Status.Images) > 0 || len(n.Status.Conditions) != 1 || n.ResourceVersion != "1" {
				t.Errorf("%s: the cache has %+v", c.name, n)
			}
		}
	}
	long := node("a", strings.Repeat("r", 10*maxName))
	kept, _ := keepNode(&long)
	if is := len(kept.(*corev1.Node).Status.NodeInfo.ContainerRuntimeVersion); is != maxName {
		t.Errorf("%d bytes of a container runtime are kept", is)
	}
}

// TestSameNode: only changes count that change what NodesThatReject returns.
func TestSameNode(t *testing.T) {
	before := node("a", oldRuntime)
	for name, c := range map[string]struct {
		after corev1.Node
		same  bool
	}{
		"a heartbeat":                {node("a", oldRuntime, func(n *corev1.Node) { n.Status.Conditions[1].LastHeartbeatTime = metav1.Now() }), true},
		"another condition":          {node("a", oldRuntime, func(n *corev1.Node) { n.Status.Conditions[0].Status = corev1.ConditionTrue }), true},
		"lost":                       {node("a", oldRuntime, ready(corev1.ConditionUnknown)), true},
		"not ready":                  {node("a", oldRuntime, ready(corev1.ConditionFalse)), false},
		"another runtime":            {node("a", "containerd://1.7.28"), false},
		"a runtime with the feature": {node("a", newRuntime, reports(true)), false},
		"being deleted":              {node("a", oldRuntime, func(n *corev1.Node) { n.DeletionTimestamp = &metav1.Time{} }), false},
	} {
		if is := sameNode(&c.after, &before); is != c.same {
			t.Errorf("%s: same is %v", name, is)
		}
		changes := !cmp.Equal(NodesThatReject([]corev1.Node{before}), NodesThatReject([]corev1.Node{c.after}))
		if c.same && changes {
			t.Errorf("%s: it is the same node, but other nodes reject", name)
		}
	}
	a, b := node("a", newRuntime, reports(true)), node("a", "containerd://2.2.0", reports(true))
	if !sameNode(&a, &b) {
		t.Error("an upgrade of a runtime that supports the feature counts as a change")
	}
}

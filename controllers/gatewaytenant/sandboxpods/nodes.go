package sandboxpods

import (
	"cmp"
	"slices"
	"strings"
	"unique"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
)

// Nodes are the nodes that reject pods with supplementalGroupsPolicy Strict. They are identified by their container runtimes: these
// change when a cluster is upgraded, while the names of nodes change whenever it is scaled, which would change the status of each tenant.
type Nodes struct {
	// Runtimes are the container runtimes of these nodes, sorted. It is empty if no node is known to reject such pods.
	Runtimes []string
	// All reports whether all nodes do, as far as they run Linux and are not being deleted.
	All bool
}

// rejecting is the first version whose kubelet rejects a pod with supplementalGroupsPolicy Strict unless its node reports support for it:
// https://github.com/kubernetes/kubernetes/blob/v1.33.0/pkg/kubelet/lifecycle/predicate.go. Before that, the kubelet or the API server
// ignores the field.
var rejecting = version.MustParseGeneric("1.33")

// maxName is how many bytes of a name or version are kept.
const maxName = 256

// NodesThatReject returns which of all nodes reject pods with supplementalGroupsPolicy Strict.
func NodesThatReject(nodes []corev1.Node) Nodes {
	is := Nodes{All: true}
	for i := range nodes {
		switch node := &nodes[i]; {
		case !counts(node):
		case rejects(node):
			is.Runtimes = append(is.Runtimes, cmp.Or(node.Status.NodeInfo.ContainerRuntimeVersion, "unknown"))
		default:
			is.All = false
		}
	}
	slices.Sort(is.Runtimes)
	is.Runtimes = slices.Compact(is.Runtimes)
	is.All = is.All && len(is.Runtimes) > 0
	return is
}

// counts reports whether the state of a node is known and sandboxes may run there. A kubelet that has just started reports that its
// node is not ready, and does not know yet what its container runtime supports.
func counts(node *corev1.Node) bool {
	if node.DeletionTimestamp != nil || node.Status.NodeInfo.OperatingSystem == "windows" {
		return false
	}
	return !slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionFalse
	})
}

// rejects reports whether the kubelet of a node rejects pods with supplementalGroupsPolicy Strict. It is false if the kubelet's version is
// unknown, such as that of a simulated node.
func rejects(node *corev1.Node) bool {
	kubelet, err := version.ParseGeneric(node.Status.NodeInfo.KubeletVersion)
	if err != nil || kubelet.LessThan(rejecting) {
		return false
	}
	features := node.Status.Features
	return features == nil || features.SupplementalGroupsPolicy == nil || !*features.SupplementalGroupsPolicy
}

// keepNode keeps what NodesThatReject needs of a node.
func keepNode(object any) (any, error) {
	node, is := object.(*corev1.Node)
	if !is {
		return object, nil
	}
	kept := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node.Name, ResourceVersion: node.ResourceVersion, DeletionTimestamp: node.DeletionTimestamp}}
	kept.Status.NodeInfo.KubeletVersion = shared(node.Status.NodeInfo.KubeletVersion)
	kept.Status.NodeInfo.OperatingSystem = shared(node.Status.NodeInfo.OperatingSystem)
	kept.Status.NodeInfo.ContainerRuntimeVersion = shared(node.Status.NodeInfo.ContainerRuntimeVersion)
	kept.Status.Features = node.Status.Features
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			kept.Status.Conditions = []corev1.NodeCondition{{Type: condition.Type, Status: condition.Status}}
		}
	}
	return kept, nil
}

// shared returns the beginning of a text that many objects have in common.
func shared(text string) string {
	if len(text) > maxName {
		text = strings.ToValidUTF8(text[:maxName], "")
	}
	return unique.Make(text).Value()
}

// sameNode reports whether two states of a node are the same for NodesThatReject.
func sameNode(a, b *corev1.Node) bool {
	if counts(a) != counts(b) || rejects(a) != rejects(b) {
		return false
	}
	return !rejects(a) || a.Status.NodeInfo.ContainerRuntimeVersion == b.Status.NodeInfo.ContainerRuntimeVersion
}

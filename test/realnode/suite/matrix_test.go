//go:build linux

package suite

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Where connections of the matrix come from. All but the last three are in the namespace of a tenant.
const (
	fromGateway      = "its gateway"
	fromSandbox      = "another sandbox of the tenant"
	fromNeighbor     = "another pod in its namespace"
	fromOtherGateway = "another tenant's gateway"
	fromOtherSandbox = "another tenant's sandbox"
	fromClient       = "a pod in spec.network.allowedClients"
	fromMetrics      = "a pod in spec.network.metricsClients"
	fromStranger     = "a pod in another namespace"
)

// everywhere are all sources except the gateway, which reaches itself in any case.
var everywhere = []string{fromSandbox, fromNeighbor, fromOtherGateway, fromOtherSandbox, fromClient, fromMetrics, fromStranger}

// Ports of the matrix. Sandboxes listen on 8080, too, so that a policy for the wrong port is noticed.
const (
	sandboxSSH    = "sandbox:2222"
	sandboxOther  = "sandbox:8080"
	gatewayGRPC   = "gateway:8080"
	gatewayHealth = "gateway:8081"
	gatewayMetric = "gateway:9090"
)

// matrixRow says for a spec.network who reaches which port. Ports that it does not name are closed to all.
type matrixRow struct {
	namespace        string
	network          v1alpha1.Network
	open, openDenied map[string][]string // without and with a policy that denies all ingress of the namespace
}

// matrixClients select the pods of namespace matrix-clients with a label.
func matrixClients(app string) []v1alpha1.AllowedClient {
	return []v1alpha1.AllowedClient{{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: clientsNamespace}},
		PodSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}},
	}}
}

const clientsNamespace = "matrix-clients"

func matrix() []matrixRow {
	ssh := []string{fromGateway}
	same := func(namespace string, network v1alpha1.Network, open map[string][]string) matrixRow {
		return matrixRow{namespace, network, open, open}
	}
	return []matrixRow{
		{
			namespace:  "matrix-default",
			open:       map[string][]string{sandboxSSH: ssh, gatewayGRPC: everywhere, gatewayHealth: everywhere, gatewayMetric: everywhere},
			openDenied: map[string][]string{sandboxSSH: ssh},
		},
		same("matrix-clients-only", v1alpha1.Network{AllowedClients: matrixClients("client")}, map[string][]string{
			sandboxSSH: ssh, gatewayGRPC: {fromSandbox, fromClient}, gatewayMetric: {fromClient},
		}),
		same("matrix-sandboxes-only", v1alpha1.Network{AllowedClients: []v1alpha1.AllowedClient{}}, map[string][]string{
			sandboxSSH: ssh, gatewayGRPC: {fromSandbox},
		}),
		same("matrix-metrics", v1alpha1.Network{
			AllowedClients: matrixClients("client"), MetricsClients: matrixClients("metrics"),
		}, map[string][]string{
			sandboxSSH: ssh, gatewayGRPC: {fromSandbox, fromClient}, gatewayMetric: {fromMetrics},
		}),
		same("matrix-metrics-only", v1alpha1.Network{MetricsClients: matrixClients("metrics")}, map[string][]string{
			sandboxSSH: ssh, gatewayGRPC: everywhere, gatewayMetric: {fromMetrics},
		}),
	}
}

// TestNetworkMatrix connects from each source to each port of each tenant, and compares what is open with what the
// documentation says. TestNetworkPoliciesAreEnforced shows that the node enforces policies at all.
func TestNetworkMatrix(t *testing.T) {
	t.Parallel()
	rows, targets := matrix(), map[string]map[string]string{} // addresses, by namespace and port
	cluster.CreateNamespace(t, clientsNamespace)
	for _, app := range []string{"client", "metrics", "stranger"} {
		cluster.Create(t, probe(clientsNamespace, app, map[string]string{"app": app}))
	}
	for _, row := range rows {
		cluster.CreateTenant(t, row.namespace, v1alpha1.GatewayTenantSpec{Image: gatewayImage(newest), Network: row.network})
		sandbox := map[string]string{"agents.x-k8s.io/sandbox-name-hash": "a1b2c3d4"} // as agent-sandbox labels them
		cluster.Create(t, probe(row.namespace, "sandbox", sandbox))
		cluster.Create(t, probe(row.namespace, "other-sandbox", sandbox))
		cluster.Create(t, probe(row.namespace, "neighbor", nil))
	}
	for _, row := range rows {
		eventuallyReady(t, row.namespace)
		gateway := get(t, &corev1.Pod{}, row.namespace, manifests.PodName).Status.PodIP
		sandbox := eventuallyRuns(t, row.namespace, "sandbox")
		targets[row.namespace] = map[string]string{}
		for _, port := range []string{sandboxSSH, sandboxOther, gatewayGRPC, gatewayHealth, gatewayMetric} {
			of, number, _ := strings.Cut(port, ":")
			targets[row.namespace][port] = net.JoinHostPort(map[string]string{"sandbox": sandbox, "gateway": gateway}[of], number)
		}
	}
	for _, denied := range []bool{false, true} {
		t.Run(map[bool]string{false: "without default-deny", true: "with default-deny"}[denied], func(t *testing.T) {
			if denied {
				for _, row := range rows {
					apply(t, denyIngress(row.namespace))
				}
			}
			for i, row := range rows {
				open := row.open
				if denied {
					open = row.openDenied
				}
				t.Run(row.namespace, func(t *testing.T) {
					t.Parallel()
					checkMatrix(t, row.namespace, rows[(i+1)%len(rows)].namespace, targets[row.namespace], open)
				})
			}
		})
	}
}

// checkMatrix connects from all sources to the addresses of one tenant's ports. Another tenant is in the other namespace.
func checkMatrix(t *testing.T, namespace, other string, addresses map[string]string, open map[string][]string) {
	sources := map[string][2]string{ // namespace and pod
		fromGateway: {namespace, manifests.PodName}, fromSandbox: {namespace, "other-sandbox"}, fromNeighbor: {namespace, "neighbor"},
		fromOtherGateway: {other, manifests.PodName}, fromOtherSandbox: {other, "other-sandbox"},
		fromClient: {clientsNamespace, "client"}, fromMetrics: {clientsNamespace, "metrics"}, fromStranger: {clientsNamespace, "stranger"},
	}
	for _, from := range slices.Sorted(maps.Keys(sources)) {
		want := map[string]bool{}
		for port, address := range addresses {
			if from == fromGateway && strings.HasPrefix(port, "gateway:") {
				continue // the pod itself
			}
			want[address] = slices.Contains(open[port], from)
		}
		t.Run(from, func(t *testing.T) { eventuallyReaches(t, sources[from][0], sources[from][1], want) })
	}
}

// denyIngress is a policy that denies all ingress of a namespace.
func denyIngress(namespace string) string {
	return fmt.Sprintf(`
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny, namespace: %s}
spec: {podSelector: {}, policyTypes: [Ingress]}
`, namespace)
}

//go:build linux

package suite

import (
	"net"
	"testing"
	"time"
)

// TestNetworkPoliciesAreEnforced shows that the node enforces policies, so that other tests can rely on it.
func TestNetworkPoliciesAreEnforced(t *testing.T) {
	t.Parallel()
	const namespace = "policies"
	cluster.CreateNamespace(t, namespace)
	address := net.JoinHostPort(startProbe(t, namespace, "server", map[string]string{"app": "server"}), "8080")
	for _, name := range []string{"friend", "stranger"} {
		startProbe(t, namespace, name, map[string]string{"app": name})
		eventuallyReaches(t, namespace, name, map[string]bool{address: true})
	}
	apply(t, `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: server, namespace: `+namespace+`}
spec:
  podSelector: {matchLabels: {app: server}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {app: friend}}}]}]
`)
	eventuallyReaches(t, namespace, "stranger", map[string]bool{address: false})
	eventuallyReaches(t, namespace, "friend", map[string]bool{address: true})
}

// TestDial shows that tests reach pods from outside of the node.
func TestDial(t *testing.T) {
	t.Parallel()
	const namespace = "dial"
	cluster.CreateNamespace(t, namespace)
	ip := startProbe(t, namespace, "server", nil)
	cluster.Eventually(t, 5*time.Second, func() error { // A container runs before its program listens.
		conn, err := node.Dial(t.Context(), net.JoinHostPort(ip, "8081"))
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	if conn, err := node.Dial(t.Context(), net.JoinHostPort(ip, "8082")); err == nil {
		_ = conn.Close()
		t.Error("connected to a port at which nothing listens")
	}
}

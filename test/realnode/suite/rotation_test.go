//go:build linux

package suite

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// trustDelay is the operator's --trust-delay in this suite. A changed Secret reaches the files of a pod within 7.5 s, which
// is the kubelet's syncFrequency of 5 s with its jitter, and the gateway and the clients read them within 2 s.
const trustDelay = 15 * time.Second

// TestRotation changes names, certificates, the CA and the token keys of a gateway while clients that mount their Secret
// connect four times a second. Connections may be refused while the gateway restarts once, for the token keys. No other
// connection fails.
func TestRotation(t *testing.T) {
	t.Parallel()
	g := gateway{"rotation"}
	cluster.CreateTenant(t, g.namespace, v1alpha1.GatewayTenantSpec{Image: gatewayImage(newest)})
	eventuallyReady(t, g.namespace)
	pod := get(t, &corev1.Pod{}, g.namespace, manifests.PodName)
	service := get(t, &corev1.Service{}, g.namespace, manifests.GatewayName).Spec.ClusterIP
	clients := []caller{
		startClient(t, g, "by-service", service),
		startClient(t, g, "by-pod", pod.Status.PodIP), // until the restart
	}
	for _, c := range clients {
		c.eventually(t, func(total tally) error { return total.connected(5) })
	}
	undisturbed := func(t *testing.T) {
		t.Helper()
		for _, c := range clients {
			if total := c.tally(t); len(total.Outcomes) != 1 || len(total.Instances) != 1 {
				t.Errorf("the client %s failed: %s", c.name, asJSON(total))
			}
		}
	}
	run := func(name string, test func(t *testing.T)) {
		if !t.Run(name, test) {
			t.FailNow()
		}
	}
	run("SAN", func(t *testing.T) {
		testNewName(t, g)
		eventuallyServe(t, clients, 2)
		undisturbed(t)
	})
	for i, rotation := range []struct{ name, annotation string }{
		{"TLS", v1alpha1.AnnotationRotateTLS}, {"CA", v1alpha1.AnnotationRotateCA},
	} {
		run(rotation.name, func(t *testing.T) {
			rotate(t, g.namespace, rotation.annotation)
			eventuallyServe(t, clients, 3+i)
			undisturbed(t)
		})
	}
	run("tokens", func(t *testing.T) { testTokenRotation(t, g, clients[0], pod) })
	if is := get(t, &corev1.Pod{}, g.namespace, manifests.PodName).Status.ContainerStatuses[0].RestartCount; is != 0 {
		t.Errorf("the gateway's container restarted %d times", is)
	}
}

// testNewName adds a name, and checks that the gateway serves it as soon as the tenant is Ready and the status lists it.
func testNewName(t *testing.T, g gateway) {
	const name = "new.example.com"
	changeTenant(t, g.namespace, func(tenant *v1alpha1.GatewayTenant) { tenant.Spec.ServerDNSNames = []string{name} })
	eventuallyReady(t, g.namespace)
	if _, err := g.request(t, name, http.MethodGet, "/", "", nil); err != nil {
		t.Errorf("the tenant is Ready, but the gateway does not serve %s: %v", name, err)
	}
	tenant := get(t, &v1alpha1.GatewayTenant{}, g.namespace, manifests.GatewayName)
	if !slices.Contains(tenant.Status.ServerDNSNames, name) {
		t.Errorf("status.serverDnsNames is %v, want %s in it", tenant.Status.ServerDNSNames, name)
	}
}

// testTokenRotation rotates the token keys. The gateway restarts once and is a new pod then.
func testTokenRotation(t *testing.T, g gateway, c caller, before *corev1.Pod) {
	token := g.must(t, http.MethodPost, "/tokens/a-sandbox", "", "")
	rotate(t, g.namespace, v1alpha1.AnnotationRotateTokens)
	eventuallySuccessor(t, before)
	eventuallyReady(t, g.namespace)
	c.eventually(t, func(total tally) error { return total.connected(0) })
	connected := c.tally(t).Outcomes["ok"]
	c.eventually(t, func(total tally) error { return total.connected(connected + 10) })
	total := c.tally(t)
	t.Logf("after all rotations, the clients counted %s", asJSON(total.Outcomes))
	if len(total.Instances) != 2 {
		t.Errorf("the clients saw %d starts of the gateway, want 2: %s", len(total.Instances), asJSON(total))
	}
	for outcome, count := range total.Outcomes {
		aborted := outcome == "aborted" && count == 1 // that which is open when the gateway ends: the client has one at a time
		if !aborted && !slices.Contains([]string{"ok", "refused", "timeout"}, outcome) {
			t.Errorf("%d connections ended with %q, but during the restart they may only be refused: %s", count, outcome, asJSON(total))
		}
	}
	if is := g.answer(t, token).Caller; is == "sandbox a-sandbox" {
		t.Error("the gateway recognizes a token that it issued before the rotation of its keys")
	}
}

// eventuallyServe waits until the clients have seen that many certificates of the gateway.
func eventuallyServe(t *testing.T, clients []caller, certificates int) {
	t.Helper()
	for _, c := range clients {
		c.eventually(t, func(total tally) error {
			if len(total.Serials) != certificates {
				return fmt.Errorf("the client %s saw %d certificates, want %d: %s", c.name, len(total.Serials), certificates, asJSON(total))
			}
			return nil
		})
	}
}

// rotate sets the annotation for a rotation, and waits until the status reports it.
func rotate(t *testing.T, namespace, annotation string) {
	t.Helper()
	const value = "now"
	annotate(t, namespace, annotation, value)
	cluster.Eventually(t, 60*time.Second, func() error {
		rotated := get(t, &v1alpha1.GatewayTenant{}, namespace, manifests.GatewayName).Status.Rotated
		if rotated == nil {
			return errors.New("status.rotated is not set")
		}
		of := map[string]string{
			v1alpha1.AnnotationRotateTLS: rotated.TLS, v1alpha1.AnnotationRotateCA: rotated.CA, v1alpha1.AnnotationRotateTokens: rotated.Tokens,
		}
		if of[annotation] != value {
			return fmt.Errorf("%s is not reported: %+v", annotation, rotated)
		}
		return nil
	})
}

// caller is a pod that connects to a gateway again and again.
type caller struct{ namespace, name string }

// tally is what the client of the stand-in gateway prints.
type tally struct {
	Outcomes, Errors, Instances, Serials map[string]int
	Last                                 string
}

// startClient starts a client that mounts the clients' Secret as any pod does.
func startClient(t *testing.T, g gateway, name, host string) caller {
	t.Helper()
	pod := probe(g.namespace, name, nil, "client",
		"--url=https://"+net.JoinHostPort(host, "8080")+"/", "--server-name="+g.serverName(), "--interval=250ms")
	pod.Spec.Volumes = []corev1.Volume{{Name: "tls", VolumeSource: corev1.VolumeSource{
		Secret: &corev1.SecretVolumeSource{SecretName: manifests.ClientTLSName},
	}}}
	pod.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "tls", MountPath: "/etc/openshell-tls/client", ReadOnly: true}}
	cluster.Create(t, pod)
	eventuallyRuns(t, g.namespace, name)
	return caller{g.namespace, name}
}

// tally returns what the client printed last.
func (c caller) tally(t *testing.T) tally {
	t.Helper()
	var total tally
	out := strings.TrimSpace(kubectl(t, "logs", "-n", c.namespace, c.name, "--tail=1"))
	if out == "" {
		return total
	}
	if err := json.Unmarshal([]byte(out), &total); err != nil {
		t.Fatalf("the client %s printed %q: %v", c.name, out, err)
	}
	return total
}

// connected returns an error unless more connections than these were good, and the last one was.
func (t tally) connected(count int) error {
	if t.Outcomes["ok"] <= count || t.Last != "ok" {
		return fmt.Errorf("want more than %d good connections: %s", count, asJSON(t))
	}
	return nil
}

// eventually waits until the tally of a client, which it prints every 5 s, fulfills a check.
func (c caller) eventually(t *testing.T, check func(tally) error) {
	t.Helper()
	cluster.Eventually(t, 40*time.Second, func() error {
		err := check(c.tally(t))
		if err != nil {
			time.Sleep(500 * time.Millisecond) // Each check runs kubectl, which must not take the CPU from the clients.
		}
		return err
	})
}

//go:build linux

package suite

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
	"github.com/ambient-code/gatewaytenant-operator/test/realnode"
)

// kubectl runs kubectl as the administrator and returns its output. It fails the test if kubectl fails.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := node.Kubectl(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// apply applies a manifest.
func apply(t *testing.T, manifest string) {
	t.Helper()
	if err := node.Apply(t.Context(), manifest); err != nil {
		t.Fatal(err)
	}
}

// isReady reports whether a pod is ready.
func isReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// get reads an object and returns it.
func get[T client.Object](t *testing.T, object T, namespace, name string) T {
	t.Helper()
	return operatortest.Get(t, cluster, object, namespace, name)
}

// eventuallyReady waits until a tenant is Ready at its present generation.
func eventuallyReady(t *testing.T, namespace string) {
	t.Helper()
	cluster.WaitReady(t, 90*time.Second, namespace)
}

// gatewayImage returns the reference of an image of gateways.
func gatewayImage(tag string) string { return realnode.GatewayRepository + ":" + tag }

// probePorts are the ports on which probes accept connections.
const probePorts = "2222,8080,8081,9090"

// startProbe creates a pod with the program of the stand-in gateway and waits until it runs. It returns the pod's address.
// Without arguments it accepts connections on probePorts. The pod is deleted with its namespace.
func startProbe(t *testing.T, namespace, name string, labels map[string]string, args ...string) string {
	t.Helper()
	cluster.Create(t, probe(namespace, name, labels, args...))
	return eventuallyRuns(t, namespace, name)
}

// eventuallyRuns waits until a pod runs, and returns its address.
func eventuallyRuns(t *testing.T, namespace, name string) string {
	t.Helper()
	var address string
	cluster.Eventually(t, time.Minute, func() error {
		pod := get(t, &corev1.Pod{}, namespace, name)
		if address = pod.Status.PodIP; address == "" || pod.Status.Phase != corev1.PodRunning {
			return fmt.Errorf("the pod %s/%s is %s", namespace, name, pod.Status.Phase)
		}
		return nil
	})
	return address
}

// probe returns a pod with the program of the stand-in gateway. Without arguments it accepts connections on probePorts.
func probe(namespace, name string, labels map[string]string, args ...string) *corev1.Pod {
	if len(args) == 0 {
		args = []string{"listen", "--ports", probePorts}
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
		Spec: corev1.PodSpec{
			RestartPolicy:                 corev1.RestartPolicyNever,
			TerminationGracePeriodSeconds: new(int64(0)),
			AutomountServiceAccountToken:  new(false),
			SecurityContext:               &corev1.PodSecurityContext{RunAsNonRoot: new(true)},
			Containers:                    []corev1.Container{{Name: "probe", Image: gatewayImage(probeTag), Args: args}},
		},
	}
}

// dialFrom connects from a probe to each address once, and returns the outcomes by address: open, refused, timeout, name or
// other.
func dialFrom(t *testing.T, namespace, probe string, addresses ...string) (map[string]string, error) {
	t.Helper()
	args := append([]string{"exec", "-n", namespace, probe, "--", "/openshell-gateway", "dial"}, addresses...)
	out, err := node.Kubectl(t.Context(), args...)
	if err != nil {
		return nil, err
	}
	outcomes := map[string]string{}
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) == 2 {
			outcomes[fields[0]] = fields[1]
		}
	}
	return outcomes, nil
}

// eventuallyReaches waits until exactly those of the addresses are open from a probe for which open has true. The agent
// admits a new pod and applies a changed policy within about a second after the API server reports it.
func eventuallyReaches(t *testing.T, namespace, probe string, open map[string]bool) {
	t.Helper()
	addresses := slices.Sorted(maps.Keys(open))
	cluster.Eventually(t, 20*time.Second, func() error {
		outcomes, err := dialFrom(t, namespace, probe, addresses...)
		if err != nil {
			return err
		}
		for _, address := range addresses {
			if (outcomes[address] == "open") != open[address] {
				err = errors.Join(err, fmt.Errorf("from %s/%s to %s: %q, want open=%v", namespace, probe, address, outcomes[address], open[address]))
			}
		}
		return err
	})
}

// asJSON formats a value for an error message.
func asJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

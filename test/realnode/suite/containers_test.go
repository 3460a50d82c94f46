//go:build linux

package suite

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
)

// faultyGateways are images of gateways that fail, by their tag.
var faultyGateways = map[string]string{
	newest + "-crash": "GATEWAY_FAULT=crash=the database is broken",
	newest + "-oom":   "GATEWAY_FAULT=allocate",
	newest + "-hang":  "GATEWAY_FAULT=hang-after=10s",
}

// restarted reports whether a container was restarted three times.
func restarted(of func(snapshot) corev1.ContainerStatus) func(snapshot) bool {
	return func(s snapshot) bool { return of(s).RestartCount >= 3 }
}

// TestFailuresOfContainers starts gateways that fail by themselves.
func TestFailuresOfContainers(t *testing.T) {
	t.Parallel()
	gatewayEnded := func(s snapshot) time.Time { return ended(s.gatewayStatus()) }
	for tag, f := range map[string]failure{
		newest + "-crash": {
			reason: v1alpha1.ReasonCrashLoop, known: gatewayEnded, repeated: restarted(snapshot.gatewayStatus),
			says: []string{
				"container openshell-gateway crashes (Error, exit code 1)", "the database is broken",
				"kubectl logs openshell-gateway-0 -n NS -c openshell-gateway --previous",
			},
		},
		newest + "-oom": {
			reason: v1alpha1.ReasonCrashLoop, known: gatewayEnded, repeated: restarted(snapshot.gatewayStatus),
			says: []string{
				"container openshell-gateway was killed because it exceeded its memory limit of 512Mi (OOMKilled, exit code 137)",
				"kubectl patch pod openshell-gateway-0 -n NS --subresource resize",
			},
		},
		"0.0.110": { // The node has no such image, and no registry.
			reason: v1alpha1.ReasonImagePullFailed,
			known:  func(s snapshot) time.Time { first, _ := s.event("Pod", "Failed"); return first },
			repeated: func(s snapshot) bool {
				_, failed := s.event("Pod", "Failed")
				return failed >= 4 // Two for each attempt.
			},
			says: []string{
				"image " + gatewayImage("0.0.110") + " of container openshell-gateway cannot be pulled", "correct spec.image, or let the nodes reach the registry",
			},
		},
	} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			namespace := "fails-" + strings.ReplaceAll(tag, ".", "-")
			cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayImage(tag)})
			f.check(t, namespace)
		})
	}
}

// TestHang shows that a gateway that stops to answer is reported when it is not ready any more, and when the kubelet kills it.
func TestHang(t *testing.T) {
	t.Parallel()
	const namespace = "fails-hang"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayImage(newest + "-hang")})
	eventuallyReady(t, namespace)
	failure{
		reason: v1alpha1.ReasonPodNotReady,
		known:  func(s snapshot) time.Time { return s.condition(corev1.PodReady, corev1.ConditionFalse) },
		says: []string{
			"container openshell-gateway runs, but is not ready: GET /readyz on port 8081 does not succeed", "kubectl logs openshell-gateway-0 -n NS -c openshell-gateway",
		},
	}.check(t, namespace)
	// The kubelet kills it after three failed probes, and the next container is ready until it hangs, too.
	var killed time.Time
	cluster.Eventually(t, 90*time.Second, func() error {
		s := look(t, namespace)
		killed = s.lastEvent("Pod", "Killing")
		if killed.IsZero() || s.ready.Reason != v1alpha1.ReasonCrashLoop ||
			!strings.Contains(s.ready.Message, "container openshell-gateway is restarted because its liveness probe fails") {
			return fmt.Errorf("the container was killed at %s, and Ready is %s: %s", killed, s.ready.Reason, s.ready.Message)
		}
		return nil
	})
	if delay := time.Since(killed); delay > reportLimit {
		t.Errorf("that a liveness probe failed is reported %s after the kubelet killed the container", delay)
	}
}

// TestFailedMount takes the directory of a gateway's volume away, restarts the pod, and gives the directory back.
func TestFailedMount(t *testing.T) {
	t.Parallel()
	const namespace = "fails-mount"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayImage(newest)})
	eventuallyReady(t, namespace)
	volume := volumeOf(t, namespace)
	if err := os.Rename(volume, volume+"-gone"); err != nil {
		t.Fatal(err)
	}
	if err := admin.Delete(t.Context(), get(t, &corev1.Pod{}, namespace, manifests.PodName)); err != nil {
		t.Fatal(err)
	}
	failure{
		reason:   v1alpha1.ReasonVolumeMountFailed,
		known:    func(s snapshot) time.Time { first, _ := s.event("Pod", "FailedMount"); return first },
		repeated: func(s snapshot) bool { _, count := s.event("Pod", "FailedMount"); return count >= 4 },
		says:     []string{"cannot mount a volume of the pod", "does not exist", "kubectl describe pod openshell-gateway-0 -n NS"},
	}.check(t, namespace)
	if err := os.Rename(volume+"-gone", volume); err != nil {
		t.Fatal(err)
	}
	eventuallyReady(t, namespace)
}

// TestInitContainerCrash restarts a gateway in a namespace where, as with a service mesh, new pods get an init container.
func TestInitContainerCrash(t *testing.T) {
	t.Parallel()
	const namespace = "fails-init"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayImage(newest)})
	eventuallyReady(t, namespace)
	mutation := devcluster.WithInitContainer("mesh-init", gatewayImage(probeTag)) // Without arguments, it ends with code 1.
	if err := devcluster.MutatePods(t.Context(), node.Config(), namespace, mutation); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 20*time.Second, func() error { // The API server reads a policy with a delay.
		pod := probe(namespace, "probe", nil)
		err := admin.Create(t.Context(), pod, client.DryRunAll)
		if err == nil && len(pod.Spec.InitContainers) == 0 {
			err = errors.New("the policy has no effect yet")
		}
		return err
	})
	if err := admin.Delete(t.Context(), get(t, &corev1.Pod{}, namespace, manifests.PodName)); err != nil {
		t.Fatal(err)
	}
	container := func(s snapshot) corev1.ContainerStatus {
		if s.pod == nil || len(s.pod.Status.InitContainerStatuses) == 0 {
			return corev1.ContainerStatus{}
		}
		return s.pod.Status.InitContainerStatuses[0]
	}
	failure{
		reason: v1alpha1.ReasonCrashLoop,
		known:  func(s snapshot) time.Time { return ended(container(s)) }, repeated: restarted(container),
		// What the container reported is only in its log, since it has the default terminationMessagePolicy.
		says: []string{"init container mesh-init crashes (Error, exit code 1)", "kubectl logs openshell-gateway-0 -n NS -c mesh-init --previous"},
	}.check(t, namespace)
}

// TestQuota creates a tenant in a namespace whose quota admits certgen's pod and not the gateway's, and raises the quota.
func TestQuota(t *testing.T) {
	t.Parallel()
	const namespace = "fails-quota"
	cluster.CreateNamespace(t, namespace)
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "memory"}}
	quota.Spec.Hard = corev1.ResourceList{corev1.ResourceRequestsMemory: resource.MustParse("64Mi")}
	cluster.Create(t, quota)
	cluster.Create(t, &v1alpha1.GatewayTenant{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: manifests.GatewayName}, Spec: v1alpha1.GatewayTenantSpec{Image: gatewayImage(newest)},
	})
	failure{
		reason:   v1alpha1.ReasonPodRefused,
		known:    func(s snapshot) time.Time { first, _ := s.event("StatefulSet", "FailedCreate"); return first },
		repeated: func(s snapshot) bool { _, count := s.event("StatefulSet", "FailedCreate"); return count >= 4 },
		says:     []string{"the API server refuses the pod", "exceeded quota: memory", "kubectl describe resourcequota memory -n NS"},
	}.check(t, namespace)
	kubectl(t, "patch", "resourcequota", "memory", "-n", namespace, "--type=merge", `-p={"spec": {"hard": {"requests.memory": "1Gi"}}}`)
	eventuallyReady(t, namespace)
}

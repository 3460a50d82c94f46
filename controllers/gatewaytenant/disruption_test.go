package gatewaytenant

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// TestPodOnALostNode follows a pod from the time when its node is lost until it is deleted. The node controller does not change a pod
// that was not ready until then.
func TestPodOnALostNode(t *testing.T) {
	for _, c := range []struct {
		name     string
		pod      func(*corev1.Pod)
		warnings int
	}{{"ready", unreachable, 1}, {"crashing", crashed("Error", 1, "no"), 4}} {
		t.Run(c.name, func(t *testing.T) {
			d := newDiagnosis(t)
			pod := d.pod(c.pod)
			d.follow(pod, 5*time.Minute)
			pod = d.pod(c.pod, disrupted("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint"), d.deleted)
			if is := d.follow(pod, 70*time.Second); is.Reason != "NodeLost" || !strings.Contains(is.Message, "node-1") {
				t.Errorf("Ready is %s: %s", is.Reason, is.Message)
			}
			if len(d.warnings) != c.warnings {
				t.Errorf("the Warning Events are %q, want %d", d.warnings, c.warnings)
			}
		})
	}
}

// TestPodOfAnEarlierRevisionOnALostNode expects that the pod does not count as being replaced, since its successor does not start.
func TestPodOfAnEarlierRevisionOnALostNode(t *testing.T) {
	d := newDiagnosis(t)
	pod := d.pod(unreachable, func(pod *corev1.Pod) { pod.Labels["controller-revision-hash"] = "earlier" })
	d.expect(d.follow(pod, time.Second), "NodeLost", "node-1")
}

// TestDrainIsReportedWhileTheGatewayServes expects an early report, since no object has the reason when the pod no longer exists.
func TestDrainIsReportedWhileTheGatewayServes(t *testing.T) {
	for reason, text := range map[string]string{
		"EvictionByEvictionAPI":  "the pod was evicted from node node-1, as kubectl drain does",
		"PreemptionByScheduler":  "the pod was removed from node node-1 to make room for a pod with a higher priority",
		"DeletionByTaintManager": "the pod was removed from node node-1, which has a NoExecute taint",
		"SomethingNew":           "the pod was removed from node node-1 (SomethingNew): why",
	} {
		t.Run(reason, func(t *testing.T) {
			d := newDiagnosis(t)
			d.observe(0, d.pod(ready))
			d.expect(d.observe(time.Second, d.pod(ready, disrupted(reason, "why"), d.deleted)), "PodEvicted", text, "kubectl describe pod openshell-gateway-0 -n tenant-a")
			d.observe(time.Second, nil)
			if is := d.observe(time.Second, d.pod(ready)); is.Reason != "Ready" || len(d.warnings) != 1 {
				t.Errorf("finally Ready is %s and the Warning Events are %q, want Ready and one Event", is.Reason, d.warnings)
			}
		})
	}
}

// TestDrainIsReportedAfterThePodHasEnded has a pod that ends before its tenant is reconciled.
func TestDrainIsReportedAfterThePodHasEnded(t *testing.T) {
	d := newDiagnosis(t)
	d.observe(0, d.pod(ready))
	d.r.forPod(t.Context(), d.pod(ready, disrupted("EvictionByEvictionAPI", ""), d.deleted))
	d.expect(d.observe(time.Second, nil), "PodEvicted", "the pod was evicted from node node-1")
	starting := d.pod(func(pod *corev1.Pod) { pod.Spec.NodeName, pod.UID = "node-2", "successor" })
	d.expect(d.observe(time.Second, starting), "PodEvicted", "the pod was evicted from node node-1")
	if is := d.observe(time.Second, d.pod(ready)); is.Reason != "Ready" {
		t.Errorf("finally Ready is %s, want Ready", is.Reason)
	}
	if is := d.observe(time.Second, starting); is.Reason != "RollingOut" || len(d.warnings) != 1 || d.writes != 3 {
		t.Errorf("later Ready is %s after %d writes and the Warning Events %q, want RollingOut, 3 writes and one Event", is.Reason, d.writes, d.warnings)
	}
}

// TestNodeThatCleansUpSlowlyIsNotLost has a kubelet that has reported that the containers have ended.
func TestNodeThatCleansUpSlowlyIsNotLost(t *testing.T) {
	d := newDiagnosis(t)
	pod := d.pod(notReady, d.deleted)
	pod.Status.ContainerStatuses[0].State = terminated("Completed", 0, "")
	if d.follow(pod, 30*time.Second); len(d.warnings) != 0 {
		t.Errorf("the Warning Events are %q, want none", d.warnings)
	}
	d.expect(d.follow(pod, 30*time.Second), "PodStuck", "node node-1 does not finish its cleanup")
}

// TestBusyKubeletIsNotALostNode expects that a kubelet may take half a minute until it reports about a pod.
func TestBusyKubeletIsNotALostNode(t *testing.T) {
	d := newDiagnosis(t)
	d.gt.Status.Conditions = nil // a new tenant: it was never ready
	if is := d.follow(d.pod(unacknowledged), 25*time.Second); is.Reason != "RollingOut" || len(d.warnings) > 0 {
		t.Errorf("Ready is %s: %s; the Warning Events are %q, want none", is.Reason, is.Message, d.warnings)
	}
}

// TestNodeThatDoesNotConfirmADeletion expects NodeLost only if another fact shows it, since a kubelet may be slow and a forced deletion
// is dangerous.
func TestNodeThatDoesNotConfirmADeletion(t *testing.T) {
	unaccepted := func(pod *corev1.Pod) { pod.Status.StartTime, pod.Status.ContainerStatuses = nil, nil }
	for _, c := range []struct {
		name string
		pod  []func(*corev1.Pod)
		lost bool
	}{
		{"its containers are being created", nil, false},
		{"it is not ready", []func(*corev1.Pod){notReady}, false},
		{"drained", []func(*corev1.Pod){notReady, disrupted("EvictionByEvictionAPI", "")}, false},
		{"no kubelet has accepted it", []func(*corev1.Pod){unaccepted}, true},
		{"marked by the node controller", []func(*corev1.Pod){unreachable}, true},
		{"deleted because of a taint that may be a person's", []func(*corev1.Pod){notReady, disrupted("DeletionByTaintManager", "")}, false},
		{"deleted because its node is gone", []func(*corev1.Pod){notReady, disrupted("DeletionByPodGC", "")}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDiagnosis(t)
			is := d.follow(d.pod(append(c.pod, d.deleted)...), 20*time.Second)
			if c.lost != (is.Reason == "NodeLost") || c.lost != strings.Contains(is.Message, "--force") {
				t.Errorf("Ready is %s: %s; want NodeLost: %t", is.Reason, is.Message, c.lost)
			}
			if !c.lost && (is.Reason != "PodStuck" || !strings.Contains(is.Message, "node node-1 has not confirmed that it has ended") ||
				!strings.Contains(is.Message, "see: kubectl describe node node-1")) {
				t.Errorf("Ready is %s: %s; want PodStuck", is.Reason, is.Message)
			}
		})
	}
}

package gatewaytenant

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestStatusNamesObjectCauseAndRemedy has the causes that keep a gateway from serving, as a kubelet, a scheduler and a node controller
// report them. The status reports each within 20 seconds, in one write and with one Warning Event.
func TestStatusNamesObjectCauseAndRemedy(t *testing.T) {
	const describe, logs = "kubectl describe pod openshell-gateway-0 -n tenant-a", "kubectl logs openshell-gateway-0 -n tenant-a"
	nothing := corev1.ContainerState{}
	for _, c := range []struct {
		name   string
		pod    []func(*corev1.Pod)
		events [][2]string // reasons and messages
		within time.Duration
		reason string
		texts  []string
	}{
		{"memory limit", []func(*corev1.Pod){crashed("OOMKilled", 137, "step 5\n")}, nil, 0, "CrashLoop",
			[]string{"container openshell-gateway was killed because it exceeded its memory limit of 512Mi", logs, "kubectl patch pod openshell-gateway-0 -n tenant-a --subresource resize"}},
		{"liveness probe fails", []func(*corev1.Pod){crashed("Error", 137, "")}, [][2]string{
			{"Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503"},
			{"Unhealthy", `Liveness probe failed: Get "http://10.88.0.7:8081/healthz": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`},
			{"Killing", "Container openshell-gateway failed liveness probe, will be restarted"},
		}, 0, "CrashLoop", []string{"container openshell-gateway is restarted because its liveness probe fails (Error, exit code 137): GET /healthz on port 8081: context deadline exceeded", logs}},
		{"startup probe fails, and the gateway ends without an error on SIGTERM", []func(*corev1.Pod){crashed("Completed", 0, "")}, [][2]string{
			{"Killing", "Container openshell-gateway failed startup probe, will be restarted"},
		}, 0, "CrashLoop", []string{"its startup probe fails (Completed, exit code 0)", logs}},
		{"the gateway ends without an error and runs again", []func(*corev1.Pod){crashed("Completed", 0, ""), func(pod *corev1.Pod) {
			pod.Status.ContainerStatuses[0].State, pod.Status.ContainerStatuses[0].RestartCount = running(pod.Status.StartTime.Time), 2
		}}, nil, 0, "CrashLoop", []string{"container openshell-gateway ends, although it must keep running (Completed, exit code 0)", logs}},
		{"the probe of another container fails", []func(*corev1.Pod){crashed("Error", 137, "")}, [][2]string{
			{"Killing", "Container agent failed liveness probe, will be restarted"},
		}, 0, "CrashLoop", []string{"container openshell-gateway crashes (Error, exit code 137); see"}},
		{"the container cannot be started", []func(*corev1.Pod){crashed("StartError", 128, `exec: "gateway": not found`), func(pod *corev1.Pod) {
			pod.Status.ContainerStatuses[0].State = waiting("RunContainerError", "failed to create containerd task")
		}}, nil, 0, "CrashLoop", []string{`(StartError, exit code 128): exec: "gateway": not found`}},
		{"the postStart hook fails", []func(*corev1.Pod){crashed("Error", 137, ""), func(pod *corev1.Pod) {
			pod.Status.ContainerStatuses[0].State = waiting("PostStartHookError", "no route")
		}}, nil, 0, "CrashLoop", []string{"container openshell-gateway crashes (Error, exit code 137)"}},
		{"the gateway hangs", []func(*corev1.Pod){notReady}, nil, 20 * time.Second, "PodNotReady", []string{"container openshell-gateway runs, but is not ready: GET /readyz on port 8081", logs}},
		{"the node is lost", []func(*corev1.Pod){unreachable}, nil, 0, "NodeLost",
			[]string{"node node-1 is lost", "kubectl describe node node-1", "kubectl taint node node-1", "kubectl delete pod openshell-gateway-0 -n tenant-a --grace-period=0 --force", "two gateways"}},
		{"the node does not start the pod", []func(*corev1.Pod){unacknowledged}, nil, 35 * time.Second, "NodeLost", []string{"the pod is assigned to node node-1, but the kubelet there does not start it"}},
		{"a Secret is missing", nil, [][2]string{
			{"Scheduled", "Successfully assigned"},
			{"FailedMount", `MountVolume.SetUp failed for volume "tls-cert" : secret "openshell-server-tls" not found`},
			{"FailedMount", `Unable to attach or mount volumes: unmounted volumes=[tls-cert], unattached volumes=[kube-api-access-x7k2p]: timed out`},
		}, 20 * time.Second, "VolumeMountFailed", []string{`node node-1 cannot mount a volume of the pod: MountVolume.SetUp failed for volume "tls-cert" : secret "openshell-server-tls" not found`, describe}},
		{"the volume is attached to another node", nil, [][2]string{
			{"FailedAttachVolume", `Multi-Attach error for volume "pvc-6a01d4c8-0d2f-4c4d-9a3b-7d2a3f0e1b2c" Volume is already used by pod(s) openshell-gateway-0`},
		}, 20 * time.Second, "VolumeMountFailed", []string{`volume "pvc-6a01d4c8-0d2f-4c4d-9a3b-7d2a3f0e1b2c" Volume is already used`, "kubectl get volumeattachments"}},
		{"no network", nil, [][2]string{
			{"FailedCreatePodSandBox", "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox \"" + strings.Repeat("a1", 32) + "\": plugin type=\"x\" failed (add)"},
		}, 20 * time.Second, "PodStuck", []string{`node node-1 cannot start the pod: Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "…"`, describe}},
		{"init container crashes", []func(*corev1.Pod){injected(false, waiting("CrashLoopBackOff", "back-off 10s"), terminated("Error", 3, "no route"))}, nil, 0,
			"CrashLoop", []string{"init container mesh-proxy crashes (Error, exit code 3): no route", logs + " -c mesh-proxy --previous"}},
		{"init container has just ended", []func(*corev1.Pod){injected(false, terminated("Error", 3, "no route"), nothing)}, nil, 0,
			"CrashLoop", []string{"init container mesh-proxy crashes (Error, exit code 3): no route"}},
		{"the image of an init container cannot be pulled", []func(*corev1.Pod){injected(false, waiting("ErrImagePull", "not found"), nothing)}, nil, 0,
			"ImagePullFailed", []string{"image mesh:1 of init container mesh-proxy cannot be pulled: not found; correct the image of this container"}},
		{"init container hangs", []func(*corev1.Pod){injected(false, running(time.Unix(1_800_000_000, 0)), nothing)}, nil, 20 * time.Second,
			"PodStuck", []string{"init container mesh-proxy does not complete", logs + " -c mesh-proxy"}},
		{"sidecar crashes before the gateway", []func(*corev1.Pod){injected(true, waiting("CrashLoopBackOff", ""), terminated("Error", 2, "bad config"))}, nil, 0,
			"CrashLoop", []string{"sidecar container mesh-proxy crashes (Error, exit code 2): bad config"}},
		{"sidecar ends without an error", []func(*corev1.Pod){injected(true, terminated("Completed", 0, ""), nothing)}, nil, 0,
			"CrashLoop", []string{"sidecar container mesh-proxy ends, although it must keep running (Completed, exit code 0)"}},
		{"sidecar hangs before the gateway", []func(*corev1.Pod){injected(true, running(time.Unix(1_800_000_000, 0)), nothing)}, nil, 20 * time.Second,
			"PodStuck", []string{"sidecar container mesh-proxy does not pass its startup probe"}},
		{"another container crashes", []func(*corev1.Pod){withContainer(waiting("CrashLoopBackOff", ""), terminated("Error", 2, "bad config"))}, nil, 0,
			"CrashLoop", []string{"container agent crashes (Error, exit code 2): bad config", logs + " -c agent --previous"}},
		{"another container is not ready", []func(*corev1.Pod){withContainer(running(time.Unix(1_800_000_000, 0)), nothing)}, nil, 20 * time.Second,
			"PodNotReady", []string{"container agent runs, but does not pass its readiness probe", logs + " -c agent"}},
		{"invalid name of an image", []func(*corev1.Pod){func(pod *corev1.Pod) {
			pod.Status.ContainerStatuses[0].State = waiting("InvalidImageName", "couldn't parse")
		}}, nil, 0, "ImagePullFailed", []string{"image gateway:1 of container openshell-gateway cannot be pulled: couldn't parse; correct spec.image"}},
		{"a readiness gate is not ready", []func(*corev1.Pod){ready, func(pod *corev1.Pod) {
			pod.Status.Conditions[1] = corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "ReadinessGatesNotReady", Message: `condition "mesh" does not exist`}
		}}, nil, 0, "PodNotReady", []string{`a readiness gate is not ready: condition "mesh" does not exist`, describe}},
		{"eviction by the kubelet", []func(*corev1.Pod){crashed("Error", 137, ""), disrupted("TerminationByKubelet", "The node was low on resource: memory."), func(pod *corev1.Pod) {
			pod.Status.Phase, pod.Status.Reason, pod.Status.Message = corev1.PodFailed, "Evicted", "The node was low on resource: memory."
		}}, nil, 0, "PodEvicted", []string{"the pod was ended by the kubelet of node node-1: The node was low on resource: memory.", describe}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDiagnosis(t)
			pod := d.pod(c.pod...)
			d.gt.Status.Conditions = nil // a new tenant: it was never ready
			for _, event := range c.events {
				d.server.events = append(d.server.events, d.event(event[0], event[1]))
			}
			d.follow(pod, c.within)
			writes := d.writes
			d.expect(d.follow(pod, 5*time.Minute), c.reason, c.texts...)
			if d.writes != writes || writes > 2 { // the first one reports that the pod is being started
				t.Errorf("the status is written %d times within %s and %d times in total, want the same number and at most 2", writes, c.within, d.writes)
			}
		})
	}
}

// TestDeletedPodHasNotCrashed expects no problem from the way in which the containers of a deleted pod end.
func TestDeletedPodHasNotCrashed(t *testing.T) {
	d := newDiagnosis(t)
	pod := d.pod(crashed("Error", 143, ""), d.deleted)
	pod.Status.ContainerStatuses[0].State = terminated("Error", 143, "")
	if is := d.observe(time.Second, pod); len(d.warnings) != 0 {
		t.Errorf("Ready is %s: %s; the Warning Events are %q, want none", is.Reason, is.Message, d.warnings)
	}
	pod.Finalizers = []string{"example.com/wait"}
	d.expect(d.follow(pod, 20*time.Second), "PodStuck", "finalizers example.com/wait", "kubectl get pod openshell-gateway-0 -n tenant-a -o yaml")
}

// TestHangAfterAnEarlierCrash expects the hang as the cause, and not the crash before the gateway served.
func TestHangAfterAnEarlierCrash(t *testing.T) {
	d := newDiagnosis(t)
	pod := d.pod(notReady)
	pod.Status.ContainerStatuses[0].LastTerminationState = terminated("Error", 1, "an hour ago")
	pod.Status.ContainerStatuses[0].RestartCount = 1
	d.clock = d.clock.Add(time.Hour)
	pod.Status.Conditions[1].LastTransitionTime = metav1.NewTime(d.clock)
	d.expect(d.follow(pod, time.Minute), "PodNotReady", "/readyz")
}

// TestHangOfAReadyGatewayIsReportedImmediately follows a gateway that has started, so a slow start is not the cause.
func TestHangOfAReadyGatewayIsReportedImmediately(t *testing.T) {
	d := newDiagnosis(t)
	d.observe(0, d.pod(ready))
	pod := d.pod(notReady)
	d.clock = d.clock.Add(8 * time.Second)
	pod.Status.Conditions[1].LastTransitionTime = metav1.NewTime(d.clock)
	d.expect(d.observe(0, pod), "PodNotReady", "/readyz")
	if d.follow(pod, time.Minute); d.writes != 1 {
		t.Errorf("the status is written %d times, want once", d.writes)
	}
}

// TestSuccessorOfAPodThatServed expects no Event while the new pod is not ready yet, and one that reports why it does not start.
func TestSuccessorOfAPodThatServed(t *testing.T) {
	d := newDiagnosis(t)
	d.observe(0, d.pod(ready))
	d.observe(time.Second, d.pod(notReady, d.deleted))
	d.observe(time.Second, nil)
	pending := d.pod(func(pod *corev1.Pod) {
		pod.Spec.NodeName, pod.Status = "", corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/1 nodes are available: 1 node(s) were unschedulable.", LastTransitionTime: metav1.NewTime(d.clock),
		}}}
	})
	if d.observe(time.Second, pending); len(d.warnings) > 0 {
		t.Errorf("the Warning Events are %q, want none", d.warnings)
	}
	d.expect(d.follow(pending, 20*time.Second), "Unschedulable", "node(s) were unschedulable")
}

// TestMessageStaysWhileTheClusterGrows has messages of a scheduler, which counts nodes and orders the causes by these counts.
func TestMessageStaysWhileTheClusterGrows(t *testing.T) {
	d := newDiagnosis(t)
	d.gt.Status.Conditions = nil
	for _, message := range []string{
		"0/12 nodes are available: 3 Insufficient cpu, 9 node(s) had untolerated taint(s). preemption: 0/12 nodes are available: 12 Preemption is not helpful for scheduling.",
		"0/22 nodes are available: 10 node(s) had untolerated taint(s), 12 Insufficient cpu. preemption: 0/22 nodes are available: 1 Preemption is not helpful for scheduling, 21 No preemption victims found for incoming pod.",
		"0/22 nodes are available: 10 node(s) had untolerated taint(s), 12 Insufficient cpu. no new claims to deallocate, preemption: 0/22 nodes are available: 1 Preemption is not helpful for scheduling.",
	} {
		pod := d.pod(func(pod *corev1.Pod) {
			pod.Spec.NodeName, pod.Status.StartTime, pod.Status.ContainerStatuses = "", nil, nil
			pod.Status.Conditions = []corev1.PodCondition{{
				Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: message, LastTransitionTime: metav1.Unix(1_800_000_000, 0),
			}}
		})
		d.follow(pod, 20*time.Second)
	}
	d.expect(d.observe(0, d.lastPod()), "Unschedulable", "no node is available: Insufficient cpu, node(s) had untolerated taint(s); make room on the nodes, or see: kubectl describe pod openshell-gateway-0 -n tenant-a")
	if d.writes > 2 {
		t.Errorf("the status is written %d times, want at most 2", d.writes)
	}
}

// TestHealthyGatewayNeedsNoRead counts requests for a gateway that starts, serves, and is replaced.
func TestHealthyGatewayNeedsNoRead(t *testing.T) {
	d := newDiagnosis(t)
	for _, pod := range []*corev1.Pod{d.pod(ready), nil, d.pod(), d.pod(notReady), d.pod(ready), d.pod(ready, d.deleted)} {
		d.observe(time.Second, pod)
	}
	if d.server.reads > 0 || len(d.warnings) > 0 {
		t.Errorf("there are %d reads and the Warning Events %q, want none", d.server.reads, d.warnings)
	}
}

// TestManyStartingTenantsNeedNoRead expects more patience while a thousand pods are created, since each takes longer because of the
// others.
func TestManyStartingTenantsNeedNoRead(t *testing.T) {
	d := newDiagnosis(t)
	d.backlog.tenants = 1000
	d.follow(d.pod(), 4*time.Minute)
	if d.server.reads > 0 {
		t.Errorf("there are %d reads, want none", d.server.reads)
	}
}

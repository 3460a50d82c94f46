package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
)

// step is a step of the kubelet without the waits before it. It returns what the pod's containers do then, and the Events.
func step(t *testing.T, k *kubelet, pod *corev1.Pod, m *memory) string {
	t.Helper()
	m.due = time.Time{}
	status, _ := k.next(t.Context(), pod, m)
	if status != nil {
		pod.Status = *status
	}
	text := string(pod.Status.Phase)
	for _, c := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		switch s := c.State; {
		case s.Waiting != nil:
			text += " " + s.Waiting.Reason
		case s.Running != nil:
			text += fmt.Sprintf(" running(ready=%v)", c.Ready)
		case s.Terminated != nil:
			text += fmt.Sprintf(" terminated(%d %s)", s.Terminated.ExitCode, s.Terminated.Reason)
		}
		if last := c.LastTerminationState.Terminated; last != nil {
			text += fmt.Sprintf("[after %d %s, restart %d]", last.ExitCode, last.Reason, c.RestartCount)
		}
	}
	for {
		select {
		case event := <-k.recorder.(*events.FakeRecorder).Events:
			text += " | " + event
			continue
		default:
			return text
		}
	}
}

// check takes a step for each of the wanted texts, which it expects to be contained in what happens.
func check(t *testing.T, k *kubelet, pod *corev1.Pod, m *memory, want ...string) {
	t.Helper()
	for i, want := range want {
		if got := step(t, k, pod, m); !strings.Contains(got, want) {
			t.Errorf("step %d: %s; want %s", i+1, got, want)
		}
	}
}

func gatewayOf(image string, annotations map[string]string) (*kubelet, *corev1.Pod) {
	pod := podOf(image)
	yes := true
	pod.OwnerReferences = append(pod.OwnerReferences, ownerOf("StatefulSet", &yes))
	pod.Labels = map[string]string{"app.kubernetes.io/name": "openshell", "app.kubernetes.io/component": "gateway"}
	pod.Spec.Volumes = pod.Spec.Volumes[:0] // gateways without a volume need nothing but their image
	pod.Annotations = annotations
	k := kubeletWith(nil)
	k.recorder = events.NewFakeRecorder(10)
	return k, pod
}

func TestCrashEndsTheContainerBeforeItWaits(t *testing.T) {
	k, pod := gatewayOf("gateway:0.0.71-crashes", nil)
	m := &memory{seen: time.Now()}
	check(t, k, pod, m,
		"Running terminated(1 Error)",
		"Running CrashLoopBackOff[after 1 Error, restart 1] | Warning BackOff",
		"Running terminated(1 Error)[after 1 Error, restart 1]",
		"Running CrashLoopBackOff[after 1 Error, restart 2]",
	)
}

func TestFaultsByAnnotation(t *testing.T) {
	for fault, want := range map[string]string{
		"oom":          "terminated(137 OOMKilled)",
		"liveness":     "terminated(137 Error) | Warning Unhealthy Liveness probe failed: Get \"http://10.",
		"unready":      "running(ready=false) | Warning Unhealthy Readiness probe failed",
		"crash=no way": "terminated(1 Error)",
	} {
		k, pod := gatewayOf("gateway:0.0.71", map[string]string{annotationFault: fault})
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		check(t, k, pod, &memory{seen: time.Now()}, want)
		if end := pod.Status.ContainerStatuses[0].State.Terminated; fault == "crash=no way" && end.Message != "no way" {
			t.Errorf("it ends with %q", end.Message)
		}
	}
}

func TestMountsByAnnotation(t *testing.T) {
	k, pod := gatewayOf("gateway:0.0.71-hangs", map[string]string{annotationMountFailure: "FailedAttachVolume: Multi-Attach error"})
	m := &memory{seen: time.Now()}
	check(t, k, pod, m,
		"Pending ContainerCreating | Warning FailedAttachVolume Multi-Attach error",
		"Pending ContainerCreating | Warning FailedAttachVolume")
	pod.Annotations = map[string]string{annotationMountDelay: "1h"}
	check(t, k, pod, m, "Pending ContainerCreating")
	pod.Annotations[annotationMountDelay] = "1ms"
	m.seen = time.Now().Add(-time.Second)
	check(t, k, pod, m, "Running running(ready=false)")
}

func TestInitContainers(t *testing.T) {
	for _, c := range []struct {
		tags []string
		want []string
	}{
		{[]string{"good"}, []string{"Running terminated(0 Completed) running(ready=false)"}},
		{[]string{"good", "-crashes"}, []string{
			"Pending terminated(0 Completed) terminated(1 Error) PodInitializing",
			"Pending terminated(0 Completed) CrashLoopBackOff[after 1 Error, restart 1] PodInitializing | Warning BackOff",
		}},
		{[]string{"-never-pulls"}, []string{"Pending ErrImagePull PodInitializing | Warning Failed", "Pending ImagePullBackOff PodInitializing"}},
		{[]string{"-hangs"}, []string{"Pending running(ready=false) PodInitializing"}},
	} {
		k, pod := gatewayOf("gateway:0.0.71-hangs", nil)
		for i, tag := range c.tags {
			pod.Spec.InitContainers = append(pod.Spec.InitContainers, corev1.Container{Name: fmt.Sprint("init-", i), Image: "mesh:" + tag})
		}
		check(t, k, pod, &memory{seen: time.Now()}, c.want...)
	}
}

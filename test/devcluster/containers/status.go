package main

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// begin is the status of a pod that the kubelet has just seen: its containers are being created.
func begin(pod *corev1.Pod) *corev1.PodStatus {
	status := pod.Status.DeepCopy()
	if status.StartTime == nil {
		now := metav1.Now()
		status.StartTime = &now
		status.HostIP = "127.0.0.1"
		status.HostIPs = []corev1.HostIP{{IP: status.HostIP}}
	}
	if len(status.ContainerStatuses) == 0 {
		for _, container := range pod.Spec.Containers {
			status.ContainerStatuses = append(status.ContainerStatuses, corev1.ContainerStatus{
				Name: container.Name, Image: container.Image,
				State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}},
			})
		}
	}
	setCondition(status, corev1.PodInitialized, true)
	return status
}

// waiting is a pod whose container does not run.
func waiting(pod *corev1.Pod, reason, message string) *corev1.PodStatus {
	status := begin(pod)
	container := &status.ContainerStatuses[0]
	container.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	container.Ready = false
	no := false
	container.Started = &no
	if status.Phase == "" {
		status.Phase = corev1.PodPending
	}
	setReady(status, false)
	return status
}

// running is a pod whose containers run, and are ready or not.
func running(pod *corev1.Pod, ready bool) *corev1.PodStatus {
	status := begin(pod)
	status.Phase = corev1.PodRunning
	status.PodIP = podIP(pod)
	status.PodIPs = []corev1.PodIP{{IP: status.PodIP}}
	for i := range status.ContainerStatuses {
		container := &status.ContainerStatuses[i]
		if container.State.Running == nil {
			container.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}
		}
		container.Ready = ready
		yes := true
		container.Started = &yes
	}
	setReady(status, ready)
	return status
}

// podIP is an address of the pod's own, where nothing answers. A loopback address would not do: the API server refuses
// it in EndpointSlices, and their controller would try again for ever.
func podIP(pod *corev1.Pod) string {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(pod.UID)) // a hash does not fail
	sum := hash.Sum(nil)
	return netip.AddrFrom4([4]byte{10, sum[1] | 128, sum[2], sum[3]}).String()
}

// crashed is a pod whose container ended and is not started again for now.
func crashed(pod *corev1.Pod, code int32, message, backOff string) *corev1.PodStatus {
	status := waiting(pod, "CrashLoopBackOff", fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)",
		backOff, pod.Spec.Containers[0].Name, pod.Name, pod.Namespace, pod.UID))
	status.Phase = corev1.PodRunning
	container := &status.ContainerStatuses[0]
	container.RestartCount++
	container.LastTerminationState = corev1.ContainerState{Terminated: terminated(code, message, time.Now(), time.Now())}
	return status
}

// over is a pod whose container ended for good.
func over(pod *corev1.Pod, run *program) *corev1.PodStatus {
	status := begin(pod)
	status.Phase = corev1.PodSucceeded
	if run.code != 0 {
		status.Phase = corev1.PodFailed
	}
	container := &status.ContainerStatuses[0]
	container.State = corev1.ContainerState{Terminated: terminated(int32(run.code), run.message, run.started, run.ends)} //nolint:gosec // an exit code
	container.Ready = false
	no := false
	container.Started = &no
	setReady(status, false)
	return status
}

// cutOff is a pod that was deleted before it was over.
func cutOff(pod *corev1.Pod, run *program) *corev1.PodStatus {
	if run == nil {
		run = &program{started: time.Now(), ends: time.Now(), code: 137}
	}
	return over(pod, run)
}

func terminated(code int32, message string, from, to time.Time) *corev1.ContainerStateTerminated {
	reason := "Completed"
	if code != 0 {
		reason = "Error"
	}
	return &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message, StartedAt: metav1.NewTime(from), FinishedAt: metav1.NewTime(to)}
}

func setReady(status *corev1.PodStatus, ready bool) {
	setCondition(status, corev1.ContainersReady, ready)
	setCondition(status, corev1.PodReady, ready)
}

func setCondition(status *corev1.PodStatus, condition corev1.PodConditionType, is bool) {
	value := corev1.ConditionFalse
	if is {
		value = corev1.ConditionTrue
	}
	for i := range status.Conditions {
		if c := &status.Conditions[i]; c.Type == condition {
			if c.Status != value {
				c.Status, c.LastTransitionTime = value, metav1.Now()
			}
			return
		}
	}
	status.Conditions = append(status.Conditions, corev1.PodCondition{Type: condition, Status: value, LastTransitionTime: metav1.Now()})
}

func sameStatus(a, b *corev1.PodStatus) bool { return equality.Semantic.DeepEqual(a, b) }

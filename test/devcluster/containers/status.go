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

// begin returns the status of a pod whose volumes are mounted or about to be, and whose init containers before this one
// have succeeded.
func begin(pod *corev1.Pod, which container) *corev1.PodStatus {
	status := pod.Status.DeepCopy()
	if status.StartTime == nil {
		now := metav1.Now()
		status.StartTime = &now
		status.HostIP = "127.0.0.1"
		status.HostIPs = []corev1.HostIP{{IP: status.HostIP}}
	}
	reason := creating
	if len(pod.Spec.InitContainers) > 0 {
		reason = initializingReason
	}
	if len(status.ContainerStatuses) == 0 {
		status.ContainerStatuses = waitingStatuses(pod.Spec.Containers, reason)
		status.InitContainerStatuses = waitingStatuses(pod.Spec.InitContainers, reason)
	}
	for i := range status.InitContainerStatuses {
		if which == first || container(i) < which {
			succeed(&status.InitContainerStatuses[i], pod.Spec.InitContainers[i].RestartPolicy != nil)
		}
	}
	setCondition(status, corev1.PodInitialized, which == first)
	return status
}

func waitingStatuses(containers []corev1.Container, reason string) []corev1.ContainerStatus {
	statuses := make([]corev1.ContainerStatus, 0, len(containers))
	for _, container := range containers {
		statuses = append(statuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}},
		})
	}
	return statuses
}

// succeed sets the status of an init container that has succeeded, or of a sidecar that runs.
func succeed(status *corev1.ContainerStatus, sidecar bool) {
	if status.Ready {
		return
	}
	yes := sidecar
	status.Ready, status.Started = true, &yes
	if sidecar {
		status.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}
	} else {
		status.State = corev1.ContainerState{Terminated: terminated(end{}, time.Now(), time.Now())}
	}
}

// The reasons of containers that wait for a pod's volumes and for its init containers.
const (
	creating           = "ContainerCreating"
	initializingReason = "PodInitializing"
)

// waiting returns the status of a pod one of whose containers does not run.
func waiting(pod *corev1.Pod, which container, reason, message string) *corev1.PodStatus {
	return stopped(pod, which, corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}})
}

// mounting returns the status of a pod whose volumes are not mounted yet.
func mounting(pod *corev1.Pod) *corev1.PodStatus {
	if len(pod.Spec.InitContainers) > 0 {
		return waiting(pod, 0, initializingReason, "")
	}
	return waiting(pod, first, creating, "")
}

// ended returns the status of a pod one of whose containers has just ended.
func ended(pod *corev1.Pod, which container, e end) *corev1.PodStatus {
	status := stopped(pod, which, corev1.ContainerState{Terminated: terminated(e, time.Now(), time.Now())})
	if which == first {
		status.Phase = corev1.PodRunning
	}
	return status
}

// stopped returns the status of a pod one of whose containers is in this state and does not run.
func stopped(pod *corev1.Pod, which container, state corev1.ContainerState) *corev1.PodStatus {
	status := begin(pod, which)
	container := which.status(status)
	container.State, container.Ready = state, false
	no := false
	container.Started = &no
	if status.Phase == "" {
		status.Phase = corev1.PodPending
	}
	setReady(status, false)
	return status
}

// initializing returns the status of a pod one of whose init containers runs.
func initializing(pod *corev1.Pod, which container) *corev1.PodStatus {
	status := stopped(pod, which, corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}})
	if before := which.status(&pod.Status); before != nil && before.State.Running != nil {
		which.status(status).State = before.State
	}
	return status
}

// running is a pod whose containers run, and are ready or not.
func running(pod *corev1.Pod, ready bool) *corev1.PodStatus {
	status := begin(pod, first)
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

// crashed returns the status of a pod one of whose containers has ended and waits before it starts again.
func crashed(pod *corev1.Pod, which container, e end, backOff string) *corev1.PodStatus {
	status := waiting(pod, which, "CrashLoopBackOff", fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)",
		backOff, which.spec(pod).Name, pod.Name, pod.Namespace, pod.UID))
	if which == first {
		status.Phase = corev1.PodRunning
	}
	container := which.status(status)
	container.RestartCount++
	container.LastTerminationState = corev1.ContainerState{Terminated: terminated(e, time.Now(), time.Now())}
	if before := which.status(&pod.Status); before != nil && before.State.Terminated != nil {
		container.LastTerminationState.Terminated = before.State.Terminated
	}
	return status
}

// over is a pod whose container ended for good.
func over(pod *corev1.Pod, run *program) *corev1.PodStatus {
	status := begin(pod, first)
	status.Phase = corev1.PodSucceeded
	if run.code != 0 {
		status.Phase = corev1.PodFailed
	}
	container := &status.ContainerStatuses[0]
	e := end{code: int32(run.code), message: run.message} //nolint:gosec // an exit code
	container.State = corev1.ContainerState{Terminated: terminated(e, run.started, run.ends)}
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

func terminated(e end, from, to time.Time) *corev1.ContainerStateTerminated {
	reason := e.reason
	switch {
	case reason != "":
	case e.code == 0:
		reason = "Completed"
	default:
		reason = "Error"
	}
	return &corev1.ContainerStateTerminated{
		ExitCode: e.code, Reason: reason, Message: e.message, StartedAt: metav1.NewTime(from), FinishedAt: metav1.NewTime(to),
	}
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

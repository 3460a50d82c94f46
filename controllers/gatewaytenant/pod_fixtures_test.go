package gatewaytenant

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// pod returns a pod of the gateway on a node, whose containers are being created.
func (d *diagnosis) pod(change ...func(*corev1.Pod)) *corev1.Pod {
	started := metav1.NewTime(d.clock)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: manifests.PodName, Namespace: d.gt.Namespace, UID: "pod", Labels: map[string]string{"controller-revision-hash": "r"},
			OwnerReferences: []metav1.OwnerReference{{UID: "set", Controller: new(true)}},
		},
		Spec: corev1.PodSpec{NodeName: "node-1", RestartPolicy: corev1.RestartPolicyAlways, Containers: []corev1.Container{{
			Name:      manifests.GatewayName,
			Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")}},
		}}},
		Status: corev1.PodStatus{
			Phase: corev1.PodPending, StartTime: &started,
			Conditions: []corev1.PodCondition{
				{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: started},
				{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "ContainersNotReady", Message: "containers with unready status: [openshell-gateway]"},
				{Type: corev1.ContainersReady, Status: corev1.ConditionFalse, Reason: "ContainersNotReady"},
			},
			ContainerStatuses: []corev1.ContainerStatus{{Name: manifests.GatewayName, Image: "gateway:1", State: waiting("ContainerCreating", "")}},
		},
	}
	for _, one := range change {
		one(pod)
	}
	return pod
}

// ready makes a pod as a kubelet reports it when the gateway serves.
func ready(pod *corev1.Pod) {
	pod.Status.Phase = corev1.PodRunning
	pod.Status.ContainerStatuses[0].State = running(pod.Status.StartTime.Time)
	pod.Status.ContainerStatuses[0].Ready, pod.Status.ContainerStatuses[0].Started = true, new(true)
	for i := range pod.Status.Conditions {
		pod.Status.Conditions[i].Status, pod.Status.Conditions[i].Reason, pod.Status.Conditions[i].Message = corev1.ConditionTrue, "", ""
	}
}

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

func running(since time.Time) corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(since)}}
}

func terminated(reason string, code int32, message string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reason, ExitCode: code, Message: message}}
}

// notReady makes a pod as a kubelet reports it when a container of a running pod is not ready.
func notReady(pod *corev1.Pod) {
	ready(pod)
	pod.Status.ContainerStatuses[0].Ready = false
	for i := 1; i < 3; i++ {
		pod.Status.Conditions[i].Status, pod.Status.Conditions[i].Reason = corev1.ConditionFalse, "ContainersNotReady"
	}
}

// crashed makes a pod as a kubelet reports it when the gateway has ended and waits to be started again.
func crashed(reason string, code int32, message string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		notReady(pod)
		container := &pod.Status.ContainerStatuses[0]
		container.State, container.LastTerminationState = waiting("CrashLoopBackOff", "back-off 10s"), terminated(reason, code, message)
		ended := container.LastTerminationState.Terminated
		ended.StartedAt, ended.FinishedAt = *pod.Status.StartTime, *pod.Status.StartTime
	}
}

// unreachable makes a ready pod as the node controller leaves it when the node does not report: only Ready changes.
func unreachable(pod *corev1.Pod) {
	ready(pod)
	pod.Status.Conditions[1].Status = corev1.ConditionFalse
}

// unacknowledged makes a pod as it is until the kubelet of its node reports about it for the first time.
func unacknowledged(pod *corev1.Pod) {
	pod.Status.StartTime, pod.Status.ContainerStatuses = nil, nil
	pod.Status.Conditions = pod.Status.Conditions[:1]
}

// disrupted makes a pod as it is when the cluster has decided to end it.
func disrupted(reason, message string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: reason, Message: message})
	}
}

func (d *diagnosis) deleted(pod *corev1.Pod) {
	deleted := metav1.NewTime(d.clock.Add(5 * time.Second))
	pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = &deleted, new(int64(5))
}

// injected adds an init container in a state. Until it has completed, the gateway waits.
func injected(sidecar bool, state, last corev1.ContainerState) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		spec := corev1.Container{Name: "mesh-proxy"}
		if sidecar {
			spec.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
		}
		pod.Spec.InitContainers = []corev1.Container{{Name: "done"}, spec}
		pod.Status.InitContainerStatuses = []corev1.ContainerStatus{
			{Name: "done", Ready: true, State: terminated("Completed", 0, "")},
			{Name: "mesh-proxy", Image: "mesh:1", State: state, LastTerminationState: last, Started: new(false)},
		}
		pod.Status.ContainerStatuses[0].State = waiting("PodInitializing", "")
	}
}

// withContainer adds a container that other software has injected.
func withContainer(state, last corev1.ContainerState) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.Phase, pod.Status.ContainerStatuses[0].Ready = corev1.PodRunning, true
		pod.Status.ContainerStatuses[0].State, pod.Status.ContainerStatuses[0].Started = running(pod.Status.StartTime.Time), new(true)
		pod.Status.ContainerStatuses = append([]corev1.ContainerStatus{{Name: "agent", Image: "agent:1", State: state, LastTerminationState: last, Started: new(true)}}, pod.Status.ContainerStatuses...)
	}
}

func (d *diagnosis) event(reason, message string) corev1.Event {
	return corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: reason}, InvolvedObject: corev1.ObjectReference{UID: "pod", FieldPath: "spec.containers{openshell-gateway}"},
		Reason: reason, Message: message, LastTimestamp: metav1.NewTime(d.clock),
	}
}

package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// TestFailedStarts finds what a container does by itself, and not what a fault does to it.
func TestFailedStarts(t *testing.T) {
	pod := func(uid types.UID, status corev1.ContainerStatus) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: uid}, Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{status}}}
	}
	ended := func(message string) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Message: message}}
	}
	waits := func(reason string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
	}
	runs := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	for _, test := range []struct {
		name   string
		states []*corev1.Pod
		want   []string
	}{
		{"a fault restarts it", []*corev1.Pod{
			{}, pod("1", corev1.ContainerStatus{State: waits("ContainerCreating")}), pod("1", corev1.ContainerStatus{State: runs}),
			pod("1", corev1.ContainerStatus{State: ended(restartMessage)}),
			pod("1", corev1.ContainerStatus{State: waits("CrashLoopBackOff"), LastTerminationState: ended(restartMessage), RestartCount: 1}),
			pod("1", corev1.ContainerStatus{State: runs, LastTerminationState: ended(restartMessage), RestartCount: 1}),
			pod("2", corev1.ContainerStatus{State: waits("ContainerCreating")}),
		}, nil},
		{"it ends by itself", []*corev1.Pod{
			pod("1", corev1.ContainerStatus{State: ended("no file")}), pod("1", corev1.ContainerStatus{State: runs, LastTerminationState: ended("no file")}),
		}, []string{"the gateway's container ended by itself: exit code 1: no file"}},
		{"its file is gone", []*corev1.Pod{
			pod("1", corev1.ContainerStatus{State: runs}), pod("1", corev1.ContainerStatus{State: waits("ContainerCreating")}),
		}, []string{"the gateway's pod could not mount its volumes again when its container was restarted"}},
	} {
		if diff := cmp.Diff(test.want, failedStarts(test.states)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

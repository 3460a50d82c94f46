package observe

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// longText is a text that is longer than what any cache keeps.
var longText = strings.Repeat("x", 1<<20) + "END"

// largePod returns a pod with more of everything than a cache keeps.
func largePod() *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: manifests.PodName, Annotations: map[string]string{"a": longText}, Labels: map[string]string{"a": "b"}}}
	for i := range 1000 {
		pod.OwnerReferences = append(pod.OwnerReferences, metav1.OwnerReference{Name: fmt.Sprint(i)})
		pod.Finalizers = append(pod.Finalizers, fmt.Sprint(i))
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, corev1.Container{Name: fmt.Sprint(i), Image: "x", Command: []string{longText[:100]}})
		pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses, corev1.ContainerStatus{Name: fmt.Sprint(i), State: waiting("r", longText[:maxMessage+1])})
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: fmt.Sprint(i), State: waiting("r", "START")})
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: corev1.PodConditionType(fmt.Sprint(i))})
	}
	pod.OwnerReferences = append(pod.OwnerReferences, metav1.OwnerReference{Name: longText, UID: "set", Controller: new(true)})
	end := &corev1.ContainerStateTerminated{Reason: longText, Message: longText, ExitCode: 1}
	pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
		Name: manifests.GatewayName, Image: longText, State: corev1.ContainerState{Terminated: end}, LastTerminationState: corev1.ContainerState{Terminated: end},
	})
	pod.Status.ContainerStatuses[0].State = waiting(longText, "START"+longText)
	pod.Status.Reason, pod.Status.Message = longText, "START"+longText
	pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: longText, Message: "START" + longText})
	return pod
}

// keptPod returns what the cache keeps of a pod.
func keptPod(t *testing.T, pod *corev1.Pod) *corev1.Pod {
	t.Helper()
	kept, err := keepPod(pod)
	if err != nil {
		t.Fatal(err)
	}
	return kept.(*corev1.Pod)
}

// TestCacheOfPodsIsBounded expects some kilobytes of each pod, with its controller and the texts that explain why it does not run.
func TestCacheOfPodsIsBounded(t *testing.T) {
	kept := keptPod(t, largePod())
	if kept.Size() > 28<<10 {
		t.Errorf("%d bytes of a pod are kept", kept.Size())
	}
	if !metav1.IsControlledBy(kept, &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{UID: "set"}}) {
		t.Errorf("the controller is dropped from %v", kept.OwnerReferences)
	}
	gateway := kept.Status.ContainerStatuses[len(kept.Status.ContainerStatuses)-1]
	for _, ended := range []*corev1.ContainerStateTerminated{gateway.State.Terminated, gateway.LastTerminationState.Terminated} {
		if len(ended.Message) != maxMessage || !strings.HasSuffix(ended.Message, "END") {
			t.Errorf("%d bytes of the gateway's termination message are kept, which end with %q", len(ended.Message), ended.Message[len(ended.Message)-3:])
		}
	}
	for _, message := range []string{kept.Status.Message, kept.Status.ContainerStatuses[0].State.Waiting.Message, kept.Status.Conditions[0].Message} {
		if len(message) != maxMessage || !strings.HasPrefix(message, "START") {
			t.Errorf("%d bytes of a message are kept, which begin with %q", len(message), message[:5])
		}
	}
}

// TestTerminationMessageOfCachedPod expects the termination message of the last end of the gateway.
func TestTerminationMessageOfCachedPod(t *testing.T) {
	ended := func(message string) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Message: message}}
	}
	running, backOff := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, waiting("CrashLoopBackOff", "")
	for _, c := range []struct {
		name      string
		container corev1.ContainerStatus
		want      string
	}{
		{"it has not ended", corev1.ContainerStatus{Name: manifests.GatewayName, State: running}, ""},
		{"it has just ended", corev1.ContainerStatus{Name: manifests.GatewayName, State: ended("now"), LastTerminationState: ended("before")}, "now"},
		{"it ended without a message", corev1.ContainerStatus{Name: manifests.GatewayName, State: ended(""), LastTerminationState: ended("before")}, ""},
		{"it ended before and waits", corev1.ContainerStatus{Name: manifests.GatewayName, State: backOff, LastTerminationState: ended("before")}, "before"},
		{"it ended before and runs", corev1.ContainerStatus{Name: manifests.GatewayName, State: running, LastTerminationState: ended("before")}, ""},
		{"it is ready again", corev1.ContainerStatus{Name: manifests.GatewayName, Ready: true, State: running, LastTerminationState: ended("before")}, ""},
		{"another container ended", corev1.ContainerStatus{Name: "mesh", State: ended("now")}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			pod := keptPod(t, &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{c.container}}})
			if is := diagnose.TerminationMessage(pod); is != c.want {
				t.Errorf("the termination message is %q, want %q", is, c.want)
			}
		})
	}
	t.Run("no pod exists", func(t *testing.T) {
		if is := diagnose.TerminationMessage(nil); is != "" {
			t.Errorf("the termination message is %q", is)
		}
	})
}

// TestReadEventsAreBounded expects some kilobytes of an Event that is read.
func TestReadEventsAreBounded(t *testing.T) {
	l := newLookupTest()
	l.server.events = []corev1.Event{{Message: longText}}
	events, err := l.refusedPods(t.Context(), &appsv1.StatefulSet{})
	if err != nil || len(events) != 1 || events[0].Size() > 4<<10 {
		t.Errorf("%d Events are read (%v), want one of at most 4 KiB", len(events), err)
	}
}

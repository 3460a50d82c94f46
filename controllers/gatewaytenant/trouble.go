package gatewaytenant

import (
	"fmt"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// trouble is why a pod does not do its work, in the cluster's own words; zero: nothing is known to be wrong.
type trouble struct {
	reason, words string
	since         metav1.Time // zero: it counts at once
}

// jobTrouble says why a Job does not do its work. The last pod that failed has most to say, then one that does not
// start, then why there is none.
func jobTrouble(job *batchv1.Job, pods []corev1.Pod, events []corev1.Event) trouble {
	var failed, stuck *corev1.Pod
	for i := range pods {
		pod := &pods[i]
		if !metav1.IsControlledBy(pod, job) {
			continue
		}
		switch {
		case pod.Status.Phase == corev1.PodFailed && (failed == nil || failed.CreationTimestamp.Before(&pod.CreationTimestamp)):
			failed = pod
		case podTrouble(pod) != trouble{}:
			stuck = pod
		}
	}
	switch ended := jobCondition(job, batchv1.JobFailed); {
	case failed != nil:
		return podTrouble(failed)
	case stuck != nil:
		return podTrouble(stuck)
	case ended != nil:
		return trouble{words: "its Job failed: " + ended.Message}
	case job.Status.Active == 0:
		return refusal(job, events, nil)
	}
	return trouble{}
}

// gatewayTrouble says why the gateway's pod does not serve, and what to do. The pod is nil if there is none.
func gatewayTrouble(pod *corev1.Pod, claim *corev1.PersistentVolumeClaim) trouble {
	if pod == nil {
		return trouble{}
	}
	found := podTrouble(pod)
	if found.reason == v1alpha1.ReasonUnschedulable && claim != nil && claim.Status.Phase == corev1.ClaimPending {
		found.reason = v1alpha1.ReasonVolumePending
		found.words = fmt.Sprintf("its volume claim %s is not bound; see: kubectl describe pvc %[1]s (%s)", claim.Name, found.words)
	}
	return found
}

// podTrouble says why a pod does not run, or how it failed.
func podTrouble(pod *corev1.Pod) trouble {
	for _, container := range pod.Status.ContainerStatuses {
		if found := containerTrouble(&container); found != (trouble{}) {
			return found
		}
	}
	if pod.Status.Phase == corev1.PodFailed { // evicted, for instance: no container tells
		return trouble{reason: v1alpha1.ReasonPodFailed, words: said("its pod failed (%s): %s", pod.Status.Reason, normalise(pod.Status.Message))}
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return trouble{v1alpha1.ReasonUnschedulable, "its pod is not scheduled: " + normaliseScheduling(condition.Message), condition.LastTransitionTime}
		}
	}
	return trouble{}
}

// containerTrouble says why a container does not run, how it ended, or how it did last time although it runs again:
// between two crashes nothing is better.
func containerTrouble(container *corev1.ContainerStatus) trouble {
	waiting, ended := container.State.Waiting, container.State.Terminated
	last := container.LastTerminationState.Terminated
	switch {
	case waiting != nil && (waiting.Reason == "ErrImagePull" || waiting.Reason == "ImagePullBackOff"):
		return trouble{reason: v1alpha1.ReasonImagePullFailed, words: pullTrouble(waiting, container.Image)}
	case waiting != nil && waiting.Reason == "CrashLoopBackOff" && last != nil, waiting == nil && ended == nil && !container.Ready && last != nil && last.ExitCode != 0:
		return trouble{reason: v1alpha1.ReasonCrashLoop, words: said("its container crashes (%s, exit code %d): %s", last.Reason, last.ExitCode, programOutput(last.Message))}
	case waiting != nil && waiting.Reason != "" && waiting.Reason != "ContainerCreating" && waiting.Reason != "PodInitializing":
		return trouble{reason: v1alpha1.ReasonPodFailed, words: said("its container waits (%s): %s", waiting.Reason, normalise(waiting.Message))}
	case ended != nil && ended.ExitCode != 0:
		return trouble{reason: v1alpha1.ReasonPodFailed, words: said("its pod failed (%s, exit code %d): %s", ended.Reason, ended.ExitCode, programOutput(ended.Message))}
	}
	return trouble{}
}

// said formats words of which the last may be missing.
func said(format string, words ...any) string {
	return strings.TrimSuffix(fmt.Sprintf(format, words...), ": ")
}

// pullTrouble says why an image cannot be pulled. A kubelet alternates between an attempt and the wait for the next, and
// repeats the registry's words in both.
func pullTrouble(waiting *corev1.ContainerStateWaiting, image string) string {
	message := strings.TrimPrefix(normalise(waiting.Message), fmt.Sprintf("Back-off pulling image %q", image))
	return said("its image %s cannot be pulled: %s", image, strings.TrimPrefix(strings.TrimPrefix(message, ": "), "ErrImagePull: "))
}

// refusal is why the API server takes no pod of an object: a quota, a policy, a missing right. Only an event tells.
func refusal(of metav1.Object, events []corev1.Event, since *metav1.Time) trouble {
	var last *corev1.Event
	for i := range events {
		event := &events[i]
		if event.InvolvedObject.UID == of.GetUID() && (since == nil || !event.LastTimestamp.Before(since)) && (last == nil || later(event, last)) {
			last = event
		}
	}
	if last == nil {
		return trouble{}
	}
	message := strings.TrimPrefix(last.Message, "(combined from similar events): ")
	if _, why, cut := strings.Cut(message, " failed error: "); cut { // of a StatefulSet
		message = why
	}
	return trouble{reason: v1alpha1.ReasonPodRefused, words: "its pod is refused: " + normalise(strings.TrimPrefix(message, "Error creating: "))}
}

// later orders events by time and, within the second that times tell, by name: the same ones always in the same order.
func later(a, b *corev1.Event) bool {
	if a.LastTimestamp.Equal(&b.LastTimestamp) {
		return a.Name > b.Name
	}
	return b.LastTimestamp.Before(&a.LastTimestamp)
}

package gatewaytenant

import (
	"fmt"
	"regexp"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// jobTrouble says in the cluster's own words why a Job does not do its work; empty: nothing is known to be wrong. The
// last pod that failed has most to say, then one that does not start, then why there is none.
func jobTrouble(job *batchv1.Job, pods []corev1.Pod, events []corev1.Event) string {
	var failed, stuck *corev1.Pod
	for i := range pods {
		pod := &pods[i]
		if !metav1.IsControlledBy(pod, job) {
			continue
		}
		switch {
		case pod.Status.Phase == corev1.PodFailed && (failed == nil || failed.CreationTimestamp.Before(&pod.CreationTimestamp)):
			failed = pod
		case podTrouble(pod) != "":
			stuck = pod
		}
	}
	switch ended := jobCondition(job, batchv1.JobFailed); {
	case failed != nil:
		return podTrouble(failed)
	case stuck != nil:
		return podTrouble(stuck)
	case ended != nil:
		return "its Job failed: " + ended.Message
	case job.Status.Active == 0:
		return refusal(job, events)
	}
	return ""
}

// podTrouble says in the cluster's own words why a pod does not run, or how it failed; empty: nothing is known to be wrong.
func podTrouble(pod *corev1.Pod) string {
	for _, container := range pod.Status.ContainerStatuses {
		if waiting := container.State.Waiting; waiting != nil && !onItsWay[waiting.Reason] {
			return waitingTrouble(waiting, container.Image)
		}
		if ended := container.State.Terminated; ended != nil && ended.ExitCode != 0 {
			return strings.TrimSuffix(fmt.Sprintf("its pod failed (%s, exit code %d): %s", ended.Reason, ended.ExitCode, normalise(ended.Message)), ": ")
		}
	}
	if pod.Status.Phase == corev1.PodFailed { // evicted, for instance: no container tells
		return strings.TrimSuffix(fmt.Sprintf("its pod failed (%s): %s", pod.Status.Reason, normalise(pod.Status.Message)), ": ")
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return "its pod is not scheduled: " + normalise(condition.Message)
		}
	}
	return ""
}

// onItsWay are reasons for which every container waits before it starts.
var onItsWay = map[string]bool{"": true, "ContainerCreating": true, "PodInitializing": true}

// waitingTrouble says why a container waits. A kubelet alternates between an attempt to pull and the wait for the next,
// and repeats the registry's words in both.
func waitingTrouble(waiting *corev1.ContainerStateWaiting, image string) string {
	message := normalise(waiting.Message)
	if waiting.Reason != "ErrImagePull" && waiting.Reason != "ImagePullBackOff" {
		return strings.TrimSuffix(fmt.Sprintf("its container waits (%s): %s", waiting.Reason, message), ": ")
	}
	message = strings.TrimPrefix(message, fmt.Sprintf("Back-off pulling image %q", image))
	message = strings.TrimPrefix(strings.TrimPrefix(message, ": "), "ErrImagePull: ")
	return strings.TrimSuffix(fmt.Sprintf("its image %s cannot be pulled: %s", image, message), ": ")
}

// refusal is why the API server takes no pod of the Job: a quota, a policy, a missing right. Only an event tells.
func refusal(job *batchv1.Job, events []corev1.Event) string {
	var last *corev1.Event
	for i := range events {
		if event := &events[i]; event.InvolvedObject.UID == job.UID && (last == nil || later(event, last)) {
			last = event
		}
	}
	if last == nil {
		return ""
	}
	message := strings.TrimPrefix(last.Message, "(combined from similar events): ")
	return "its pod is refused: " + normalise(strings.TrimPrefix(message, "Error creating: "))
}

// later orders events by time and, within the second that times tell, by name: the same ones always in the same order.
func later(a, b *corev1.Event) bool {
	if a.LastTimestamp.Equal(&b.LastTimestamp) {
		return a.Name > b.Name
	}
	return b.LastTimestamp.Before(&a.LastTimestamp)
}

// varying are words that differ each time that the same thing is said, and what stays of them.
var varying = []struct {
	words *regexp.Regexp
	stays string
}{
	{regexp.MustCompile(`\b(openshell-gateway(?:-certgen)?)-[a-z0-9]{5}(_|\b)`), "$1$2"}, // a generated name
	{regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`), "…"},           // a uid
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "…"},                                        // a container's id
	{regexp.MustCompile(`\b0x[0-9a-f]+\b`), "…"},                                         // an address in memory
	{regexp.MustCompile(`(\d):\d+->`), "$1->"},                                           // an ephemeral port
	{regexp.MustCompile(`\bback-off [0-9smh]+\b`), "back-off"},
	{regexp.MustCompile(`, used: [^ ]+,`), ","}, // of a quota
}

// normalise takes out of the cluster's words what differs each time that the same thing is said, since a status that
// says the same must be the same. Of several lines the first is kept: those that follow are a log's.
func normalise(message string) string {
	message, _, _ = strings.Cut(strings.TrimSpace(message), "\n")
	for _, v := range varying {
		message = v.words.ReplaceAllString(message, v.stays)
	}
	return message
}

package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
)

// startFailures has the reason of the condition for each reason of an Event that reports why a pod on a node gets no containers.
// Only Events report it: until the containers exist, the pod's status says ContainerCreating.
var startFailures = map[string]string{
	"FailedMount":                     v1alpha1.ReasonVolumeMountFailed,
	"FailedMapVolume":                 v1alpha1.ReasonVolumeMountFailed,
	"FailedAttachVolume":              v1alpha1.ReasonVolumeMountFailed,
	"FailedMountOnFilesystemMismatch": v1alpha1.ReasonVolumeMountFailed,
	"FailedCreatePodSandBox":          v1alpha1.ReasonPodStuck,
	"FailedPodSandBoxStatus":          v1alpha1.ReasonPodStuck,
	"FailedCreatePodContainer":        v1alpha1.ReasonPodStuck,
	"FailedPrepareDynamicResources":   v1alpha1.ReasonPodStuck,
	"NetworkNotReady":                 v1alpha1.ReasonPodStuck,
}

// startSteps are the reasons of Events about steps that come after those that can fail with startFailures.
var startSteps = []string{"Pulling", "Pulled", "Created", "Started"}

// ExplainsPod reports whether Events with this reason are used to explain why a pod does not run.
func ExplainsPod(reason string) bool {
	return startFailures[reason] != "" || slices.Contains(startSteps, reason) ||
		slices.Contains([]string{"SuccessfulAttachVolume", "Killing", "Unhealthy"}, reason)
}

// retryInterval is longer than any interval at which a kubelet retries a failed step of a pod's start.
const retryInterval = 3 * time.Minute

// IsStarting reports whether a node has accepted a pod, and none of its containers has run yet.
func IsStarting(pod *corev1.Pod) bool {
	containers := containersOf(pod)
	return pod.DeletionTimestamp == nil && pod.Status.StartTime != nil && len(containers) > 0 &&
		!slices.ContainsFunc(containers, func(c container) bool { return c.State.Waiting == nil || !isStarting(c.State.Waiting) })
}

// Start returns why a pod that is starting gets no containers. If several steps fail alternately, it always returns the same one.
// The problem began when a step failed first: many a step fails once and then succeeds, such as the mount of a Secret that the kubelet
// has not read yet.
func Start(pod *corev1.Pod, events []corev1.Event) Problem {
	var newest metav1.Time
	var failures []corev1.Event
	for _, event := range events {
		if event.InvolvedObject.UID == pod.UID && startFailures[event.Reason] != "" && !succeededLater(event, events) {
			failures = append(failures, event)
			if newest.Before(&event.LastTimestamp) {
				newest = event.LastTimestamp
			}
		}
	}
	failures = slices.DeleteFunc(failures, func(event corev1.Event) bool { return newest.Sub(event.LastTimestamp.Time) > retryInterval })
	if len(failures) == 0 {
		return Problem{}
	}
	slices.SortFunc(failures, func(a, b corev1.Event) int { return strings.Compare(sortKey(a), sortKey(b)) })
	cause := message.Normalize(strings.TrimPrefix(failures[0].Message, combined))
	found := Problem{Reason: startFailures[failures[0].Reason], Remedy: describePod(pod), Since: failures[0].FirstTimestamp}
	for _, failure := range failures {
		if failure.FirstTimestamp.Before(&found.Since) {
			found.Since = failure.FirstTimestamp
		}
	}
	if found.Reason == v1alpha1.ReasonPodStuck {
		found.Message = fmt.Sprintf("node %s cannot start the pod: %s", pod.Spec.NodeName, cause)
		return found
	}
	found.Message = fmt.Sprintf("node %s cannot mount a volume of the pod: %s", pod.Spec.NodeName, cause)
	if strings.Contains(cause, "Multi-Attach") {
		found.Remedy = "the volume is released when its previous pod has ended and the node of that pod has detached it; see: kubectl get volumeattachments"
	}
	return found
}

// succeededLater reports whether a step that failed has succeeded since.
func succeededLater(failure corev1.Event, events []corev1.Event) bool {
	return slices.ContainsFunc(events, func(event corev1.Event) bool {
		after := event.Reason == "SuccessfulAttachVolume" && failure.Reason == "FailedAttachVolume" || slices.Contains(startSteps, event.Reason)
		return after && event.InvolvedObject.UID == failure.InvolvedObject.UID && !event.LastTimestamp.Before(&failure.LastTimestamp)
	})
}

// sortKey returns a text by which failures are sorted. The kubelet's summary of all volumes comes last, since it explains least.
func sortKey(failure corev1.Event) string {
	if strings.HasPrefix(failure.Message, "Unable to attach or mount volumes") {
		return "2" + message.Normalize(failure.Message)
	}
	return "1" + message.Normalize(failure.Message)
}

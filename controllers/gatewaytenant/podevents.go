package gatewaytenant

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// startFailures has the reason for the status for each Event that reports why a pod on a node gets no containers. Only Events
// report it: until the containers exist, the pod's status says ContainerCreating.
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

// startSteps are the Events of steps that come after all that startFailures report.
var startSteps = []string{"Pulling", "Pulled", "Created", "Started"}

// retryInterval is more than the longest time after which a kubelet tries a failed step of a pod's start again.
const retryInterval = 3 * time.Minute

// isStartingPod reports whether a node has accepted a pod, and none of its containers has run yet.
func isStartingPod(pod *corev1.Pod) bool {
	containers := containersOf(pod)
	return pod.DeletionTimestamp == nil && pod.Status.StartTime != nil && len(containers) > 0 &&
		!slices.ContainsFunc(containers, func(c container) bool { return c.State.Waiting == nil || !isStarting(c.State.Waiting) })
}

// startTrouble returns why a pod that is starting gets no containers. If several steps fail alternately, it always returns the
// same one.
func startTrouble(pod *corev1.Pod, events []corev1.Event) trouble {
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
		return trouble{}
	}
	slices.SortFunc(failures, func(a, b corev1.Event) int { return strings.Compare(rankOf(a), rankOf(b)) })
	message := normalise(strings.TrimPrefix(failures[0].Message, "(combined from similar events): "))
	found := trouble{reason: startFailures[failures[0].Reason], remedy: describePod(pod)}
	if found.reason == v1alpha1.ReasonPodStuck {
		found.words = fmt.Sprintf("node %s cannot start the pod: %s", pod.Spec.NodeName, message)
		return found
	}
	found.words = fmt.Sprintf("node %s cannot mount a volume of the pod: %s", pod.Spec.NodeName, message)
	if strings.Contains(message, "Multi-Attach") {
		found.remedy = "the volume is released when its previous pod has ended and the node of that pod has detached it; see: kubectl get volumeattachments"
	}
	return found
}

// succeededLater reports whether a step that failed has succeeded later.
func succeededLater(failure corev1.Event, events []corev1.Event) bool {
	return slices.ContainsFunc(events, func(event corev1.Event) bool {
		after := event.Reason == "SuccessfulAttachVolume" && failure.Reason == "FailedAttachVolume" || slices.Contains(startSteps, event.Reason)
		return after && event.InvolvedObject.UID == failure.InvolvedObject.UID && !event.LastTimestamp.Before(&failure.LastTimestamp)
	})
}

// rankOf returns a text by which failures are sorted. The kubelet's summary of all volumes comes last, since it explains least.
func rankOf(failure corev1.Event) string {
	if strings.HasPrefix(failure.Message, "Unable to attach or mount volumes") {
		return "2" + normalise(failure.Message)
	}
	return "1" + normalise(failure.Message)
}

var (
	killedByProbe = regexp.MustCompile(`(?i)^(?:init )?container (\S+) failed (liveness|startup) probe`)
	probeRequest  = regexp.MustCompile(`Get "https?://[^/"]+:(\d+)(/[^"]*)"`)
	probeAddress  = regexp.MustCompile(`dial tcp \S+: `)
)

// eventDelay is how much later than the end of a container the Event about it may be dated.
const eventDelay = 2 * time.Second

// probeTrouble returns that a probe caused the last end of the container, as the kubelet's Events of that run report it. The
// status of the container only has the signal. Events of earlier runs stay for an hour, and explain nothing.
func probeTrouble(c *container, crash trouble, events []corev1.Event) trouble {
	ended := c.lastEnd()
	begin, end := ended.StartedAt.Time, ended.FinishedAt.Add(eventDelay)
	inRun := func(t metav1.Time) bool { return !t.Time.Before(begin) && !t.After(end) }
	probe := ""
	for _, event := range events {
		killed := killedByProbe.FindStringSubmatch(event.Message)
		if event.InvolvedObject.UID == c.pod.UID && event.Reason == "Killing" && killed != nil && killed[1] == c.Name &&
			(inRun(event.LastTimestamp) || inRun(event.FirstTimestamp)) {
			probe = killed[2]
		}
	}
	if probe == "" {
		return trouble{}
	}
	crash.words = fmt.Sprintf("%s is restarted because its %s probe fails (%s, exit code %d)", c.what(), probe, ended.Reason, ended.ExitCode)
	crash.output = ""
	prefix := strings.ToUpper(probe[:1]) + probe[1:] + " probe failed: "
	of := func(event *corev1.Event) bool { // an Event that repeats also counts if it began before this run or lasts longer
		field, first, last := event.InvolvedObject.FieldPath, event.FirstTimestamp, event.LastTimestamp
		if first.IsZero() {
			first = last
		}
		return event.InvolvedObject.UID == c.pod.UID && (field == "" || strings.HasSuffix(field, "{"+c.Name+"}")) &&
			!first.After(end) && !last.Time.Before(begin)
	}
	var last *corev1.Event
	for i := range events {
		if event := &events[i]; of(event) && strings.HasPrefix(event.Message, prefix) && (last == nil || later(event, last)) {
			last = event
		}
	}
	if last != nil {
		result := probeRequest.ReplaceAllString(normalise(strings.TrimPrefix(last.Message, prefix)), "GET $2 on port $1")
		crash.output = probeAddress.ReplaceAllString(result, "")
	}
	return crash
}

// eventsOfPod lists the Events of a pod from the API server, and keeps those that explain why it does not run.
func (r *Reconciler) eventsOfPod(ctx context.Context, pod *corev1.Pod) ([]corev1.Event, error) {
	return r.eventsOf(ctx, pod, func(reason string) bool {
		return startFailures[reason] != "" || slices.Contains(startSteps, reason) ||
			slices.Contains([]string{"SuccessfulAttachVolume", "Killing", "Unhealthy"}, reason)
	})
}

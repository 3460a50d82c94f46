package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
)

var (
	killedByProbe = regexp.MustCompile(`(?i)^(?:init )?container (\S+) failed (liveness|startup) probe`)
	probeRequest  = regexp.MustCompile(`Get "https?://[^/"]+:(\d+)(/[^"]*)"`)
	probeAddress  = regexp.MustCompile(`dial tcp \S+: `)
)

// eventDelay is how much later than the end of a container the Event about it may be dated.
const eventDelay = 2 * time.Second

// Termination is the end of a container that a probe may have caused. The status of the container has only the signal; whether
// it was a probe is in the Events of the pod.
type Termination struct {
	container container
	ended     *corev1.ContainerStateTerminated
	problem   Problem // as the status of the container shows it
}

// PossibleProbeKill returns the end of the container that has the problem, or nil if no probe can have caused it.
func PossibleProbeKill(pod *corev1.Pod, problem Problem) *Termination {
	if pod == nil || problem.Reason != v1alpha1.ReasonCrashLoop {
		return nil
	}
	for _, c := range containersOf(pod) {
		if ended := c.lastEnd(); ended != nil && mayBeProbe(ended) && c.problem() == problem {
			return &Termination{c, ended, problem}
		}
	}
	return nil
}

// mayBeProbe reports whether a probe may have ended a container, which then received SIGTERM and, if it did not end, SIGKILL.
func mayBeProbe(ended *corev1.ContainerStateTerminated) bool {
	return ended.Reason != "OOMKilled" && slices.Contains([]int32{0, 137, 143}, ended.ExitCode)
}

// Kind is equal for two ends of a container that have the same reason, exit code, and output.
func (t *Termination) Kind() string {
	return fmt.Sprint("ended ", t.container.Name, " ", t.ended.Reason, " ", t.ended.ExitCode, " ", t.problem.Output)
}

// FinishedAt returns when the container ended.
func (t *Termination) FinishedAt() metav1.Time { return t.ended.FinishedAt }

// Explain returns the problem with the probe that caused it, as the kubelet's Events of that run of the container report it. It
// is zero if they report none. Events of earlier runs are kept for an hour, and do not explain this end.
func (t *Termination) Explain(events []corev1.Event) Problem {
	probe := t.killer(events)
	if probe == "" {
		return Problem{}
	}
	found := t.problem
	found.Message = fmt.Sprintf("%s is restarted because its %s probe fails (%s, exit code %d)",
		t.container.title(), probe, t.ended.Reason, t.ended.ExitCode)
	found.Output = t.lastFailure(strings.ToUpper(probe[:1])+probe[1:]+" probe failed: ", events)
	return found
}

// killer returns the type of the probe because of which the kubelet ended the container. It is empty if no Event reports one.
func (t *Termination) killer(events []corev1.Event) string {
	inRun := func(at metav1.Time) bool {
		return !at.Time.Before(t.ended.StartedAt.Time) && !at.After(t.ended.FinishedAt.Add(eventDelay))
	}
	probe := ""
	for _, event := range events {
		killed := killedByProbe.FindStringSubmatch(event.Message)
		if event.InvolvedObject.UID == t.container.pod.UID && event.Reason == "Killing" && killed != nil && killed[1] == t.container.Name &&
			(inRun(event.LastTimestamp) || inRun(event.FirstTimestamp)) {
			probe = killed[2]
		}
	}
	return probe
}

// lastFailure returns the result of the probe in the last Event of this run whose message has that prefix. It is empty if there
// is none.
func (t *Termination) lastFailure(prefix string, events []corev1.Event) string {
	var last *corev1.Event
	for i := range events {
		if event := &events[i]; t.overlaps(event) && strings.HasPrefix(event.Message, prefix) && (last == nil || isLater(event, last)) {
			last = event
		}
	}
	if last == nil {
		return ""
	}
	result := probeRequest.ReplaceAllString(message.Normalize(strings.TrimPrefix(last.Message, prefix)), "GET $2 on port $1")
	return probeAddress.ReplaceAllString(result, "")
}

// overlaps reports whether an Event is about this run of the container. One that repeats may begin before the run or last longer.
func (t *Termination) overlaps(event *corev1.Event) bool {
	field, begin := event.InvolvedObject.FieldPath, event.FirstTimestamp
	if begin.IsZero() {
		begin = event.LastTimestamp
	}
	return event.InvolvedObject.UID == t.container.pod.UID && (field == "" || strings.HasSuffix(field, "{"+t.container.Name+"}")) &&
		!begin.After(t.ended.FinishedAt.Add(eventDelay)) && !event.LastTimestamp.Time.Before(t.ended.StartedAt.Time)
}

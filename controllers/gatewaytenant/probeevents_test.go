package gatewaytenant

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestProbeExplainsTheCrashOfItsRun has the Events of several runs of a container. They last for an hour, and explain no later crash.
func TestProbeExplainsTheCrashOfItsRun(t *testing.T) {
	at := func(minutes int) metav1.Time {
		return metav1.NewTime(time.Unix(1_800_000_000, 0).Add(time.Duration(minutes) * time.Minute))
	}
	micro := func(minutes int) metav1.MicroTime {
		return metav1.NewMicroTime(at(minutes).Add(300 * time.Millisecond))
	}
	for _, c := range []struct {
		name              string
		killed, unhealthy func(*corev1.Event) // when, in a run from minute 10 to 40
		probe, quoted     bool
	}{
		{"this run", func(e *corev1.Event) { e.LastTimestamp = at(40) }, func(e *corev1.Event) { e.LastTimestamp = at(39) }, true, true},
		{"an earlier run", func(e *corev1.Event) { e.LastTimestamp = at(9) }, func(e *corev1.Event) { e.LastTimestamp = at(9) }, false, false},
		{"this run, but the failure of an earlier one", func(e *corev1.Event) { e.LastTimestamp = at(40) }, func(e *corev1.Event) { e.LastTimestamp = at(9) }, true, false},
		{"a later run", func(e *corev1.Event) { e.LastTimestamp = at(41) }, func(e *corev1.Event) { e.LastTimestamp = at(41) }, false, false},
		{"several runs, this one last",
			func(e *corev1.Event) { e.FirstTimestamp, e.LastTimestamp = at(5), at(40) },
			func(e *corev1.Event) { e.FirstTimestamp, e.LastTimestamp = at(4), at(39) }, true, true},
		{"this run and, meanwhile, the next one",
			func(e *corev1.Event) { e.FirstTimestamp, e.LastTimestamp = at(40), at(42) },
			func(e *corev1.Event) { e.FirstTimestamp, e.LastTimestamp = at(39), at(42) }, true, true},
		{"earlier runs and, meanwhile, the next one", func(e *corev1.Event) { e.FirstTimestamp, e.LastTimestamp = at(5), at(42) }, func(*corev1.Event) {}, false, false},
		{"this run, in Events with an eventTime", func(e *corev1.Event) { e.EventTime = micro(40) }, func(e *corev1.Event) { e.EventTime = micro(39) }, true, true},
		{"an earlier run, in Events with an eventTime", func(e *corev1.Event) { e.EventTime = micro(9) }, func(e *corev1.Event) { e.EventTime = micro(9) }, false, false},
		{"this run, in Events with a series",
			func(e *corev1.Event) {
				e.EventTime, e.Series = micro(5), &corev1.EventSeries{LastObservedTime: micro(40)}
			},
			func(e *corev1.Event) {
				e.EventTime, e.Series = micro(39), &corev1.EventSeries{LastObservedTime: micro(42)}
			}, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDiagnosis(t)
			killed, unhealthy := d.event("Killing", "Container openshell-gateway failed startup probe, will be restarted"), d.event("Unhealthy", "Startup probe failed: refused")
			killed.LastTimestamp, unhealthy.LastTimestamp = metav1.Time{}, metav1.Time{}
			c.killed(&killed)
			c.unhealthy(&unhealthy)
			d.server.events = []corev1.Event{killed, unhealthy}
			pod := d.pod(crashed("Error", 143, "asked to stop"))
			ended := pod.Status.ContainerStatuses[0].LastTerminationState.Terminated
			ended.StartedAt, ended.FinishedAt = at(10), at(40)
			message := d.observe(0, pod).Message
			quoted := strings.Contains(message, "startup probe fails (Error, exit code 143): refused")
			if strings.Contains(message, "its startup probe fails") != c.probe || quoted != c.quoted || strings.Contains(message, "asked to stop") == c.probe {
				t.Errorf("Ready has the message %q, want the probe as the cause: %t, and its failure quoted: %t", message, c.probe, c.quoted)
			}
		})
	}
}

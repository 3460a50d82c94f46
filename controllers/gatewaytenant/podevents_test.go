package gatewaytenant

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestLateFailureIsReportedSoon although the pod has been starting for minutes.
func TestLateFailureIsReportedSoon(t *testing.T) {
	d := newDiagnosis(t)
	pod := d.pod()
	d.gt.Status.Conditions = nil
	for begin := d.clock; d.clock.Sub(begin) < 2*time.Minute; {
		d.observe(max(d.p.seen.again, time.Second), pod)
	}
	d.server.events = []corev1.Event{d.event("FailedCreatePodSandBox", "Failed to create pod sandbox: no address left")}
	reads := len(d.server.asked)
	d.clock = d.clock.Add(d.p.seen.again)
	d.expect(d.follow(pod, 0), "PodStuck", "no address left")
	if waited := d.clock.Sub(d.server.events[0].LastTimestamp.Time); waited > 20*time.Second || len(d.server.asked) != reads+1 {
		t.Errorf("it is reported after %s and %d reads", waited, len(d.server.asked)-reads)
	}
}

// TestMountFailureIsOver when a later step has begun, although the Event stays for an hour.
func TestMountFailureIsOver(t *testing.T) {
	d := newDiagnosis(t)
	pod := d.pod()
	failed := d.event("FailedMount", `MountVolume.SetUp failed for volume "tls-cert" : failed to sync secret cache`)
	d.clock = d.clock.Add(time.Second)
	d.server.events = []corev1.Event{failed, d.event("Pulling", "Pulling image")}
	if is := d.follow(pod, time.Minute); len(d.warnings) != 0 {
		t.Errorf("Ready is %s: %s", is.Reason, is.Message)
	}
}

// TestAlternatingMountFailuresAreOneMessage: a kubelet tries each volume again and again, and reports one at a time.
func TestAlternatingMountFailuresAreOneMessage(t *testing.T) {
	d := newDiagnosis(t)
	pod := d.pod()
	d.gt.Status.Conditions = nil
	for i := range 20 {
		for j, volume := range []string{"tls-cert", "gateway-config"} {
			event := d.event("FailedMount", fmt.Sprintf("MountVolume.SetUp failed for volume %q : not found", volume))
			event.Name = volume
			event.LastTimestamp = metav1.NewTime(d.clock.Add(time.Duration((i+j)%2) * -20 * time.Second))
			d.server.events = append(d.server.events[:min(j, len(d.server.events))], event)
		}
		d.follow(pod, 30*time.Second)
	}
	d.expect(d.follow(pod, 0), "VolumeMountFailed", `"gateway-config"`)
	if d.writes > 2 {
		t.Errorf("the status is written %d times", d.writes)
	}
}

// TestEachEndIsReadTwiceAtMost, also if the crash loop lasts for an hour and other events lead to reconciles.
func TestEachEndIsReadTwiceAtMost(t *testing.T) {
	d := newDiagnosis(t)
	for range 3 {
		reads := len(d.server.asked)
		pod := d.pod(crashed("Error", 137, "killed\n"))
		for range 60 {
			d.follow(pod, time.Minute)
		}
		if reads = len(d.server.asked) - reads; reads == 0 || reads > 2 {
			t.Errorf("%d reads of one end in an hour, want one or two", reads)
		}
	}
	d.expect(d.observe(0, d.pods.pod), "CrashLoop", "crashes (Error, exit code 137): killed")
}

// TestEventThatArrivesLateExplainsTheEnd: kubelets write Events asynchronously.
func TestEventThatArrivesLateExplainsTheEnd(t *testing.T) {
	d := newDiagnosis(t)
	pod := d.pod(crashed("Error", 137, ""))
	event := d.event("Killing", "Container openshell-gateway failed liveness probe, will be restarted")
	d.observe(0, pod)
	d.server.events = []corev1.Event{event}
	d.expect(d.follow(pod, time.Minute), "CrashLoop", "its liveness probe fails")
}

// TestExplanationOfACrashLoop lasts while the gateway ends in the same way: kubelets drop Events of pods that have many. An end
// with another exit code or other last words needs another explanation.
func TestExplanationOfACrashLoop(t *testing.T) {
	d := newDiagnosis(t)
	d.server.events = []corev1.Event{d.event("Killing", "Container openshell-gateway failed startup probe, will be restarted")}
	d.observe(0, d.pod(crashed("Completed", 0, "")))
	d.server.events = nil
	d.clock = d.clock.Add(time.Minute)
	d.r.lookups.slot <- struct{}{} // another tenant is read
	d.expect(d.observe(0, d.pod(crashed("Completed", 0, ""))), "CrashLoop", "its startup probe fails (Completed, exit code 0)")
	<-d.r.lookups.slot
	d.expect(d.follow(d.pods.pod, time.Minute), "CrashLoop", "its startup probe fails (Completed, exit code 0)")
	if d.writes != 1 {
		t.Errorf("the status is written %d times", d.writes)
	}
	d.expect(d.follow(d.pod(crashed("Completed", 0, "asked to stop")), time.Minute), "CrashLoop", "asked to stop")
	d.expect(d.follow(d.pod(crashed("Error", 137, "killed by an administrator")), time.Minute), "CrashLoop", "killed by an administrator")
}

// TestFailedReadsOfAnEndDoNotCount: the cause is read when the API server answers again.
func TestFailedReadsOfAnEndDoNotCount(t *testing.T) {
	d := newDiagnosis(t)
	pod := d.pod(crashed("Error", 137, ""))
	event := d.event("Killing", "Container openshell-gateway failed liveness probe, will be restarted")
	d.server.err = errors.New("too many requests")
	d.follow(pod, time.Minute)
	d.server.err, d.server.events = nil, []corev1.Event{event}
	d.expect(d.follow(pod, time.Minute), "CrashLoop", "its liveness probe fails")
}

// TestOneRestartWithoutAnErrorIsNoCrash: the container is stopped when its node restarts, and runs again. If it does not become
// ready, the end is worth a report.
func TestOneRestartWithoutAnErrorIsNoCrash(t *testing.T) {
	ended := func(d *diagnosis, restarts int32, again bool, last corev1.ContainerState) *corev1.Pod {
		pod := d.pod(notReady)
		container := &pod.Status.ContainerStatuses[0]
		container.RestartCount, container.LastTerminationState, container.State = restarts, last, last
		pod.Status.Conditions[1].LastTransitionTime = metav1.NewTime(d.clock)
		if again {
			container.State = running(d.clock)
		}
		return pod
	}
	end := func(d *diagnosis, ran time.Duration) corev1.ContainerState {
		state := terminated("Completed", 0, "")
		state.Terminated.StartedAt, state.Terminated.FinishedAt = metav1.NewTime(d.clock.Add(-ran)), metav1.NewTime(d.clock)
		return state
	}
	for what, c := range map[string]struct {
		restarts int32 // before
		ran      time.Duration
		crash    bool
	}{
		"first end":               {0, time.Hour, false},
		"first end, soon":         {0, time.Second, false},
		"another end, much later": {5, time.Hour, false},
		"second end, soon":        {1, time.Second, true},
	} {
		d := newDiagnosis(t)
		d.observe(0, d.pod(ready))
		last := end(d, c.ran)
		for _, pod := range []*corev1.Pod{ended(d, c.restarts, false, last), ended(d, c.restarts+1, true, last)} {
			is := d.observe(time.Second, pod)
			if crash := is.Reason == "CrashLoop"; crash != c.crash || !crash && !strings.Contains(is.Message, "container openshell-gateway ended without an error") || crash != (len(d.warnings) == 1) {
				t.Errorf("%s: Ready is %s: %s; Warning Events: %q", what, is.Reason, is.Message, d.warnings)
			}
		}
		if !c.crash {
			if is := d.observe(5*time.Second, d.pod(ready)); is.Reason != "Ready" || len(d.warnings) > 0 {
				t.Errorf("%s: at the end, Ready is %s, and the Warning Events are %q", what, is.Reason, d.warnings)
			}
		}
	}
	d := newDiagnosis(t)
	d.observe(0, d.pod(ready))
	pod := ended(d, 1, true, end(d, time.Hour))
	d.expect(d.follow(pod, 20*time.Second), "CrashLoop", "ends, although it must keep running (Completed, exit code 0)")
}

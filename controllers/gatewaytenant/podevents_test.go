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

// TestLateFailureIsReportedSoon has a failure of a pod that has been starting for minutes.
func TestLateFailureIsReportedSoon(t *testing.T) {
	d := newDiagnosis(t)
	pod := d.pod()
	d.gt.Status.Conditions = nil
	for begin := d.clock; d.clock.Sub(begin) < 2*time.Minute; {
		d.observe(max(d.again, time.Second), pod)
	}
	d.server.events = []corev1.Event{d.event("FailedCreatePodSandBox", "Failed to create pod sandbox: no address left")}
	reads := d.server.reads
	d.clock = d.clock.Add(d.again)
	d.expect(d.follow(pod, 0), "PodStuck", "no address left")
	if waited := d.clock.Sub(d.server.events[0].LastTimestamp.Time); waited > 20*time.Second || d.server.reads != reads+1 {
		t.Errorf("the failure is reported after %s and %d reads, want at most 20s and one read", waited, d.server.reads-reads)
	}
}

// TestMountFailureEndsWithTheNextStep has an Event that stays for an hour, and another one of a later step.
func TestMountFailureEndsWithTheNextStep(t *testing.T) {
	d := newDiagnosis(t)
	pod := d.pod()
	failed := d.event("FailedMount", `MountVolume.SetUp failed for volume "tls-cert" : failed to sync secret cache`)
	d.clock = d.clock.Add(time.Second)
	d.server.events = []corev1.Event{failed, d.event("Pulling", "Pulling image")}
	if is := d.follow(pod, time.Minute); len(d.warnings) != 0 {
		t.Errorf("Ready is %s: %s; the Warning Events are %q, want none", is.Reason, is.Message, d.warnings)
	}
}

// TestMomentaryMountFailureIsNotReported has a kubelet whose first attempt to mount a Secret fails because it has not read it yet.
// A failure that lasts is reported.
func TestMomentaryMountFailureIsNotReported(t *testing.T) {
	for _, lasts := range []bool{false, true} {
		d := newDiagnosis(t)
		pod := d.pod()
		failed := d.event("FailedMount", `MountVolume.SetUp failed for volume "tls-cert" : failed to sync secret cache`)
		failed.FirstTimestamp = failed.LastTimestamp
		d.server.events = []corev1.Event{failed}
		if is := d.follow(pod, 8*time.Second); len(d.warnings) != 0 {
			t.Errorf("after eight seconds, Ready is %s: %s; the Warning Events are %q, want none", is.Reason, is.Message, d.warnings)
		}
		if lasts {
			d.expect(d.follow(pod, 10*time.Second), "VolumeMountFailed", "failed to sync secret cache")
			continue
		}
		d.server.events = append(d.server.events, d.event("Pulled", "Container image is present"))
		if is := d.follow(pod, time.Minute); len(d.warnings) != 0 {
			t.Errorf("after the mount has succeeded, Ready is %s: %s; the Warning Events are %q, want none", is.Reason, is.Message, d.warnings)
		}
	}
}

// TestAlternatingMountFailuresAreOneMessage has a kubelet that retries each volume and reports one at a time.
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
		t.Errorf("the status is written %d times, want at most 2", d.writes)
	}
}

// TestEachCrashIsReadTwiceAtMost follows a crash loop that lasts for an hour while other events lead to reconciles.
func TestEachCrashIsReadTwiceAtMost(t *testing.T) {
	d := newDiagnosis(t)
	for range 3 {
		reads := d.server.reads
		pod := d.pod(crashed("Error", 137, "killed\n"))
		for range 60 {
			d.follow(pod, time.Minute)
		}
		if reads = d.server.reads - reads; reads == 0 || reads > 2 {
			t.Errorf("one crash is read %d times in an hour, want one or two", reads)
		}
	}
	d.expect(d.observe(0, d.lastPod()), "CrashLoop", "crashes (Error, exit code 137): killed")
}

// TestLateEventExplainsTheCrash has an Event that arrives after the crash, since kubelets write Events asynchronously.
func TestLateEventExplainsTheCrash(t *testing.T) {
	d := newDiagnosis(t)
	pod := d.pod(crashed("Error", 137, ""))
	event := d.event("Killing", "Container openshell-gateway failed liveness probe, will be restarted")
	d.observe(0, pod)
	d.server.events = []corev1.Event{event}
	d.expect(d.follow(pod, time.Minute), "CrashLoop", "its liveness probe fails")
}

// TestCauseOfACrashLoopStays expects the cause while the gateway ends in the same way, since kubelets drop Events of pods that have many.
// A crash with another exit code or another output has another cause.
func TestCauseOfACrashLoopStays(t *testing.T) {
	d := newDiagnosis(t)
	d.server.events = []corev1.Event{d.event("Killing", "Container openshell-gateway failed startup probe, will be restarted")}
	d.observe(0, d.pod(crashed("Completed", 0, "")))
	d.server.events = nil
	d.clock = d.clock.Add(time.Minute)
	reads, end := d.server.reads, d.readOtherTenant()
	d.expect(d.observe(0, d.pod(crashed("Completed", 0, ""))), "CrashLoop", "its startup probe fails (Completed, exit code 0)")
	end()
	if d.server.reads != reads {
		t.Errorf("there are %d reads while another tenant is read, want none", d.server.reads-reads)
	}
	d.expect(d.follow(d.lastPod(), time.Minute), "CrashLoop", "its startup probe fails (Completed, exit code 0)")
	if d.writes != 1 {
		t.Errorf("the status is written %d times, want once", d.writes)
	}
	d.expect(d.follow(d.pod(crashed("Completed", 0, "asked to stop")), time.Minute), "CrashLoop", "asked to stop")
	d.expect(d.follow(d.pod(crashed("Error", 137, "killed by an administrator")), time.Minute), "CrashLoop", "killed by an administrator")
}

// TestFailedReadsDoNotCount expects that the cause is read when the API server answers again.
func TestFailedReadsDoNotCount(t *testing.T) {
	d := newDiagnosis(t)
	pod := d.pod(crashed("Error", 137, ""))
	event := d.event("Killing", "Container openshell-gateway failed liveness probe, will be restarted")
	d.server.err = errors.New("too many requests")
	d.follow(pod, time.Minute)
	d.server.err, d.server.events = nil, []corev1.Event{event}
	d.expect(d.follow(pod, time.Minute), "CrashLoop", "its liveness probe fails")
}

// TestRestartWithoutAnError has a container that is stopped when its node restarts, and runs again. That is no crash, unless it happens
// again soon.
func TestRestartWithoutAnError(t *testing.T) {
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
	for name, c := range map[string]struct {
		restarts int32 // before
		ran      time.Duration
		crash    bool
	}{
		"first end":               {0, time.Hour, false},
		"first end, soon":         {0, time.Second, false},
		"another end, much later": {5, time.Hour, false},
		"second end, soon":        {1, time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDiagnosis(t)
			d.observe(0, d.pod(ready))
			last := end(d, c.ran)
			for _, pod := range []*corev1.Pod{ended(d, c.restarts, false, last), ended(d, c.restarts+1, true, last)} {
				is := d.observe(time.Second, pod)
				if crash := is.Reason == "CrashLoop"; crash != c.crash || !crash && !strings.Contains(is.Message, "container openshell-gateway ended without an error") || crash != (len(d.warnings) == 1) {
					t.Errorf("Ready is %s: %s; the Warning Events are %q; want a crash: %t", is.Reason, is.Message, d.warnings, c.crash)
				}
			}
			if !c.crash {
				if is := d.observe(5*time.Second, d.pod(ready)); is.Reason != "Ready" || len(d.warnings) > 0 {
					t.Errorf("finally Ready is %s and the Warning Events are %q, want Ready and none", is.Reason, d.warnings)
				}
			}
		})
	}
	t.Run("the gateway does not become ready again", func(t *testing.T) {
		d := newDiagnosis(t)
		d.observe(0, d.pod(ready))
		pod := ended(d, 1, true, end(d, time.Hour))
		d.expect(d.follow(pod, 20*time.Second), "CrashLoop", "ends, although it must keep running (Completed, exit code 0)")
	})
}

// TestReadsOfAPodThatStaysBroken counts the reads in five minutes.
func TestReadsOfAPodThatStaysBroken(t *testing.T) {
	for _, c := range []struct {
		name   string
		pod    []func(*corev1.Pod)
		events []string
		most   int
	}{
		{"starting", nil, nil, 22},
		{"killed, and no Event has the cause", []func(*corev1.Pod){crashed("Error", 137, "")}, nil, 2},
		{"killed by its probe", []func(*corev1.Pod){crashed("Error", 137, "")}, []string{"Container openshell-gateway failed liveness probe, will be restarted"}, 1},
		{"crashing", []func(*corev1.Pod){crashed("Error", 1, "")}, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDiagnosis(t)
			pod := d.pod(c.pod...)
			for _, message := range c.events {
				d.server.events = append(d.server.events, d.event("Killing", message))
			}
			d.follow(pod, 5*time.Minute)
			if d.server.reads > c.most {
				t.Errorf("there are %d reads, want at most %d", d.server.reads, c.most)
			}
		})
	}
}

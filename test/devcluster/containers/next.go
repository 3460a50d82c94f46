package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	// poll is how soon a pod that misses something is looked at again.
	poll = 200 * time.Millisecond
	// patience is how long something may be missing before that is worth an event.
	patience = time.Second
	// hurry is how many times shorter than a kubelet's the real back-off is, and most its longest.
	hurry = 10
	most  = 5 * time.Second
)

// next returns a pod's next status and when to look at the pod again. The status is nil if it stays.
func (k *kubelet) next(ctx context.Context, pod *corev1.Pod, m *memory) (*corev1.PodStatus, time.Duration) {
	if len(pod.Spec.Containers) == 0 {
		return nil, 0
	}
	if wait := time.Until(m.due); wait > 0 {
		return nil, wait
	}
	if m.crash != nil {
		return k.backOff(pod, m)
	}
	what := kindOf(pod)
	fault := ""
	if what == gatewayPod {
		fault = k.control(ctx, pod, annotationFault)
	}
	if what == gatewayPod && podReady(pod) && fault == "" {
		return nil, 0 // It has read its files; only another container reads them again.
	}
	var mounted files
	if what != other {
		var err error
		if mounted, err = k.mount(ctx, pod, m); err != nil {
			return k.mountLater(pod, m, err)
		}
	}
	if i := brokenInit(pod); i >= 0 {
		return k.runInit(pod, m, i)
	}
	image := pod.Spec.Containers[0].Image
	switch {
	case what == other:
		return running(pod, true), 0
	case neverPulls(image):
		return k.pull(pod, m, first, image)
	case hangs(image):
		return running(pod, what != gatewayPod), 0 // a Job's pod has no probe that could fail
	case what != gatewayPod && crashes(image):
		now := time.Now()
		return k.programEnded(pod, m, &program{started: now, ends: now, code: 1, message: crashesByTag})
	case what == certgenPod:
		return k.certgen(ctx, pod, m)
	case what == preflightPod:
		return k.preflight(pod, m, mounted)
	case crashes(image):
		return k.terminate(pod, m, first, end{code: 1, message: crashesByTag})
	case fault != "":
		return k.fail(pod, m, fault)
	}
	problem := k.startGateway(ctx, pod, mounted)
	switch {
	case problem == nil:
		return running(pod, true), 0
	case errors.As(problem, new(unreadyError)):
		k.say(pod, m, "Unhealthy", "Readiness probe failed: "+problem.Error())
		return running(pod, false), 0
	}
	return k.terminate(pod, m, first, end{code: 1, message: transcript(problem)})
}

// What an image's tag says about its containers.
const crashesByTag = "crashes, as its tag says"

func neverPulls(image string) bool { return strings.HasSuffix(image, "-never-pulls") }
func crashes(image string) bool    { return strings.HasSuffix(image, "-crashes") }
func hangs(image string) bool      { return strings.HasSuffix(image, "-hangs") }
func rejects(image string) bool    { return strings.HasSuffix(image, "-rejects") }

// pull alternates as a kubelet does between an attempt that failed and the wait for the next.
func (k *kubelet) pull(pod *corev1.Pod, m *memory, which container, image string) (*corev1.PodStatus, time.Duration) {
	words := fmt.Sprintf("failed to pull and unpack image %q: failed to resolve reference %q: %s: not found", image, image, image)
	m.pulls++
	if m.pulls%2 == 1 {
		k.say(pod, m, "Failed", fmt.Sprintf("Failed to pull image %q: %s", image, words))
		m.due = time.Now().Add(time.Second)
		return waiting(pod, which, "ErrImagePull", words), time.Second
	}
	wait := min(backOff(m.pulls/2)/hurry, most)
	m.due = time.Now().Add(wait)
	return waiting(pod, which, "ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q: ErrImagePull: %s", image, words)), wait
}

// certgen runs certgen, once or until it succeeds, as the pod's restart policy says.
func (k *kubelet) certgen(ctx context.Context, pod *corev1.Pod, m *memory) (*corev1.PodStatus, time.Duration) {
	if m.program == nil {
		run, err := k.programs.start(ctx, pod)
		if err != nil {
			k.say(pod, m, "FailedMount", err.Error())
			return mounting(pod), poll
		}
		m.program = run
	}
	if !m.program.ended() {
		return running(pod, true), 0 // its end will wake us
	}
	return k.programEnded(pod, m, m.program)
}

// programEnded ends the pod of a Job, or starts its container again, as the pod's restart policy says.
func (k *kubelet) programEnded(pod *corev1.Pod, m *memory, run *program) (*corev1.PodStatus, time.Duration) {
	if run.code == 0 || pod.Spec.RestartPolicy == corev1.RestartPolicyNever {
		return over(pod, run), 0
	}
	m.program = nil
	return k.terminate(pod, m, first, end{code: int32(run.code), message: run.message}) //nolint:gosec // an exit code
}

// say records an event, but not the same one twice in a row.
func (k *kubelet) say(pod *corev1.Pod, m *memory, reason, message string) {
	if said := reason + message; said != m.said {
		m.said = said
		k.recorder.Eventf(pod, nil, corev1.EventTypeWarning, reason, "Kubelet", "%s", message)
	}
}

func podReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

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

// next says what a pod's status is now, and when to look again. Nil: as it is.
func (k *kubelet) next(ctx context.Context, pod *corev1.Pod, m *memory) (*corev1.PodStatus, time.Duration) {
	if len(pod.Spec.Containers) == 0 {
		return nil, 0
	}
	if wait := time.Until(m.due); wait > 0 {
		return nil, wait
	}
	what := kindOf(pod)
	if what == other {
		return running(pod, true), 0
	}
	if what == gateway && podReady(pod) {
		return nil, 0 // what it read, it read; only another pod reads anew
	}
	image := pod.Spec.Containers[0].Image
	if strings.HasSuffix(image, "-never-pulls") {
		return k.neverPulls(pod, m, image)
	}
	files, err := k.mounted(ctx, pod)
	if err != nil {
		if m.missing.IsZero() {
			m.missing = time.Now()
		}
		if time.Since(m.missing) > patience { // Sooner it may be that our cache is behind, and an event is a write.
			k.say(pod, m, "FailedMount", err.Error())
		}
		return waiting(pod, "ContainerCreating", ""), poll
	}
	m.missing = time.Time{}
	switch {
	case strings.HasSuffix(image, "-hangs"):
		return running(pod, what == certgen), 0 // a Job's pod has no probe that could fail
	case what == certgen:
		return k.certgen(ctx, pod, m, strings.HasSuffix(image, "-crashes"))
	case strings.HasSuffix(image, "-crashes"):
		return k.crash(pod, m, 1, "crashes, as its tag says")
	}
	problem := checkStart(pod, files)
	if problem == nil {
		problem = k.checkVersion(ctx, pod)
	}
	if problem == nil {
		problem = k.checkKey(ctx, pod, files)
	}
	switch {
	case problem == nil:
		return running(pod, true), 0
	case errors.As(problem, new(unreadyError)):
		k.say(pod, m, "Unhealthy", "Readiness probe failed: "+problem.Error())
		return running(pod, false), 0
	default:
		return k.crash(pod, m, 1, problem.Error())
	}
}

// neverPulls alternates as a kubelet does between an attempt that failed and the wait for the next.
func (k *kubelet) neverPulls(pod *corev1.Pod, m *memory, image string) (*corev1.PodStatus, time.Duration) {
	words := fmt.Sprintf("failed to pull and unpack image %q: failed to resolve reference %q: %s: not found", image, image, image)
	m.pulls++
	if m.pulls%2 == 1 {
		k.say(pod, m, "Failed", fmt.Sprintf("Failed to pull image %q: %s", image, words))
		m.due = time.Now().Add(time.Second)
		return waiting(pod, "ErrImagePull", words), time.Second
	}
	wait := backOff(m.pulls/2) / hurry
	m.due = time.Now().Add(min(wait, most))
	return waiting(pod, "ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q: ErrImagePull: %s", image, words)), min(wait, most)
}

// crash ends the container and waits before it is started again.
func (k *kubelet) crash(pod *corev1.Pod, m *memory, code int32, message string) (*corev1.PodStatus, time.Duration) {
	restarts := 1
	if len(pod.Status.ContainerStatuses) > 0 {
		restarts += int(pod.Status.ContainerStatuses[0].RestartCount)
	}
	wait := backOff(restarts)
	m.due = time.Now().Add(min(wait/hurry, most))
	k.say(pod, m, "BackOff", fmt.Sprintf("Back-off restarting failed container %s in pod %s_%s(%s)", pod.Spec.Containers[0].Name, pod.Name, pod.Namespace, pod.UID))
	return crashed(pod, code, message, wait.String()), min(wait/hurry, most)
}

// backOff is a kubelet's: 10 s, doubled each time, at most 5 minutes.
func backOff(times int) time.Duration {
	return min(10*time.Second<<min(max(times-1, 0), 10), 5*time.Minute)
}

// certgen runs certgen, once or until it succeeds, as the pod's restart policy says.
func (k *kubelet) certgen(ctx context.Context, pod *corev1.Pod, m *memory, crashes bool) (*corev1.PodStatus, time.Duration) {
	if crashes {
		now := time.Now()
		return k.certgenEnded(pod, m, &program{started: now, ends: now, code: 1, message: "crashes, as its tag says"})
	}
	if m.program == nil {
		run, err := k.programs.start(ctx, pod)
		if err != nil {
			k.say(pod, m, "FailedMount", err.Error())
			return waiting(pod, "ContainerCreating", ""), poll
		}
		m.program = run
	}
	if !m.program.ended() {
		return running(pod, true), 0 // its end will wake us
	}
	return k.certgenEnded(pod, m, m.program)
}

func (k *kubelet) certgenEnded(pod *corev1.Pod, m *memory, run *program) (*corev1.PodStatus, time.Duration) {
	if run.code == 0 || pod.Spec.RestartPolicy == corev1.RestartPolicyNever {
		return over(pod, run), 0
	}
	m.program = nil
	return k.crash(pod, m, int32(run.code), run.message) //nolint:gosec // an exit code
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

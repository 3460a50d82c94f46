package main

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// end describes how a container ended.
type end struct {
	code    int32
	reason  string // by default Completed or Error, by the code
	message string
}

// crash is a container that ended and will be started again.
type crash struct {
	which container
	end
}

// transcript returns what a gateway logs before it ends with an error: a line with the time, then the error.
func transcript(problem error) string {
	if errors.As(problem, new(earlyError)) {
		return gateway.Report(problem)
	}
	return gateway.LogLine(time.Now(), gateway.Info, "Starting OpenShell server") + gateway.Report(problem)
}

// pause is how long a container's status is terminated before it waits in CrashLoopBackOff.
const pause = time.Second

// terminate ends a container that will be started again. Its status is terminated first, and waits after a pause.
func (k *kubelet) terminate(pod *corev1.Pod, m *memory, which container, e end) (*corev1.PodStatus, time.Duration) {
	m.crash = &crash{which, e}
	m.due = time.Now().Add(pause)
	return ended(pod, which, e), pause
}

// backOff lets a container that has ended wait before it is started again.
func (k *kubelet) backOff(pod *corev1.Pod, m *memory) (*corev1.PodStatus, time.Duration) {
	c := m.crash
	m.crash = nil
	restarts := 1
	if status := c.which.status(&pod.Status); status != nil {
		restarts += int(status.RestartCount)
	}
	wait := backOff(restarts)
	m.due = time.Now().Add(min(wait/hurry, most))
	name := c.which.spec(pod).Name
	k.say(pod, m, "BackOff", fmt.Sprintf("Back-off restarting failed container %s in pod %s_%s(%s)", name, pod.Name, pod.Namespace, pod.UID))
	return crashed(pod, c.which, c.end, wait.String()), min(wait/hurry, most)
}

// backOff is a kubelet's: 10 s, doubled each time, at most 5 minutes.
func backOff(times int) time.Duration {
	return min(10*time.Second<<min(max(times-1, 0), 10), 5*time.Minute)
}

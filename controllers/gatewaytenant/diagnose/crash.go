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
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// pullErrors are the reasons of a container that waits because its image cannot be pulled.
var pullErrors = []string{
	"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed",
}

// startErrors are the reasons of a container that waits after it was started and has ended. A kubelet alternates between them.
var startErrors = []string{"CrashLoopBackOff", "RunContainerError", "PostStartHookError", "PreStartHookError"}

// problem returns why a container does not run or how it ended. A container that runs again keeps the problem of its last end
// until it is ready. A kubelet reports one crash first as a terminated container, then as a waiting one.
func (c *container) problem() Problem {
	waiting, ended, last := c.State.Waiting, c.State.Terminated, c.LastTerminationState.Terminated
	switch {
	case waiting != nil && slices.Contains(pullErrors, waiting.Reason):
		return c.pullError()
	case waiting != nil && last != nil && slices.Contains(startErrors, waiting.Reason):
		return c.crash(last)
	case waiting != nil && waiting.Reason != "" && !isStarting(waiting):
		found := Problem{
			Reason: v1alpha1.ReasonPodFailed, Remedy: describePod(c.pod),
			Message: message.WithDetail(fmt.Sprintf("%s cannot start (%s)", c.title(), waiting.Reason), message.Normalize(waiting.Message)),
		}
		if slices.Contains(startErrors, waiting.Reason) {
			found.Reason = v1alpha1.ReasonCrashLoop
		}
		return found
	case ended != nil && c.restarts(ended.ExitCode):
		return c.crash(ended)
	case ended != nil && ended.ExitCode != 0:
		return Problem{
			Reason: v1alpha1.ReasonPodFailed, Remedy: describePod(c.pod),
			Message: fmt.Sprintf("%s failed (%s, exit code %d)", c.title(), ended.Reason, ended.ExitCode),
			Output:  programOutput(ended.Message),
		}
	case c.State.Running != nil && !c.Ready && !c.wasReady() && last != nil && (last.ExitCode != 0 || !c.init || c.sidecar):
		return c.crash(last)
	}
	return Problem{}
}

// crash returns the problem of a container that has ended and is started again.
func (c *container) crash(ended *corev1.ContainerStateTerminated) Problem {
	found := Problem{
		Reason: v1alpha1.ReasonCrashLoop, Output: programOutput(ended.Message),
		Message: fmt.Sprintf("%s crashes (%s, exit code %d)", c.title(), ended.Reason, ended.ExitCode),
		Remedy:  fmt.Sprintf("see: kubectl logs %s -n %s -c %s --previous", c.pod.Name, c.pod.Namespace, c.Name),
	}
	switch {
	case ended.Reason == "OOMKilled":
		found.Output = "" // its last lines do not explain it
		found.Message = fmt.Sprintf("%s was killed because it exceeded its memory limit%s (OOMKilled, exit code %d)",
			c.title(), c.memoryLimit(), ended.ExitCode)
		found.Remedy = c.raiseMemory(found.Remedy)
	case ended.ExitCode == 0:
		found.Since = c.problemSince(ended)
		found.Message = fmt.Sprintf("%s ends, although it must keep running (%s, exit code 0)", c.title(), ended.Reason)
	}
	return found
}

// problemSince returns since when an end without an error is a problem, or zero if it is one immediately. A node that restarts
// stops a container in the same way and starts it again. A container that ends repeatedly after short runs is in a loop.
func (c *container) problemSince(ended *corev1.ContainerStateTerminated) metav1.Time {
	const shortRun = 10 * time.Minute // after a longer one, a kubelet restarts the container without a delay
	ends := c.RestartCount
	if c.State.Terminated != nil {
		ends++
	}
	isLoop := c.State.Waiting != nil || ends > 1 && ended.FinishedAt.Sub(ended.StartedAt.Time) < shortRun
	switch {
	case isLoop:
		return metav1.Time{}
	case c.State.Running != nil:
		return metav1.NewTime(c.State.Running.StartedAt.Add(slowStart))
	}
	return metav1.NewTime(ended.FinishedAt.Add(slowStart))
}

// pullError returns why an image cannot be pulled. A kubelet alternates between an attempt and the wait for the next one, and
// repeats the message of the registry in both.
func (c *container) pullError() Problem {
	waiting := c.State.Waiting
	answer := strings.TrimPrefix(message.Normalize(waiting.Message), fmt.Sprintf("Back-off pulling image %q", c.Image))
	found := Problem{
		Reason: v1alpha1.ReasonImagePullFailed, Remedy: "correct the image of this container, or let the nodes reach the registry",
		Message: fmt.Sprintf("image %s of %s cannot be pulled", c.Image, c.title()),
		Output:  message.Truncate(strings.TrimPrefix(strings.TrimPrefix(answer, ": "), "ErrImagePull: "), message.MaxLength),
	}
	if c.Name == manifests.GatewayName {
		found.Remedy = "correct spec.image, or let the nodes reach the registry"
	}
	return found
}

// RestartingWithoutError returns the container of a pod that ended without an error and does not count as crashing yet. It is
// empty if there is none.
func RestartingWithoutError(pod *corev1.Pod) string {
	if pod == nil {
		return ""
	}
	for _, c := range containersOf(pod) {
		if found := c.problem(); found.Reason == v1alpha1.ReasonCrashLoop && !found.Since.IsZero() {
			return c.title()
		}
	}
	return ""
}

// raiseMemory returns what to do about a container that needs more memory than its limit.
func (c *container) raiseMemory(logs string) string {
	if c.Name != manifests.GatewayName {
		return logs + "; raise the memory limit of this container"
	}
	return logs + fmt.Sprintf("; every gateway has the same limit; to raise that of this pod until it is replaced: "+
		`kubectl patch pod %s -n %s --subresource resize -p '{"spec":{"containers":[{"name":"%s","resources":{"limits":{"memory":"1Gi"}}}]}}'`,
		c.pod.Name, c.pod.Namespace, c.Name)
}

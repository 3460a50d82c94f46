package gatewaytenant

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// slowStart is how much longer than a pod may wait for a node a container may take until it is ready, and an init container
// until it has completed.
const slowStart = 5 * time.Second

// container is one container of a pod with what is needed to explain its status.
type container struct {
	*corev1.ContainerStatus
	pod     *corev1.Pod
	init    bool // an init container, which may be a sidecar
	sidecar bool // an init container that keeps running
}

// containersOf returns the containers of a pod: first the init containers in their order, then the gateway.
func containersOf(pod *corev1.Pod) []container {
	var all []container
	for i := range pod.Status.InitContainerStatuses {
		is := &pod.Status.InitContainerStatuses[i]
		sidecar := slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool {
			return c.Name == is.Name && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
		})
		all = append(all, container{is, pod, true, sidecar})
	}
	var others []container
	for i := range pod.Status.ContainerStatuses {
		one := container{ContainerStatus: &pod.Status.ContainerStatuses[i], pod: pod}
		if one.Name == manifests.GatewayName {
			all = append(all, one)
		} else {
			others = append(others, one)
		}
	}
	return append(all, others...)
}

// what returns how a message names the container.
func (c *container) what() string {
	switch {
	case c.sidecar:
		return "sidecar container " + c.Name
	case c.init:
		return "init container " + c.Name
	}
	return "container " + c.Name
}

// restarts reports whether the kubelet starts the container again after it ended with that exit code.
func (c *container) restarts(code int32) bool {
	switch {
	case c.pod.Status.Phase == corev1.PodFailed || c.pod.Status.Phase == corev1.PodSucceeded:
		return false
	case c.sidecar || c.pod.Spec.RestartPolicy == corev1.RestartPolicyAlways || c.pod.Spec.RestartPolicy == "":
		return !c.init || c.sidecar || code != 0
	}
	return c.pod.Spec.RestartPolicy == corev1.RestartPolicyOnFailure && code != 0
}

// pullErrors are the reasons for which a container waits for its image.
var pullErrors = []string{
	"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed",
}

// startErrors are the reasons for which a container waits that was started and has ended. A kubelet alternates between them.
var startErrors = []string{"CrashLoopBackOff", "RunContainerError", "PostStartHookError", "PreStartHookError"}

// trouble returns why a container does not run, how it ended, or how it ended last although it runs again: until it is
// ready, the problem persists. A kubelet reports one crash as a terminated container first, then as a waiting one.
func (c *container) trouble() trouble {
	waiting, ended, last := c.State.Waiting, c.State.Terminated, c.LastTerminationState.Terminated
	switch {
	case waiting != nil && slices.Contains(pullErrors, waiting.Reason):
		return c.cannotPull()
	case waiting != nil && last != nil && slices.Contains(startErrors, waiting.Reason):
		return c.crash(last)
	case waiting != nil && waiting.Reason != "" && !isStarting(waiting):
		found := trouble{
			reason: v1alpha1.ReasonPodFailed, remedy: describePod(c.pod),
			words: said("%s cannot start (%s): %s", c.what(), waiting.Reason, normalise(waiting.Message)),
		}
		if slices.Contains(startErrors, waiting.Reason) {
			found.reason = v1alpha1.ReasonCrashLoop
		}
		return found
	case ended != nil && c.restarts(ended.ExitCode):
		return c.crash(ended)
	case ended != nil && ended.ExitCode != 0:
		return trouble{
			reason: v1alpha1.ReasonPodFailed, remedy: describePod(c.pod),
			words:  fmt.Sprintf("%s failed (%s, exit code %d)", c.what(), ended.Reason, ended.ExitCode),
			output: programOutput(ended.Message),
		}
	case c.State.Running != nil && !c.Ready && !c.wasReady() && last != nil && (last.ExitCode != 0 || !c.init || c.sidecar):
		return c.crash(last)
	}
	return trouble{}
}

// wasReady reports whether the container has been ready since its last start. How it ended before explains nothing then. A kubelet
// sets the pod to not ready when the container ends, or when its readiness probe has failed several times.
func (c *container) wasReady() bool {
	const afterStart = 4 * time.Second
	ready := conditionOf(c.pod, corev1.PodReady)
	return ready != nil && ready.LastTransitionTime.Sub(c.State.Running.StartedAt.Time) > afterStart
}

// isStarting reports whether a container waits for its start, as each container does at first.
func isStarting(waiting *corev1.ContainerStateWaiting) bool {
	return waiting.Reason == "ContainerCreating" || waiting.Reason == "PodInitializing"
}

// crash describes the end of a container that is started again.
func (c *container) crash(ended *corev1.ContainerStateTerminated) trouble {
	found := trouble{
		reason: v1alpha1.ReasonCrashLoop, output: programOutput(ended.Message),
		words:  fmt.Sprintf("%s crashes (%s, exit code %d)", c.what(), ended.Reason, ended.ExitCode),
		remedy: fmt.Sprintf("see: kubectl logs %s -n %s -c %s --previous", c.pod.Name, c.pod.Namespace, c.Name),
	}
	switch {
	case ended.Reason == "OOMKilled":
		found.output = "" // its last lines do not explain it
		found.words = fmt.Sprintf("%s was killed because it exceeded its memory limit%s (OOMKilled, exit code %d)",
			c.what(), c.memoryLimit(), ended.ExitCode)
		found.remedy = c.moreMemory(found.remedy)
	case ended.ExitCode == 0:
		found.since = c.orderlyEnd(ended)
		found.words = fmt.Sprintf("%s ends, although it must keep running (%s, exit code 0)", c.what(), ended.Reason)
	}
	return found
}

// orderlyEnd returns from when an end without an error counts after some time, zero if it counts immediately. A node that
// restarts stops a container in the same way, and starts it again. A container that ends repeatedly after short runs is in a loop.
func (c *container) orderlyEnd(ended *corev1.ContainerStateTerminated) metav1.Time {
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

// restartsOrderly returns the container of a pod that ended without an error and does not count as crashing yet. It is empty if
// there is none.
func restartsOrderly(pod *corev1.Pod) string {
	if pod == nil {
		return ""
	}
	for _, c := range containersOf(pod) {
		if found := c.trouble(); found.reason == v1alpha1.ReasonCrashLoop && !found.since.IsZero() {
			return c.what()
		}
	}
	return ""
}

// lastEnd returns how the container ended last, nil if it has not ended.
func (c *container) lastEnd() *corev1.ContainerStateTerminated {
	if c.State.Terminated != nil {
		return c.State.Terminated
	}
	return c.LastTerminationState.Terminated
}

// mayBeProbe reports whether a probe may have ended the container: then it got SIGTERM, and SIGKILL if it did not react.
func (c *container) mayBeProbe() bool {
	ended := c.lastEnd()
	return ended != nil && ended.Reason != "OOMKilled" && slices.Contains([]int32{0, 137, 143}, ended.ExitCode)
}

// endedByProbe returns the container that crashed if a probe may have ended it. Otherwise it returns nil.
func endedByProbe(pod *corev1.Pod, crash trouble) *container {
	if pod == nil || crash.reason != v1alpha1.ReasonCrashLoop {
		return nil
	}
	for _, c := range containersOf(pod) {
		if c.mayBeProbe() && c.trouble() == crash {
			return &c
		}
	}
	return nil
}

// memoryLimit returns the container's memory limit as part of a message. It is empty if it is not known.
func (c *container) memoryLimit() string {
	for _, spec := range slices.Concat(c.pod.Spec.InitContainers, c.pod.Spec.Containers) {
		if limit, has := spec.Resources.Limits[corev1.ResourceMemory]; has && spec.Name == c.Name {
			return " of " + limit.String()
		}
	}
	return ""
}

// moreMemory returns what to do about a container that needs more memory than its limit.
func (c *container) moreMemory(logs string) string {
	if c.Name != manifests.GatewayName {
		return logs + "; raise the memory limit of this container"
	}
	return logs + fmt.Sprintf("; every gateway has the same limit; to raise that of this pod until it is replaced: "+
		`kubectl patch pod %s -n %s --subresource resize -p '{"spec":{"containers":[{"name":"%s","resources":{"limits":{"memory":"1Gi"}}}]}}'`,
		c.pod.Name, c.pod.Namespace, c.Name)
}

// cannotPull explains why an image cannot be pulled. A kubelet alternates between an attempt and the wait for the next one,
// and repeats the message of the registry in both.
func (c *container) cannotPull() trouble {
	waiting := c.State.Waiting
	message := strings.TrimPrefix(normalise(waiting.Message), fmt.Sprintf("Back-off pulling image %q", c.Image))
	found := trouble{
		reason: v1alpha1.ReasonImagePullFailed, remedy: "correct the image of this container, or let the nodes reach the registry",
		words:  fmt.Sprintf("image %s of %s cannot be pulled", c.Image, c.what()),
		output: cut(strings.TrimPrefix(strings.TrimPrefix(message, ": "), "ErrImagePull: ")),
	}
	if c.Name == manifests.GatewayName {
		found.remedy = "correct spec.image, or let the nodes reach the registry"
	}
	return found
}

// hang returns the trouble of a container that runs, but is not ready or has not completed, although the pod waits for it.
func (c *container) hang() trouble {
	running := c.State.Running
	endless := c.init || c.pod.Spec.RestartPolicy != corev1.RestartPolicyNever
	if running == nil || c.Ready || !endless {
		return trouble{}
	}
	started := c.Started != nil && *c.Started
	found := trouble{
		reason: v1alpha1.ReasonPodNotReady, since: metav1.NewTime(running.StartedAt.Add(slowStart)),
		remedy: fmt.Sprintf("see: kubectl logs %s -n %s -c %s", c.pod.Name, c.pod.Namespace, c.Name),
	}
	if c.wasReady() {
		found.since = metav1.Time{} // it has started, so a slow start does not explain it
	}
	switch {
	case c.init && !c.sidecar:
		found.reason, found.words = v1alpha1.ReasonPodStuck, c.what()+" does not complete, and the gateway starts only after it"
	case c.sidecar && !started:
		found.reason, found.words = v1alpha1.ReasonPodStuck, c.what()+" does not pass its startup probe, and the gateway starts only after it"
	case c.Name == manifests.GatewayName && !started:
		found.words = c.what() + " does not start to serve: GET /healthz on port 8081 does not succeed"
	case c.Name == manifests.GatewayName:
		found.words = c.what() + " runs, but is not ready: GET /readyz on port 8081 does not succeed"
	case !started:
		found.words = c.what() + " runs, but does not pass its startup probe"
	default:
		found.words = c.what() + " runs, but does not pass its readiness probe"
	}
	return found
}

// describePod returns the command that shows a pod and its Events.
func describePod(pod *corev1.Pod) string {
	return fmt.Sprintf("see: kubectl describe pod %s -n %s", pod.Name, pod.Namespace)
}

package gatewaytenant

import (
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// trouble is why a pod does not do its work, and what to do about it. The zero value means that nothing is known to be wrong.
type trouble struct {
	reason, words string
	output        string      // what a program reported at its end, which may differ each time, or a registry
	remedy        string      // what to do
	since         metav1.Time // when it may have become a problem; it is reported some time later, or immediately if this is zero
}

// text returns the description of the trouble without the remedy.
func (t trouble) text() string { return said("%s: %s", t.words, t.output) }

// jobTrouble returns why a Job does not do its work. The last pod that failed is the best source, then one that does not
// start, then the Job itself.
func jobTrouble(job *batchv1.Job, pods []corev1.Pod, events []corev1.Event) trouble {
	var failed, stuck *corev1.Pod
	for i := range pods {
		pod := &pods[i]
		if !metav1.IsControlledBy(pod, job) {
			continue
		}
		switch {
		case pod.Status.Phase == corev1.PodFailed && (failed == nil || failed.CreationTimestamp.Before(&pod.CreationTimestamp)):
			failed = pod
		case pod.DeletionTimestamp == nil && (len(podTroubles(pod)) > 0 || isStartingPod(pod)):
			stuck = pod
		}
	}
	switch ended := jobCondition(job, batchv1.JobFailed); {
	case failed != nil:
		ended := *failed
		ended.DeletionTimestamp = nil // it failed before it was deleted
		return firstOf(podTroubles(&ended))
	case stuck != nil && isStartingPod(stuck):
		return startTrouble(stuck, events)
	case stuck != nil:
		return firstOf(podTroubles(stuck))
	case ended != nil:
		return trouble{words: "its Job failed: " + ended.Message}
	case job.Status.Active == 0:
		return refusal(job, events, nil)
	}
	return trouble{}
}

// gatewayTroubles returns why the gateway's pod does not serve, and what to do. The pod is nil if there is none.
func gatewayTroubles(pod *corev1.Pod, claim *corev1.PersistentVolumeClaim) []trouble {
	if pod == nil {
		return nil
	}
	found := podTroubles(pod)
	for i := range found {
		if found[i].reason == v1alpha1.ReasonUnschedulable && claim != nil && claim.Status.Phase == corev1.ClaimPending {
			found[i].reason = v1alpha1.ReasonVolumePending
			found[i].words = fmt.Sprintf("volume claim %s is not bound (%s)", claim.Name, found[i].words)
			found[i].remedy = fmt.Sprintf("see: kubectl describe pvc %s -n %s", claim.Name, pod.Namespace)
		}
	}
	return found
}

// podTroubles returns why a pod does not do its work, the most important cause first. One that is reported only after some time
// does not hide the next ones until then.
func podTroubles(pod *corev1.Pod) []trouble {
	all := []trouble{lostNode(pod), taintedNode(pod), silentNode(pod), heldByFinalizers(pod), eviction(pod)}
	if pod.DeletionTimestamp == nil { // how the containers of a deleted pod end explains nothing
		containers := containersOf(pod)
		for i := range containers {
			all = append(all, containers[i].trouble())
		}
		all = append(all, failed(pod), unscheduled(pod))
		for i := range containers {
			all = append(all, containers[i].hang())
		}
		all = append(all, gated(pod))
	}
	return slices.DeleteFunc(all, func(t trouble) bool { return t == trouble{} })
}

// PodProblem returns why the gateway's pod does not do its work, as far as the pod itself shows it. It is empty if nothing
// is known to be wrong.
func PodProblem(pod *corev1.Pod, now time.Time) string {
	found, _ := firstDue(podTroubles(pod), patience, now)
	return cut(found.words)
}

// firstDue returns the first trouble that has lasted for the given time, and how long it takes until one before it has. That
// is zero if there is none.
func firstDue(all []trouble, patience time.Duration, now time.Time) (found trouble, wait time.Duration) {
	for _, one := range all {
		left := patience - now.Sub(one.since.Time)
		if one.since.IsZero() || left <= 0 {
			return one, wait
		}
		if wait == 0 || left < wait {
			wait = left
		}
	}
	return trouble{}, wait
}

// firstOf returns the first of these, zero if there is none.
func firstOf(all []trouble) trouble {
	if len(all) == 0 {
		return trouble{}
	}
	return all[0]
}

// failed returns why a pod ended as a whole, such as that its node has no room for it.
func failed(pod *corev1.Pod) trouble {
	if pod.Status.Phase != corev1.PodFailed {
		return trouble{}
	}
	return trouble{
		reason: v1alpha1.ReasonPodFailed, remedy: describePod(pod),
		words: said("the pod failed (%s): %s", pod.Status.Reason, normalise(pod.Status.Message)),
	}
}

// unscheduled returns why no node takes a pod.
func unscheduled(pod *corev1.Pod) trouble {
	condition := conditionOf(pod, corev1.PodScheduled)
	if condition == nil || condition.Status != corev1.ConditionFalse {
		return trouble{}
	}
	return trouble{
		reason: v1alpha1.ReasonUnschedulable, since: condition.LastTransitionTime,
		words:  "the pod is not scheduled: " + normaliseScheduling(condition.Message),
		remedy: "make room on the nodes, or " + describePod(pod),
	}
}

// gated returns which condition of another controller keeps a pod from being ready.
func gated(pod *corev1.Pod) trouble {
	condition := conditionOf(pod, corev1.PodReady)
	if condition == nil || condition.Reason != "ReadinessGatesNotReady" {
		return trouble{}
	}
	return trouble{
		reason: v1alpha1.ReasonPodNotReady, since: condition.LastTransitionTime,
		words: "a readiness gate is not ready: " + normalise(condition.Message), remedy: describePod(pod),
	}
}

// said formats words of which the last may be missing.
func said(format string, words ...any) string {
	return strings.TrimSuffix(fmt.Sprintf(format, words...), ": ")
}

// refusal returns why the API server does not create a pod of an object: a quota, a policy, a missing right. Only an Event
// reports it.
func refusal(of metav1.Object, events []corev1.Event, since *metav1.Time) trouble {
	var last *corev1.Event
	for i := range events {
		event := &events[i]
		if event.InvolvedObject.UID == of.GetUID() && (since == nil || !event.LastTimestamp.Before(since)) && (last == nil || later(event, last)) {
			last = event
		}
	}
	if last == nil {
		return trouble{}
	}
	message := strings.TrimPrefix(last.Message, "(combined from similar events): ")
	if _, why, cut := strings.Cut(message, " failed error: "); cut { // of a StatefulSet
		message = why
	}
	return trouble{
		reason: v1alpha1.ReasonPodRefused,
		words:  "the API server refuses the pod: " + normalise(strings.TrimPrefix(message, "Error creating: ")),
		remedy: "raise the quota, or let the policy admit the pod; see: kubectl describe resourcequota -n " + of.GetNamespace(),
	}
}

// later orders events by time and, within the second that times tell, by name: the same ones always in the same order.
func later(a, b *corev1.Event) bool {
	if a.LastTimestamp.Equal(&b.LastTimestamp) {
		return a.Name > b.Name
	}
	return b.LastTimestamp.Before(&a.LastTimestamp)
}

package diagnose

import (
	"cmp"
	"fmt"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
)

// Job returns why a Job does not do its work. The last pod that failed is the best source, then one that does not start, then the
// Job itself.
func Job(job *batchv1.Job, pods []corev1.Pod, events []corev1.Event) Problem {
	var failed, stuck *corev1.Pod
	for i := range pods {
		pod := &pods[i]
		if !metav1.IsControlledBy(pod, job) {
			continue
		}
		switch {
		case pod.Status.Phase == corev1.PodFailed && (failed == nil || failed.CreationTimestamp.Before(&pod.CreationTimestamp)):
			failed = pod
		case pod.DeletionTimestamp == nil && (len(Pod(pod)) > 0 || IsStarting(pod)):
			stuck = pod
		}
	}
	switch ended := JobCondition(job, batchv1.JobFailed); {
	case failed != nil:
		ended := *failed
		ended.DeletionTimestamp = nil // it failed before it was deleted
		return first(Pod(&ended))
	case stuck != nil && IsStarting(stuck):
		return Start(stuck, events)
	case stuck != nil:
		return first(Pod(stuck))
	case ended != nil:
		return Problem{Message: "its Job failed: " + ended.Message}
	case job.Status.Active == 0:
		refused := RefusedPod(job, events, nil)
		refused.Message = strings.TrimSuffix(refused.Message+"; "+refused.Remedy, "; ") // the condition has no other place for it
		return refused
	}
	return Problem{}
}

// GatewayPod returns why the gateway's pod does not serve. The pod and its volume claim are nil if they do not exist.
func GatewayPod(pod *corev1.Pod, claim *corev1.PersistentVolumeClaim) []Problem {
	if pod == nil {
		return nil
	}
	found := Pod(pod)
	for i := range found {
		if found[i].Reason != v1alpha1.ReasonUnschedulable || claim == nil {
			continue
		}
		switch claim.Status.Phase {
		case corev1.ClaimPending:
			found[i].Reason = v1alpha1.ReasonVolumePending
			found[i].Message = fmt.Sprintf("volume claim %s is not bound (%s)", claim.Name, found[i].Message)
			found[i].Remedy = fmt.Sprintf("see: kubectl describe pvc %s -n %s", claim.Name, pod.Namespace)
		case corev1.ClaimLost:
			found[i].Reason = v1alpha1.ReasonVolumePending
			found[i].Message = fmt.Sprintf("volume claim %s has lost its volume (%s)", claim.Name, found[i].Message)
			found[i].Remedy = fmt.Sprintf("restore the PersistentVolume that the claim names (kubectl get pvc %[1]s -n %[2]s), or, to begin with an empty volume: kubectl delete pvc %[1]s -n %[2]s",
				claim.Name, pod.Namespace)
		}
	}
	return found
}

// RefusedPod returns why the API server rejects a pod of a Job or StatefulSet: a quota, a policy, a missing permission. Only
// Events report it. Those before since are ignored, unless since is nil.
func RefusedPod(workload metav1.Object, events []corev1.Event, since *metav1.Time) Problem {
	var last *corev1.Event
	for i := range events {
		event := &events[i]
		if event.InvolvedObject.UID == workload.GetUID() && (since == nil || !event.LastTimestamp.Before(since)) && (last == nil || isLater(event, last)) {
			last = event
		}
	}
	if last == nil {
		return Problem{}
	}
	cause := strings.TrimPrefix(last.Message, combined)
	if _, after, found := strings.Cut(cause, " failed error: "); found { // of a StatefulSet
		cause = after
	}
	return Problem{
		Reason:  v1alpha1.ReasonPodRefused,
		Message: "the API server refuses the pod: " + message.Normalize(strings.TrimPrefix(cause, "Error creating: ")),
		Remedy: cmp.Or(admissionRemedy(last.Message, workload.GetNamespace()),
			"raise the quota, or let the policy admit the pod; see: kubectl describe resourcequota -n "+workload.GetNamespace()),
	}
}

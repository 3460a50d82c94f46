package diagnose

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// gatewayPod is the pod of a StatefulSet, with a container in that state.
func gatewayPod(set *appsv1.StatefulSet, state corev1.ContainerStatus) corev1.Pod {
	yes := true
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "openshell-gateway-0", OwnerReferences: []metav1.OwnerReference{{UID: set.UID, Controller: &yes}}},
		Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{state}},
	}
}

func TestWhatKeepsAGatewayFromServing(t *testing.T) {
	set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{UID: "set"}}
	waiting := func(reason, message string) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: "c", Image: "x:1", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
	}
	crashed := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Error", ExitCode: 2, Message: "starting\n2026-01-01T00:00:00Z Error:\n  x no such key\n  help: none\n"}}
	backOff, runsAgain := waiting("CrashLoopBackOff", "back-off 10s"), corev1.ContainerStatus{Name: "c", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	backOff.LastTerminationState, runsAgain.LastTerminationState = crashed, crashed
	ready := runsAgain
	ready.Ready = true
	unscheduled := gatewayPod(set, corev1.ContainerStatus{})
	unscheduled.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/12 nodes are available: 3 Insufficient cpu, 9 node(s) had taints."}}
	evicted := gatewayPod(set, corev1.ContainerStatus{})
	evicted.Status.Phase, evicted.Status.Reason, evicted.Status.Message = corev1.PodFailed, "Evicted", "low on memory"
	pending := &corev1.PersistentVolumeClaim{Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending}}
	pending.Name = "data"
	at := func(second int64) metav1.Time { return metav1.Unix(second, 0) }
	refused := func(uid, message string, second int64) corev1.Event {
		return corev1.Event{InvolvedObject: corev1.ObjectReference{UID: types.UID(uid)}, Message: message, LastTimestamp: at(second)}
	}
	for _, c := range []struct {
		what          string
		pods          []corev1.Pod
		claim         *corev1.PersistentVolumeClaim
		events        []corev1.Event
		since         int64
		reason, words string
	}{
		{"nothing yet", nil, nil, nil, 0, "", ""},
		{"being created", []corev1.Pod{gatewayPod(set, waiting("ContainerCreating", ""))}, nil, nil, 0, "", ""},
		{"ready, and crashed once", []corev1.Pod{gatewayPod(set, ready)}, nil, nil, 0, "", ""},
		{"the attempt", []corev1.Pod{gatewayPod(set, waiting("ErrImagePull", "not found"))}, nil, nil, 0, v1alpha1.ReasonImagePullFailed, "image x:1 of container c cannot be pulled: not found"},
		{"the wait", []corev1.Pod{gatewayPod(set, waiting("ImagePullBackOff", `Back-off pulling image "x:1": ErrImagePull: not found`))}, nil, nil, 0, v1alpha1.ReasonImagePullFailed, "image x:1 of container c cannot be pulled: not found"},
		{"the wait, of an old kubelet", []corev1.Pod{gatewayPod(set, waiting("ImagePullBackOff", `Back-off pulling image "x:1"`))}, nil, nil, 0, v1alpha1.ReasonImagePullFailed, "image x:1 of container c cannot be pulled"},
		{"a crash", []corev1.Pod{gatewayPod(set, backOff)}, nil, nil, 0, v1alpha1.ReasonCrashLoop, "container c crashes (Error, exit code 2): … Error: / x no such key / help: none"},
		{"between two crashes", []corev1.Pod{gatewayPod(set, runsAgain)}, nil, nil, 0, v1alpha1.ReasonCrashLoop, "container c crashes (Error, exit code 2): … Error: / x no such key / help: none"},
		{"a container that cannot be made", []corev1.Pod{gatewayPod(set, waiting("CreateContainerConfigError", "no key"))}, nil, nil, 0, v1alpha1.ReasonPodFailed, "container c cannot start (CreateContainerConfigError): no key"},
		{"evicted", []corev1.Pod{evicted}, nil, nil, 0, v1alpha1.ReasonPodFailed, "the pod failed (Evicted): low on memory"},
		{"no node", []corev1.Pod{unscheduled}, nil, nil, 0, v1alpha1.ReasonUnschedulable, "the pod is not scheduled: no node is available: Insufficient cpu, node(s) had taints"},
		{"no volume", []corev1.Pod{unscheduled}, pending, nil, 0, v1alpha1.ReasonVolumePending, "volume claim data is not bound (the pod is not scheduled: no node is available: Insufficient cpu, node(s) had taints)"},
		{"refused", nil, nil, []corev1.Event{refused("set", `create Pod openshell-gateway-0 in StatefulSet openshell-gateway failed error: exceeded quota`, 5)}, 5, v1alpha1.ReasonPodRefused, "the API server refuses the pod: exceeded quota"},
		{"refused, before it served", nil, nil, []corev1.Event{refused("set", "quota", 4)}, 5, "", ""},
		{"another is refused", nil, nil, []corev1.Event{refused("other", "quota", 6)}, 5, "", ""},
		{"the last refusal counts", nil, nil, []corev1.Event{refused("set", "policy", 7), refused("set", "quota", 6)}, 5, v1alpha1.ReasonPodRefused, "the API server refuses the pod: policy"},
	} {
		since := at(c.since)
		got := RefusedPod(set, c.events, &since)
		if len(c.pods) > 0 {
			got = first(GatewayPod(&c.pods[0], c.claim))
		}
		if got.Reason != c.reason || got.Description() != c.words {
			t.Errorf("%s: %s %q, want %s %q", c.what, got.Reason, got.Description(), c.reason, c.words)
		}
	}
}

// TestPodOfAFailedJobThatIsDeletedExplainsNothing: the Job does.
func TestPodOfAFailedJobThatIsDeletedExplainsNothing(t *testing.T) {
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{UID: "job"}, Status: batchv1.JobStatus{
		Conditions: []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Message: "deadline"}},
	}}
	pod := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{UID: "job", Controller: new(true)}}, DeletionTimestamp: &metav1.Time{Time: time.Unix(1, 0)}},
		Spec:       corev1.PodSpec{NodeName: "node-1", RestartPolicy: corev1.RestartPolicyNever},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Unix(0, 0)}}}}},
	}
	if found := Job(job, []corev1.Pod{pod}, nil); found.Description() != "its Job failed: deadline" {
		t.Errorf("it says %q", found.Description())
	}
	pod.Status.Phase, pod.Status.ContainerStatuses[0].State = corev1.PodFailed, corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{Reason: "Error", ExitCode: 3, Message: "no disk"},
	}
	if found := Job(job, []corev1.Pod{pod}, nil); !strings.HasSuffix(found.Description(), "(Error, exit code 3): no disk") {
		t.Errorf("it says %q", found.Description())
	}
}

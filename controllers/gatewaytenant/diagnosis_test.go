package gatewaytenant

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// podCache has the gateway's pod, as the operator's cache keeps it.
type podCache struct {
	cache.Cache
	pod *corev1.Pod // nil: absent
}

func (c *podCache) Get(_ context.Context, _ client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	if c.pod == nil {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, manifests.PodName)
	}
	kept, err := keepPod(c.pod)
	if err != nil {
		return err
	}
	kept.(*corev1.Pod).DeepCopyInto(object.(*corev1.Pod))
	return nil
}

// diagnosis follows the status of one tenant while its pod changes.
type diagnosis struct {
	t        *testing.T
	clock    time.Time
	pods     *podCache
	server   *apiServer
	recorder *events.FakeRecorder
	r        *Reconciler
	gt       *v1alpha1.GatewayTenant
	p        pass

	writes   int
	warnings []string
}

// newDiagnosis begins with a tenant that serves.
func newDiagnosis(t *testing.T) *diagnosis {
	t.Helper()
	d := &diagnosis{t: t, clock: time.Unix(1_800_000_000, 0), pods: &podCache{}, server: &apiServer{}, recorder: events.NewFakeRecorder(100)}
	d.r = &Reconciler{live: d.server, pods: d.pods, backlog: noBacklog, lookups: newLookups(), events: d.recorder, now: func() time.Time { return d.clock }}
	d.gt, d.p = serving(t)
	d.p.seen.statefulSet.UID, d.p.seen.statefulSet.Namespace = "set", d.gt.Namespace
	d.gt.Status = statusOf(d.gt, d.p)
	return d
}

// pod returns a pod of the gateway on a node, whose containers are being created.
func (d *diagnosis) pod(change ...func(*corev1.Pod)) *corev1.Pod {
	started := metav1.NewTime(d.clock)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: manifests.PodName, Namespace: d.gt.Namespace, UID: "pod", Labels: map[string]string{"controller-revision-hash": "r"},
			OwnerReferences: []metav1.OwnerReference{{UID: "set", Controller: new(true)}},
		},
		Spec: corev1.PodSpec{NodeName: "node-1", RestartPolicy: corev1.RestartPolicyAlways, Containers: []corev1.Container{{
			Name:      manifests.GatewayName,
			Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")}},
		}}},
		Status: corev1.PodStatus{
			Phase: corev1.PodPending, StartTime: &started,
			Conditions: []corev1.PodCondition{
				{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: started},
				{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "ContainersNotReady", Message: "containers with unready status: [openshell-gateway]"},
				{Type: corev1.ContainersReady, Status: corev1.ConditionFalse, Reason: "ContainersNotReady"},
			},
			ContainerStatuses: []corev1.ContainerStatus{{Name: manifests.GatewayName, Image: "gateway:1", State: waiting("ContainerCreating", "")}},
		},
	}
	for _, one := range change {
		one(pod)
	}
	return pod
}

// ready makes a pod as a kubelet reports it when the gateway serves.
func ready(pod *corev1.Pod) {
	pod.Status.Phase = corev1.PodRunning
	pod.Status.ContainerStatuses[0].State = running(pod.Status.StartTime.Time)
	pod.Status.ContainerStatuses[0].Ready, pod.Status.ContainerStatuses[0].Started = true, new(true)
	for i := range pod.Status.Conditions {
		pod.Status.Conditions[i].Status, pod.Status.Conditions[i].Reason, pod.Status.Conditions[i].Message = corev1.ConditionTrue, "", ""
	}
}

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

func running(since time.Time) corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(since)}}
}

func terminated(reason string, code int32, message string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reason, ExitCode: code, Message: message}}
}

// observe reconciles after a time with this pod, which is nil if there is none.
func (d *diagnosis) observe(after time.Duration, pod *corev1.Pod) metav1.Condition {
	d.t.Helper()
	d.clock = d.clock.Add(after)
	d.pods.pod = pod
	set := d.p.seen.statefulSet
	set.Status.Replicas, set.Status.ReadyReplicas = 0, 0
	if pod != nil {
		if set.Status.Replicas = 1; diagnose.IsReady(pod) {
			set.Status.ReadyReplicas = 1
		}
	}
	d.p.seen.pod, d.p.seen.trouble, d.p.seen.again = nil, diagnose.Problem{}, 0
	if err := d.r.observeTrouble(d.t.Context(), d.gt, &d.p.seen); err != nil {
		d.t.Fatal(err)
	}
	status := statusOf(d.gt, d.p)
	if !equality.Semantic.DeepEqual(d.gt.Status, status) {
		d.writes++
		before := d.gt.DeepCopy()
		d.gt.Status = status
		d.r.tell(d.t.Context(), before, status)
	}
	for len(d.recorder.Events) > 0 {
		if event := <-d.recorder.Events; strings.HasPrefix(event, "Warning") {
			d.warnings = append(d.warnings, event)
		}
	}
	return *meta.FindStatusCondition(d.gt.Status.Conditions, v1alpha1.ConditionReady)
}

// follow reconciles the same pod whenever the operator wants to, until a time is over.
func (d *diagnosis) follow(pod *corev1.Pod, until time.Duration) metav1.Condition {
	d.t.Helper()
	end := d.clock.Add(until)
	is := d.observe(0, pod)
	for d.p.seen.again > 0 && !d.clock.Add(d.p.seen.again).After(end) {
		is = d.observe(d.p.seen.again, pod)
	}
	d.clock = end
	return is
}

// expect checks what the status says, and that one Warning Event said it.
func (d *diagnosis) expect(is metav1.Condition, reason string, words ...string) {
	d.t.Helper()
	if is.Reason != reason {
		d.t.Errorf("Ready has the reason %s, want %s: %s", is.Reason, reason, is.Message)
	}
	for _, word := range words {
		if !strings.Contains(is.Message, word) {
			d.t.Errorf("Ready says %q, not %q", is.Message, word)
		}
	}
	if len(d.warnings) != 1 || !strings.HasPrefix(d.warnings[0], "Warning "+reason) {
		d.t.Errorf("Warning Events: %q, want one of %s", d.warnings, reason)
	}
}

// TestCrashLoopIsOneWarningAndOneWrite goes through crashes as a kubelet reports them: terminated, a second later waiting,
// then running again. The log differs each time.
func TestCrashLoopIsOneWarningAndOneWrite(t *testing.T) {
	d := newDiagnosis(t)
	log := func(crash int32) string {
		at := fmt.Sprintf("\x1b[2m2026-11-29T10:%02d:07.%06dZ\x1b[0m", crash, 123456+crash)
		return strings.Repeat("x", 3000) + "cut in the middle of a line\n" +
			at + " \x1b[32m INFO\x1b[0m \x1b[2mopenshell_server\x1b[0m: listening, attempt 7, pid=" + fmt.Sprint(10+crash) + "\n" +
			at + " \x1b[31mERROR\x1b[0m migration of table 4 failed after " + fmt.Sprint(30+crash) + "ms\n" +
			"Error:   \x1b[31m×\x1b[0m failed to open the database, connection " + fmt.Sprint(7000+crash) + ", since the disk is read-\n" +
			"  \x1b[31m│\x1b[0m only\n" +
			"  \x1b[31m╰─▶\x1b[0m Read-only file system (os error 30)\n"
	}
	var is metav1.Condition
	for crash := range int32(4) {
		pod := d.pod(ready)
		container := &pod.Status.ContainerStatuses[0]
		container.Ready, container.RestartCount = false, crash
		pod.Status.Conditions[1].Status, pod.Status.Conditions[2].Status = corev1.ConditionFalse, corev1.ConditionFalse
		pod.Status.Conditions[1].Reason = "ContainersNotReady"
		container.State = terminated("Error", 1, log(crash))
		d.observe(time.Second, pod.DeepCopy())
		container.LastTerminationState = container.State
		container.State = waiting("CrashLoopBackOff", fmt.Sprintf("back-off %ds restarting failed container", 10<<crash))
		d.observe(time.Second, pod.DeepCopy())
		container.State, container.RestartCount = running(d.clock), crash+1
		is = d.observe(time.Second, pod.DeepCopy())
	}
	d.expect(is, "CrashLoop", "exit code 1", "connection 7000, since the disk is read-only / Read-only file system (os error 30)",
		"kubectl logs openshell-gateway-0 -n tenant-a -c openshell-gateway --previous")
	if d.writes != 1 {
		t.Errorf("the status is written %d times", d.writes)
	}
	for _, word := range []string{"\x1b", "10:00", "cut in the middle", "attempt"} {
		if strings.Contains(is.Message, word) {
			t.Errorf("Ready says %q with %q", is.Message, word)
		}
	}
}

// TestOutputOfAnotherSpecIsQuoted: after a change of the spec, a number in the output may be what the change is about.
func TestOutputOfAnotherSpecIsQuoted(t *testing.T) {
	d := newDiagnosis(t)
	d.observe(0, d.pod(crashed("Error", 1, "Error: port 1 is in use")))
	d.gt.Generation++
	d.p.generation++
	if is := d.observe(0, d.pod(crashed("Error", 1, "Error: port 2 is in use"))); !strings.Contains(is.Message, "port 2") {
		t.Errorf("Ready says %q", is.Message)
	}
}

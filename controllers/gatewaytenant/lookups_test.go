package gatewaytenant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// apiServer answers list requests, and keeps what they select.
type apiServer struct {
	client.Reader
	pods   []corev1.Pod
	events []corev1.Event
	err    error
	asked  []string
}

func (a *apiServer) List(_ context.Context, list client.ObjectList, options ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(options)
	raw := o.AsListOptions()
	a.asked = append(a.asked, fmt.Sprintf("%T in %s, %s%s, at most %d", list, o.Namespace, raw.LabelSelector, raw.FieldSelector, raw.Limit))
	switch list := list.(type) {
	case *corev1.PodList:
		list.Items = a.pods
	case *corev1.EventList:
		list.Items = a.events
	}
	return a.err
}

const (
	eventsOfSet = "*v1.EventList in a, involvedObject.uid=set,reason=FailedCreate, at most 32"
	podsOfJob   = "*v1.PodList in a, batch.kubernetes.io/job-name=certgen, at most 32"
)

func TestApiServerIsAskedOnlyAboutWorkloadsThatAreStuck(t *testing.T) {
	server := &apiServer{}
	clock := time.Unix(1000, 0)
	r := &Reconciler{live: server, backlog: noBacklog, lookups: newLookups(), now: func() time.Time { return clock }}
	set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "gateway", UID: "set"}}
	look := func(after time.Duration, wantAsked bool, want string, again time.Duration) {
		t.Helper()
		clock = clock.Add(after)
		server.asked = nil
		seen := &observed{}
		got := r.lookUpGateway(t.Context(), set, nil, seen)
		if got.Description() != want || seen.again != again || (len(server.asked) > 0) != wantAsked {
			t.Errorf("at %s: it says %q and looks again after %s, having asked for %v; want %q and %s", clock.UTC().Format(time.TimeOnly), got.Message, seen.again, server.asked, want, again)
		}
		if wantAsked && strings.Join(server.asked, "; ") != eventsOfSet {
			t.Errorf("asked for %v", server.asked)
		}
	}
	look(0, false, "", 4*time.Second)
	look(3*time.Second, false, "", time.Second)
	look(time.Second, true, "", 4*time.Second) // no Event yet
	look(time.Second, false, "", 3*time.Second)
	server.events = []corev1.Event{{Message: "Error creating: over quota", InvolvedObject: corev1.ObjectReference{UID: "set"}}}
	look(3*time.Second, true, "the API server refuses the pod: over quota", 8*time.Second)
	server.events[0].Message = "Error creating: a policy"
	look(7*time.Second, false, "the API server refuses the pod: over quota", time.Second)
	look(time.Second, true, "the API server refuses the pod: a policy", 15*time.Second)
	server.err, server.events = errors.New("down"), nil
	look(15*time.Second, true, "the API server refuses the pod: a policy", 15*time.Second)
	server.err = nil
	look(15*time.Second, true, "", 15*time.Second)

	r.lookups.settle(lookupKey{"a", "StatefulSet"}) // it has a pod, and loses it
	look(time.Hour, false, "", 4*time.Second)
	r.backlog = func() int { return 40 }
	look(4*time.Second, false, "", 10*time.Second) // many start: each has more time
	look(10*time.Second, true, "", 14*time.Second)
}

func TestFailedPodIsReadImmediatelyAndOnce(t *testing.T) {
	controller := true
	server := &apiServer{}
	clock := time.Unix(1000, 0)
	r := &Reconciler{live: server, backlog: noBacklog, lookups: newLookups(), now: func() time.Time { return clock }}
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "certgen", UID: "job"}}
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error", Message: "no disk"}}
	failed := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{UID: "job", Controller: &controller}}},
		Status:     corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{Name: "certgen", State: ended}}},
	}
	another := failed
	another.OwnerReferences = []metav1.OwnerReference{{UID: "another", Controller: &controller}}
	another.CreationTimestamp = metav1.Unix(2000, 0)
	server.pods = []corev1.Pod{failed, another}
	look := func(what, want, asked string, again time.Duration) {
		t.Helper()
		server.asked = nil
		seen := &observed{}
		if got := r.lookUpJob(t.Context(), job, seen); got.Description() != want || seen.again != again || strings.Join(server.asked, "; ") != asked {
			t.Errorf("%s: it says %q and looks again after %s, having asked for %v", what, got.Message, seen.again, server.asked)
		}
	}
	const itsEnd = "container certgen failed (Error, exit code 3): no disk"
	look("just made", "", "", 4*time.Second)
	job.Status.Active = 1
	look("runs", "", "", 4*time.Second)
	job.Status = batchv1.JobStatus{Failed: 1}
	look("failed", itsEnd, podsOfJob, 0)
	look("failed, and nothing new", itsEnd, "", 0)
	job.Status = batchv1.JobStatus{Failed: 2, Conditions: []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Message: "deadline"}}}
	server.pods = nil
	look("ended, without pods", "its Job failed: deadline", podsOfJob, 0)
}

// TestSlowReadOfOneTenantKeepsNoWorker reads nothing while another workload is read, and tries again.
func TestSlowReadOfOneTenantKeepsNoWorker(t *testing.T) {
	server := &apiServer{}
	r := &Reconciler{live: server, backlog: noBacklog, lookups: newLookups(), now: time.Now}
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "certgen", UID: "job"}, Status: batchv1.JobStatus{Failed: 1}}
	if !r.lookups.begin() {
		t.Fatal("the slot is taken")
	}
	seen := &observed{}
	if r.lookUpJob(t.Context(), job, seen); len(server.asked) > 0 || seen.again != lookupRetry {
		t.Errorf("asked for %v, looks again after %s", server.asked, seen.again)
	}
	r.lookups.end()
	if r.lookUpJob(t.Context(), job, seen); len(server.asked) == 0 {
		t.Errorf("asked for %v", server.asked)
	}
}

// TestTextOfOthersIsCutBeforeItIsKept holds caches and reads to a few kilobytes for each object.
func TestTextOfOthersIsCutBeforeItIsKept(t *testing.T) {
	const size = 1 << 20
	long := strings.Repeat("x", size) + "END"
	controller := true
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: manifests.PodName, Annotations: map[string]string{"a": long}, Labels: map[string]string{"a": "b"}}}
	for i := range 1000 {
		pod.OwnerReferences = append(pod.OwnerReferences, metav1.OwnerReference{Name: fmt.Sprint(i)})
		pod.Finalizers = append(pod.Finalizers, fmt.Sprint(i))
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, corev1.Container{Name: fmt.Sprint(i), Image: "x", Command: []string{long[:100]}})
		pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses, corev1.ContainerStatus{Name: fmt.Sprint(i), State: waiting("r", long[:maxMessage+1])})
		state := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "r", Message: "START"}}
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: fmt.Sprint(i), State: state})
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: corev1.PodConditionType(fmt.Sprint(i))})
	}
	pod.OwnerReferences = append(pod.OwnerReferences, metav1.OwnerReference{Name: long, UID: "set", Controller: &controller})
	end := &corev1.ContainerStateTerminated{Reason: long, Message: long, ExitCode: 1}
	pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
		Name: "openshell-gateway", Image: long, State: corev1.ContainerState{Terminated: end}, LastTerminationState: corev1.ContainerState{Terminated: end},
	})
	pod.Status.ContainerStatuses[0].State.Waiting = &corev1.ContainerStateWaiting{Reason: long, Message: "START" + long}
	pod.Status.Reason, pod.Status.Message = long, "START"+long
	pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: long, Message: "START" + long})
	is, err := keepPod(pod)
	if err != nil {
		t.Fatal(err)
	}
	kept := is.(*corev1.Pod)
	if kept.Size() > 28<<10 {
		t.Errorf("%d bytes of a pod are kept", kept.Size())
	}
	if !metav1.IsControlledBy(kept, &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{UID: "set"}}) {
		t.Errorf("its controller is lost: %v", kept.OwnerReferences)
	}
	gateway := kept.Status.ContainerStatuses[len(kept.Status.ContainerStatuses)-1]
	for _, ended := range []*corev1.ContainerStateTerminated{gateway.State.Terminated, gateway.LastTerminationState.Terminated} {
		if len(ended.Message) != maxMessage || !strings.HasSuffix(ended.Message, "END") {
			t.Errorf("of the gateway's termination message %d bytes are kept, up to %q", len(ended.Message), ended.Message[len(ended.Message)-3:])
		}
	}
	for _, message := range []string{kept.Status.Message, kept.Status.ContainerStatuses[0].State.Waiting.Message, kept.Status.Conditions[0].Message} {
		if len(message) != maxMessage || !strings.HasPrefix(message, "START") {
			t.Errorf("of a message %d bytes are kept, from %q", len(message), message[:5])
		}
	}

	started := metav1.Unix(1, 0)
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "certgen"}, Status: batchv1.JobStatus{StartTime: &started}}
	for i := range 1000 {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{Type: batchv1.JobConditionType(fmt.Sprint(i)), Status: corev1.ConditionTrue})
	}
	job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Message: long})
	if _, err := keepJob(job); err != nil {
		t.Fatal(err)
	}
	if job.Size() > 4<<10 || !jobIs(job, batchv1.JobFailed) {
		t.Errorf("%d bytes of a Job are kept; it failed: %t", job.Size(), jobIs(job, batchv1.JobFailed))
	}
	if got := jobOf(job).Started; !got.Equal(started.Time) {
		t.Errorf("the Job started at %s, not %s", got, started)
	}

	r := &Reconciler{live: &apiServer{events: []corev1.Event{{Message: long}}}}
	refusals, err := r.refusalsOf(t.Context(), job)
	if err != nil || len(refusals) != 1 || refusals[0].Size() > 4<<10 {
		t.Errorf("Events: %d, %v", len(refusals), err)
	}
}

// TestCertgenPodThatDoesNotStartIsExplained by the Events of its pod, which has no container then.
func TestCertgenPodThatDoesNotStartIsExplained(t *testing.T) {
	controller := true
	server := &apiServer{}
	clock := time.Unix(1000, 0)
	r := &Reconciler{live: server, backlog: noBacklog, lookups: newLookups(), now: func() time.Time { return clock }}
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "certgen", UID: "job"}, Status: batchv1.JobStatus{Active: 1}}
	server.pods = []corev1.Pod{{
		ObjectMeta: metav1.ObjectMeta{Name: "certgen-1", Namespace: "a", UID: "pod", OwnerReferences: []metav1.OwnerReference{{UID: "job", Controller: &controller}}},
		Spec:       corev1.PodSpec{NodeName: "node-1", RestartPolicy: corev1.RestartPolicyNever},
		Status: corev1.PodStatus{
			Phase: corev1.PodPending, StartTime: &metav1.Time{Time: clock},
			ContainerStatuses: []corev1.ContainerStatus{{Name: "certgen", State: waiting("ContainerCreating", "")}},
		},
	}}
	server.events = []corev1.Event{{
		InvolvedObject: corev1.ObjectReference{UID: "pod"}, Reason: "FailedCreatePodSandBox", Message: "Failed to create pod sandbox: no address left", LastTimestamp: metav1.Time{Time: clock},
	}}
	r.lookUpJob(t.Context(), job, &observed{})
	clock = clock.Add(5 * time.Second)
	found := r.lookUpJob(t.Context(), job, &observed{})
	if want := "node node-1 cannot start the pod: Failed to create pod sandbox: no address left"; found.Description() != want {
		t.Errorf("it says %q, want %q", found.Description(), want)
	}
	const eventsOfPod = "*v1.EventList in a, involvedObject.uid=pod, at most 32"
	if asked := strings.Join(server.asked, "; "); asked != podsOfJob+"; "+eventsOfPod {
		t.Errorf("asked for %s", asked)
	}
}

// TestReadsOfAPodThatStaysStuckAreFew counts those of five minutes.
func TestReadsOfAPodThatStaysStuckAreFew(t *testing.T) {
	for _, c := range []struct {
		what   string
		pod    []func(*corev1.Pod)
		events []string
		most   int
	}{
		{"starting", nil, nil, 22},
		{"killed, and no Event has the cause", []func(*corev1.Pod){crashed("Error", 137, "")}, nil, 2},
		{"killed by its probe", []func(*corev1.Pod){crashed("Error", 137, "")}, []string{"Container openshell-gateway failed liveness probe, will be restarted"}, 1},
		{"crashing", []func(*corev1.Pod){crashed("Error", 1, "")}, nil, 0},
	} {
		d := newDiagnosis(t)
		pod := d.pod(c.pod...)
		for _, message := range c.events {
			d.server.events = append(d.server.events, d.event("Killing", message))
		}
		d.follow(pod, 5*time.Minute)
		if len(d.server.asked) > c.most {
			t.Errorf("%s: %d reads, want at most %d", c.what, len(d.server.asked), c.most)
		}
	}
}

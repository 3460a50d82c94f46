package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
)

// apiServer answers list requests and records them.
type apiServer struct {
	client.Reader
	pods     []corev1.Pod
	events   []corev1.Event
	err      error
	requests []string
}

func (a *apiServer) List(_ context.Context, list client.ObjectList, options ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(options)
	raw := o.AsListOptions()
	a.requests = append(a.requests, fmt.Sprintf("%T in %s, %s%s, at most %d", list, o.Namespace, raw.LabelSelector, raw.FieldSelector, raw.Limit))
	switch list := list.(type) {
	case *corev1.PodList:
		list.Items = a.pods
	case *corev1.EventList:
		list.Items = a.events
	}
	return a.err
}

// Requests of the apiServer.
const (
	eventsOfSet = "*v1.EventList in a, involvedObject.uid=set,reason=FailedCreate, at most 32"
	eventsOfPod = "*v1.EventList in a, involvedObject.uid=pod, at most 32"
	podsOfJob   = "*v1.PodList in a, batch.kubernetes.io/job-name=certgen, at most 32"
)

// backlog has the times that apply while a number of tenants start.
type backlog struct{ tenants int }

func (b *backlog) Grace() time.Duration {
	return diagnose.Grace + time.Duration(b.tenants)*250*time.Millisecond
}

func (b *backlog) FirstLookup() time.Duration {
	return MinFirstLookup + time.Duration(b.tenants)*250*time.Millisecond
}

// lookupTest observes a workload at times that it sets.
type lookupTest struct {
	*Observer
	server  *apiServer
	backlog *backlog
	clock   time.Time
}

func newLookupTest() *lookupTest {
	l := &lookupTest{server: &apiServer{}, backlog: &backlog{}, clock: time.Unix(1000, 0)}
	l.Observer = NewObserver(nil, l.server, nil, &Evictions{}, l.backlog, func() time.Time { return l.clock })
	return l
}

// explain returns a problem, the requests that were made and when the next observation is.
func (l *lookupTest) explain(explain func(*Observed) diagnose.Problem) (string, []string, time.Duration) {
	l.server.requests = nil
	observed := &Observed{}
	return explain(observed).Description(), l.server.requests, observed.LookAgain
}

func TestMissingPodIsReadWhenItLasts(t *testing.T) {
	l := newLookupTest()
	set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "gateway", UID: "set"}}
	look := func(name string, after time.Duration, reads bool, want string, again time.Duration) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			l.clock = l.clock.Add(after)
			problem, requests, next := l.explain(func(observed *Observed) diagnose.Problem { return l.explainMissingPod(t.Context(), set, nil, observed) })
			if problem != want || next != again {
				t.Errorf("the problem is %q and the next observation is after %s, want %q and %s", problem, next, want, again)
			}
			if reads && !slices.Equal(requests, []string{eventsOfSet}) || !reads && len(requests) > 0 {
				t.Errorf("the requests are %q, want one: %t", requests, reads)
			}
		})
	}
	refused := func(why string) []corev1.Event {
		return []corev1.Event{{Message: "Error creating: " + why, InvolvedObject: corev1.ObjectReference{UID: "set"}}}
	}
	look("the pod is missing", 0, false, "", 4*time.Second)
	look("the pod is missing for 3s", 3*time.Second, false, "", time.Second)
	look("no Event exists yet", time.Second, true, "", 4*time.Second)
	look("between two reads", time.Second, false, "", 3*time.Second)
	l.server.events = refused("over quota")
	look("an Event has the cause", 3*time.Second, true, "the API server refuses the pod: over quota", 8*time.Second)
	l.server.events = refused("a policy")
	look("between two later reads", 7*time.Second, false, "the API server refuses the pod: over quota", time.Second)
	look("an Event has another cause", time.Second, true, "the API server refuses the pod: a policy", 15*time.Second)
	l.server.err, l.server.events = errors.New("down"), nil
	look("the read fails", 15*time.Second, true, "the API server refuses the pod: a policy", 15*time.Second)
	l.server.err = nil
	look("the Events are removed", 15*time.Second, true, "", 15*time.Second)

	l.lookups.settle(lookupKey{"a", "StatefulSet"}) // it has a pod, and loses it
	look("the pod is missing again", time.Hour, false, "", 4*time.Second)
	l.backlog.tenants = 40
	look("many tenants start, so each has more time", 4*time.Second, false, "", 10*time.Second)
	look("the longer time is over", 10*time.Second, true, "", 14*time.Second)
}

func TestFailedPodIsReadImmediatelyAndOnce(t *testing.T) {
	l := newLookupTest()
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "certgen", UID: "job"}}
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error", Message: "no disk"}}
	failed := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{UID: "job", Controller: new(true)}}},
		Status:     corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{Name: "certgen", State: ended}}},
	}
	another := failed
	another.OwnerReferences = []metav1.OwnerReference{{UID: "another", Controller: new(true)}}
	another.CreationTimestamp = metav1.Unix(2000, 0)
	l.server.pods = []corev1.Pod{failed, another}
	look := func(name, want string, again time.Duration, requests ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			problem, made, next := l.explain(func(observed *Observed) diagnose.Problem { return l.explainJob(t.Context(), job, observed) })
			if problem != want || next != again || !slices.Equal(made, requests) {
				t.Errorf("the problem is %q and the next observation is after %s, with the requests %q; want %q, %s and %q", problem, next, made, want, again, requests)
			}
		})
	}
	const end = "container certgen failed (Error, exit code 3): no disk"
	look("the Job was created", "", 4*time.Second)
	job.Status.Active = 1
	look("a pod runs", "", 4*time.Second)
	job.Status = batchv1.JobStatus{Failed: 1}
	look("a pod has failed", end, 0, podsOfJob)
	look("nothing has changed", end, 0)
	job.Status = batchv1.JobStatus{Failed: 2, Conditions: []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Message: "deadline"}}}
	l.server.pods = nil
	look("the Job has failed, and its pods no longer exist", "its Job failed: deadline", 0, podsOfJob)
}

// TestReadDoesNotWaitForAnotherTenant expects no read while another workload is read, and another observation soon.
func TestReadDoesNotWaitForAnotherTenant(t *testing.T) {
	l := newLookupTest()
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "certgen", UID: "job"}, Status: batchv1.JobStatus{Failed: 1}}
	if !l.lookups.begin() {
		t.Fatal("the slot is taken")
	}
	observed := &Observed{}
	if l.explainJob(t.Context(), job, observed); len(l.server.requests) > 0 || observed.LookAgain != lookupRetry {
		t.Errorf("the requests are %q and the next observation is after %s, want none and %s", l.server.requests, observed.LookAgain, lookupRetry)
	}
	l.lookups.end()
	if l.explainJob(t.Context(), job, observed); len(l.server.requests) == 0 {
		t.Error("no request is made when the slot is free")
	}
}

// TestCertgenPodThatDoesNotStart expects the Events of the pod as the cause, since it has no container that runs.
func TestCertgenPodThatDoesNotStart(t *testing.T) {
	l := newLookupTest()
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "certgen", UID: "job"}, Status: batchv1.JobStatus{Active: 1}}
	l.server.pods = []corev1.Pod{{
		ObjectMeta: metav1.ObjectMeta{Name: "certgen-1", Namespace: "a", UID: "pod", OwnerReferences: []metav1.OwnerReference{{UID: "job", Controller: new(true)}}},
		Spec:       corev1.PodSpec{NodeName: "node-1", RestartPolicy: corev1.RestartPolicyNever},
		Status: corev1.PodStatus{
			Phase: corev1.PodPending, StartTime: &metav1.Time{Time: l.clock},
			ContainerStatuses: []corev1.ContainerStatus{{Name: "certgen", State: waiting("ContainerCreating", "")}},
		},
	}}
	l.server.events = []corev1.Event{{
		InvolvedObject: corev1.ObjectReference{UID: "pod"}, Reason: "FailedCreatePodSandBox", Message: "Failed to create pod sandbox: no address left", LastTimestamp: metav1.Time{Time: l.clock},
	}}
	l.explainJob(t.Context(), job, &Observed{})
	l.clock = l.clock.Add(5 * time.Second)
	problem := l.explainJob(t.Context(), job, &Observed{})
	if want := "node node-1 cannot start the pod: Failed to create pod sandbox: no address left"; problem.Description() != want {
		t.Errorf("the problem is %q, want %q", problem.Description(), want)
	}
	if want := []string{podsOfJob, eventsOfPod}; !slices.Equal(l.server.requests, want) {
		t.Errorf("the requests are %q, want %q", l.server.requests, want)
	}
}

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

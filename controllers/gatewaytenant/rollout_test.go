package gatewaytenant

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// startedRollout is one that lets half of all tenants go at once, and its queue.
func startedRollout(t *testing.T) (*rollout, workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	t.Helper()
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	t.Cleanup(queue.ShutDown)
	r := newRollout(50)
	if err := r.Start(t.Context(), queue); err != nil {
		t.Fatal(err)
	}
	return r, queue
}

// TestTurnsAreGivenAFewAtATime plays what passes over tenants would do.
func TestTurnsAreGivenAFewAtATime(t *testing.T) {
	r, queue := startedRollout(t)
	all := func() ([]string, error) { return []string{"a", "b", "c", "d"}, nil }
	asks := func(namespace string, want bool) {
		t.Helper()
		if got, err := r.admit(namespace, all); err != nil || got != want {
			t.Errorf("%s is admitted: %v (%v), want %v", namespace, got, err, want)
		}
	}
	woken := func(want ...string) {
		t.Helper()
		var got []string
		for queue.Len() > 0 {
			request, _ := queue.Get()
			queue.Done(request)
			got = append(got, request.Namespace)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("woken are %v, want %v", got, want)
		}
	}
	if _, err := r.admit("a", func() ([]string, error) { return nil, errors.New("no cache") }); err == nil {
		t.Error("it is not known how many there are, and no error")
	}
	asks("a", false) // the others may be under way since before the start
	r.look("a")
	r.begin("b")
	r.look("b")
	asks("c", false)
	r.look("c")
	woken()
	r.look("d")
	woken("a") // two may have a turn, and b has one
	r.look("b")
	woken() // those that were woken are on their way
	asks("a", true)
	asks("a", true) // from an old cache
	asks("c", false)
	asks("d", false)
	r.settle("x") // says nothing about turns
	woken()
	r.settle("b")
	woken("c")
	r.settle("c") // needs none after all: the next one
	woken("d")
	asks("d", true)
	r.forget("d")
	r.forget("a")
	asks("b", true)
	asks("c", false) // of two, one at a time
}

// TestTenantThatGoesBeforeItsFirstPassHoldsNobodyUp: it is waited for no longer.
func TestTenantThatGoesBeforeItsFirstPassHoldsNobodyUp(t *testing.T) {
	r, queue := startedRollout(t)
	all := func() ([]string, error) { return []string{"a", "gone"}, nil }
	if admitted, err := r.admit("a", all); admitted || err != nil {
		t.Fatalf("a is admitted before the other was looked at: %v (%v)", admitted, err)
	}
	r.look("a")
	r.forget("gone")
	if queue.Len() != 1 {
		t.Error("a is not woken")
	}
	if admitted, err := r.admit("a", all); !admitted || err != nil {
		t.Errorf("a waits for a tenant that is gone (%v)", err)
	}
}

// TestWhoHoldsUpAnUpdate: a gateway that the platform restarted and that does not serve, whether it never did or did for a
// moment. At the next update it does no longer, if it broke after it had come up.
func TestWhoHoldsUpAnUpdate(t *testing.T) {
	broken := func(s *appsv1.StatefulSetStatus) { s.ReadyReplicas = 0 }
	starting := func(s *appsv1.StatefulSetStatus) { s.UpdateRevision, s.ReadyReplicas = "new", 0 }
	for _, c := range []struct {
		what   string
		change func(*appsv1.StatefulSetStatus)
		next   bool // there is another update
		want   manifests.Turn
		rolls  bool
	}{
		{"on its way", starting, false, manifests.Turn{}, true},
		{"not seen", func(s *appsv1.StatefulSetStatus) { s.ObservedGeneration = 0 }, false, manifests.Turn{}, true},
		{"broken", broken, false, manifests.Turn{}, true},
		{"serving", func(*appsv1.StatefulSetStatus) {}, false, manifests.Turn{}, false},
		{"on its way, and the next update", starting, true, manifests.Turn{}, true},
		{"broken, and the next update", broken, true, manifests.Turn{Lapsed: true}, false},
		{"serving, and the next update", func(*appsv1.StatefulSetStatus) {}, true, manifests.Turn{Granted: true}, true},
	} {
		_, p := serving(t)
		set := p.seen.statefulSet
		set.Annotations["openshell.ambient-code.io/rollout"] = "platform"
		set.ManagedFields = []metav1.ManagedFieldsEntry{{
			Manager: manifests.Manager, Operation: metav1.ManagedFieldsOperationApply, FieldsType: "FieldsV1",
			FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{"f:` + apply.AnnotationHash + `":{}}}}`),
		}}
		if c.next {
			set.Annotations[apply.AnnotationHash] = "another"
			maps.Copy(set.Annotations, p.objects.Gateway.GetAnnotations())
		}
		c.change(&set.Status)
		r := &Reconciler{rollout: newRollout(10)}
		r.rollout.counted = true
		its, err := r.turn(t.Context(), "a", &p)
		if err != nil || its != c.want || r.rollout.rolling["a"] != c.rolls {
			t.Errorf("%s: %+v, rolling %v (%v)", c.what, its, r.rollout.rolling["a"], err)
		}
		p.certificates.Complete = false
		if its, err := r.turn(t.Context(), "a", &p); c.want.Granted && (err != nil || !its.Held || r.rollout.rolling["a"]) {
			t.Errorf("%s, without its Secrets: %+v, rolling %v (%v)", c.what, its, r.rollout.rolling["a"], err)
		}
	}
}

func TestRivalsAreThoseWhoDoNotStop(t *testing.T) {
	now := time.Unix(0, 0)
	r := &rivals{now: func() time.Time { return now }}
	is := func(want ...string) {
		t.Helper()
		if got, wait := r.of("a"); !slices.Equal(got, want) || (wait > 0) != (len(want) > 0) {
			t.Errorf("rivals are %v for %s, want %v", got, wait, want)
		}
	}
	is()
	r.note("a", []string{"kubectl-edit", "control-plane"})
	r.note("a", []string{"control-plane"})
	is()
	now = now.Add(time.Minute)
	r.note("a", []string{"control-plane"})
	r.note("b", []string{"kubectl-edit"})
	r.note("b", []string{"kubectl-edit"})
	is("control-plane")
	now = now.Add(forgotten)
	is()
	r.note("a", []string{"control-plane"})
	is()
}

// TestAdoptionThatWasCutShortStillWaitsForItsTurn: the fields of others are ours by then, and nothing was applied yet.
func TestAdoptionThatWasCutShortStillWaitsForItsTurn(t *testing.T) {
	live := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{{
		Manager: manifests.Manager, Operation: metav1.ManagedFieldsOperationApply, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:replicas":{}}}`),
	}}}}
	rendered := &unstructured.Unstructured{Object: map[string]any{"kind": "StatefulSet"}}
	if !byPlatform(rendered, live) {
		t.Error("its restart is not the platform's")
	}
}

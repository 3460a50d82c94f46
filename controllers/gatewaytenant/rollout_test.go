package gatewaytenant

import (
	"errors"
	"maps"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/rollout"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// slotsOf returns the only slot there is, and tells it about a StatefulSet.
func slotsOf(t *testing.T, set *appsv1.StatefulSet) *rollout.Slots {
	t.Helper()
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	t.Cleanup(queue.ShutDown)
	slots, cache := rollout.New(100, func() int { return 1 }), &informertest.FakeInformers{}
	source := slots.Source(cache)
	if err := errors.Join(source.Start(t.Context(), queue), source.WaitForSync(t.Context())); err != nil {
		t.Fatal(err)
	}
	informer, err := cache.FakeInformerFor(t.Context(), &appsv1.StatefulSet{})
	if err != nil {
		t.Fatal(err)
	}
	informer.Add(set)
	return slots
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
		set.Namespace = "a"
		check := func(what string, want manifests.Turn, rolls bool) {
			t.Helper()
			r := &Reconciler{slots: slotsOf(t, set)}
			if got, held := r.turn("a", &p), !r.slots.Request("b"); got != want || held != rolls {
				t.Errorf("%s: %+v, occupies the slot: %t", what, got, held)
			}
		}
		check(c.what, c.want, c.rolls)
		if p.certificates.Complete = false; c.want.Granted {
			check(c.what+", without its Secrets", manifests.Turn{Held: true}, false)
		}
		p.suspended = true
		check(c.what+", suspended", manifests.Turn{}, false)
		p.suspended, p.rejected = false, &manifests.RejectedError{}
		check(c.what+", rejected", manifests.Turn{}, false)
	}
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

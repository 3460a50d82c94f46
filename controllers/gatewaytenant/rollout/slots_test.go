package rollout

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllertest"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// started returns slots for half of four tenants, and the informer whose StatefulSets they observe.
func started(t *testing.T) (*Slots, *controllertest.FakeInformer) {
	t.Helper()
	slots, cache := New(50, func() int { return 4 }), &informertest.FakeInformers{}
	requests := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	t.Cleanup(requests.ShutDown)
	source := slots.Source(cache)
	if err := source.Start(t.Context(), requests); err != nil {
		t.Fatal(err)
	}
	if err := source.WaitForSync(t.Context()); err != nil {
		t.Fatal(err)
	}
	informer, err := cache.FakeInformerFor(t.Context(), &appsv1.StatefulSet{})
	if err != nil {
		t.Fatal(err)
	}
	return slots, informer
}

// gateway returns a StatefulSet that the platform changed last.
func gateway(namespace string, serves bool) *appsv1.StatefulSet {
	set := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Annotations: map[string]string{"openshell.ambient-code.io/rollout": "platform"}},
		Status:     appsv1.StatefulSetStatus{Replicas: 1, UpdatedReplicas: 1},
	}
	if serves {
		set.Status.ReadyReplicas = 1
	}
	return set
}

func (s *Slots) mustRequest(t *testing.T, namespace string, want bool) {
	t.Helper()
	if got := s.Request(namespace); got != want {
		t.Errorf("%s has a slot: %t, want %t", namespace, got, want)
	}
}

func (s *Slots) mustWake(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for s.queue.Len() > 0 {
		request, _ := s.queue.Get()
		s.queue.Done(request)
		got = append(got, request.Namespace)
	}
	if !slices.Equal(got, want) {
		t.Errorf("woken are %v, want %v", got, want)
	}
}

func TestSlotsAreGrantedInTheOrderOfRequests(t *testing.T) {
	s, gateways := started(t)
	s.mustRequest(t, "d", true)
	s.mustRequest(t, "c", true)
	s.mustRequest(t, "b", false)
	s.mustRequest(t, "a", false)
	s.mustRequest(t, "b", false)
	s.mustRequest(t, "d", true) // its cache is old
	s.mustWake(t)
	gateways.Add(gateway("d", true)) // an event from before its change
	s.mustRequest(t, "a", false)
	gateways.Update(gateway("d", true), gateway("d", false))
	s.mustRequest(t, "a", false)
	s.mustWake(t)
	gateways.Update(gateway("d", false), gateway("d", true))
	s.mustWake(t, "b")
	s.mustRequest(t, "a", false)
	s.Release("c") // needs no slot after all
	s.mustWake(t, "a")
	s.mustRequest(t, "a", true)
	s.mustRequest(t, "b", true)
	s.mustRequest(t, "c", false)
	gateways.Add(gateway("b", false))
	gateways.Delete(gateway("b", false))
	s.mustWake(t, "c")
}

// TestRestartInTheMiddleOfARollout begins with gateways that roll, which occupy their slots from the beginning.
func TestRestartInTheMiddleOfARollout(t *testing.T) {
	s, gateways := started(t)
	gateways.Add(gateway("c", false))
	gateways.Add(gateway("d", false))
	s.mustRequest(t, "a", false)
	s.Keep("c")
	s.mustRequest(t, "b", false)
	gateways.Update(gateway("d", false), gateway("d", true))
	s.mustWake(t, "a")
	s.mustRequest(t, "c", true) // it serves, and this is not observed yet
	gateways.Update(gateway("c", false), gateway("c", true))
	s.mustWake(t)
	gateways.Update(gateway("c", true), gateway("c", false))
	gateways.Update(gateway("c", false), gateway("c", true))
	s.mustWake(t, "b")
}

func TestExcludedGatewayOccupiesNoSlot(t *testing.T) {
	s, gateways := started(t)
	gateways.Add(gateway("c", false))
	gateways.Add(gateway("d", false))
	s.mustRequest(t, "a", false)
	s.Release("d") // it still rolls
	s.mustWake(t)
	s.Exclude("d")
	s.mustWake(t, "a")
	gateways.Update(gateway("d", false), gateway("d", false))
	s.mustRequest(t, "b", false)
	s.Exclude("a")
	s.mustWake(t, "b")
	s.Keep("d") // it is resumed, so that three roll
	s.Exclude("c")
	s.mustRequest(t, "a", false)
}

func TestUnusedGrantExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := started(t)
		s.mustRequest(t, "a", true)
		time.Sleep(grantTimeout / 2)
		s.mustRequest(t, "b", true)
		s.mustRequest(t, "c", false)
		s.mustRequest(t, "a", true)
		time.Sleep(grantTimeout/2 - 1)
		synctest.Wait()
		s.mustWake(t)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		s.mustWake(t, "c")
		s.mustRequest(t, "a", false)
	})
}

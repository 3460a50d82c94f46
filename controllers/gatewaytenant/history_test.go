package gatewaytenant

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/status"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// writer makes the applies of one object in an API server that gives each change another resourceVersion.
type writer struct {
	history *history
	clock   time.Time
	desired *unstructured.Unstructured
	version int
	uid     types.UID
}

func newWriter(kind string) *writer {
	w := &writer{clock: time.Unix(1_800_000_000, 0), uid: "first", desired: &unstructured.Unstructured{Object: map[string]any{
		"kind": kind, "metadata": map[string]any{"name": manifests.GatewayName, "namespace": "a"}, "spec": map[string]any{"replicas": int64(1)},
	}}}
	w.history = &history{now: func() time.Time { return w.clock }}
	return w
}

func (w *writer) metadata() *metav1.ObjectMeta {
	return &metav1.ObjectMeta{UID: w.uid, ResourceVersion: fmt.Sprint(w.version), Generation: int64(w.version)}
}

// change changes the object as another client.
func (w *writer) change() *metav1.ObjectMeta {
	w.version++
	return w.metadata()
}

// apply applies the desired state to an object that is live, which is nil if it does not exist.
func (w *writer) apply(live metav1.Object, difference apply.Difference, overridden ...string) {
	w.version++
	w.history.note(apply.Write{Desired: w.desired, Live: live, Difference: difference, Result: w.metadata(), Overridden: overridden})
}

func (w *writer) expect(t *testing.T, want ...status.Contention) {
	t.Helper()
	got, wait := w.history.interferences("a")
	if diff := cmp.Diff(want, got); diff != "" || (wait > 0) != slices.ContainsFunc(want, func(is status.Contention) bool { return is.How != status.Overrides }) {
		t.Errorf("reported for %s (-want +got):\n%s", wait, diff)
	}
}

// TestContentionIsFoundWhateverOthersWrite: the objects bear no applied hash, as if another client had removed it.
func TestContentionIsFoundWhateverOthersWrite(t *testing.T) {
	named := apply.Difference{Needed: true, Managers: []string{"rival"}, Fields: []string{"spec.replicas"}}
	const service = "Service openshell-gateway"
	for _, test := range []struct {
		name string
		undo func(w *writer) // what another client does, and the apply that follows
		want status.Contention
	}{
		{"a manager that is named", func(w *writer) { w.apply(w.change(), named) },
			status.Contention{Manager: "rival", Objects: []string{service + " (spec.replicas)"}}},
		{"a manager that is not named", func(w *writer) { w.apply(w.change(), apply.Difference{Needed: true}) },
			status.Contention{Objects: []string{service}}},
		{"a deletion", func(w *writer) { w.uid += "x"; w.apply(nil, apply.Difference{Needed: true}) },
			status.Contention{How: status.Deletes, Objects: []string{service}}},
		{"a deletion and a creation", func(w *writer) { w.uid += "x"; w.apply(w.change(), named) },
			status.Contention{Manager: "rival", Objects: []string{service + " (spec.replicas)"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWriter("Service")
			w.apply(nil, apply.Difference{Needed: true})
			for range apply.ContentionThreshold {
				test.undo(w)
				w.expect(t)
			}
			w.clock = w.clock.Add(time.Minute)
			test.undo(w)
			w.expect(t, test.want)
			w.clock = w.clock.Add(apply.ContentionWindow)
			w.expect(t)
			test.undo(w)
			w.expect(t)
			w.history.forget("a")
			if len(w.history.tenants) > 0 {
				t.Error("the tenant is not forgotten")
			}
		})
	}
	t.Run("an admission webhook", func(t *testing.T) {
		w := newWriter("Service")
		w.apply(nil, apply.Difference{Needed: true})
		w.apply(w.change(), named, "spec.type")
		want := status.Contention{How: status.Overrides, Objects: []string{service + " (spec.type)"}}
		w.expect(t, want)
		w.clock = w.clock.Add(2 * apply.ContentionWindow) // nothing is applied again, and the value is still another one
		w.expect(t, want)
		w.apply(w.change(), named)
		w.expect(t)
	})
}

// TestObjectsThatAreChangedMostAreReportedFirst expects a report that stays the same.
func TestObjectsThatAreChangedMostAreReportedFirst(t *testing.T) {
	s := &streak{}
	for i := range 6 {
		s.objects = append(s.objects, changedObject{name: fmt.Sprint("Service ", i), changes: i, fields: []string{"spec.a"}})
	}
	for range 2 {
		names, more := s.named()
		if want := []string{"Service 3 (spec.a)", "Service 4 (spec.a)", "Service 5 (spec.a)"}; !slices.Equal(names, want) || more != 3 {
			t.Errorf("reported are %q and %d more, want %q", names, more, want)
		}
		s.objects[5].changes++
	}
}

// TestOutdatedObjectIsNotApplied expects that an update waits until the cache shows the last one, but not for long.
func TestOutdatedObjectIsNotApplied(t *testing.T) {
	w := newWriter("StatefulSet")
	before := w.change()
	if w.history.isOutdated("a", observe.RefOf(w.desired), before) {
		t.Error("an object that was never applied is outdated")
	}
	w.apply(before, apply.Difference{Needed: true})
	if !w.history.isOutdated("a", observe.RefOf(w.desired), before) || w.history.isOutdated("a", observe.RefOf(w.desired), w.metadata()) {
		t.Error("only the object before the last apply must be outdated")
	}
	w.clock = w.clock.Add(writtenGrace)
	if w.history.isOutdated("a", observe.RefOf(w.desired), before) {
		t.Error("the cache is outdated for ever, as after a restore of etcd from a backup")
	}
}

// TestWhatIsNoContention repeats what leads to the same apply although no other client has changed or deleted the object.
func TestWhatIsNoContention(t *testing.T) {
	for _, test := range []struct {
		name, kind string
		again      func(w *writer)
	}{
		{"another desired state each time", "Service", func(w *writer) {
			w.desired = w.desired.DeepCopy()
			w.desired.SetLabels(map[string]string{"version": fmt.Sprint(w.version)})
			w.apply(w.change(), apply.Difference{Needed: true, Managers: []string{"rival"}})
		}},
		{"an outdated cache", "Service", func(w *writer) { w.apply(w.metadata(), apply.Difference{Needed: true, Managers: []string{"rival"}}) }},
		{"an outdated cache without the object", "Service", func(w *writer) { w.apply(nil, apply.Difference{Needed: true}) }},
		{"a Job that ended", "Job", func(w *writer) { w.uid += "x"; w.apply(nil, apply.Difference{Needed: true}) }},
		{"the operator deleted it", "Service", func(w *writer) {
			w.history.deleted("a", observe.RefOf(w.desired))
			w.uid += "x"
			w.apply(nil, apply.Difference{Needed: true})
		}},
		{"the tenant was deleted", "Service", func(w *writer) {
			w.history.forget("a")
			w.uid += "x"
			w.apply(nil, apply.Difference{Needed: true})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWriter(test.kind)
			for range 2 * apply.ContentionThreshold {
				test.again(w)
			}
			w.expect(t)
		})
	}
}

// TestRestartsAreThoseByTheOperator counts the applies that undo a change of the pod template.
func TestRestartsAreThoseByTheOperator(t *testing.T) {
	w := newWriter("StatefulSet")
	w.desired.SetAnnotations(map[string]string{"other": "1"})
	template := apply.Difference{Needed: true, PodTemplate: true}
	expect := func(want int) {
		t.Helper()
		if got := w.history.of("a"); len(got.Restarts) != want || got.Gateway != plan.FingerprintOf(w.desired) {
			t.Errorf("got %+v, want %d restarts", got, want)
		}
	}
	w.apply(nil, template)
	expect(0)
	w.apply(w.change(), apply.Difference{Needed: true}) // the template is the same
	expect(0)
	w.uid += "x"
	w.apply(nil, template) // another client deleted it, and the pod with it
	expect(0)
	w.apply(w.change(), template)
	w.clock = w.clock.Add(time.Minute)
	w.apply(w.change(), template)
	expect(2)
	w.desired.SetAnnotations(map[string]string{"other": "1", "openshell.ambient-code.io/rollout": "platform"}) // says no more than that it was in a slot
	w.apply(w.change(), template)
	expect(3)
	w.desired.SetLabels(map[string]string{"version": "2"})
	w.apply(w.change(), template) // the tenant requested it
	expect(3)
	w.clock = w.clock.Add(plan.RestartWindow - time.Minute)
	expect(2)
	w.clock = w.clock.Add(time.Minute)
	expect(0)
}

// TestObjectsOfATenantAreToldApart by short hashes.
func TestObjectsOfATenantAreToldApart(t *testing.T) {
	byHash := map[uint32]observe.Ref{}
	refs := observe.Refs("tenant-a")
	for i := range 10_000 { // no name of a namespace must make its ClusterRoleBinding look like another object
		refs = append(refs, observe.Binding(fmt.Sprint("namespace-", i)))
	}
	for _, ref := range refs {
		if other, has := byHash[hashOf(ref.Kind+" "+ref.Name)]; has {
			t.Errorf("%v and %v have the same hash", ref, other)
		}
		byHash[hashOf(ref.Kind+" "+ref.Name)] = ref
	}
}

// TestClientWithManyNames expects a report of bounded length about a client that uses another name each time.
func TestClientWithManyNames(t *testing.T) {
	w := newWriter("Service")
	w.apply(nil, apply.Difference{Needed: true})
	for i := range 1000 {
		w.apply(w.change(), apply.Difference{Needed: true, Managers: []string{fmt.Sprint("rival-", i)}})
	}
	w.expect(t, status.Contention{Objects: []string{"Service openshell-gateway"}})
	if many := len(w.history.tenants["a"].by); many > maxContenders+3 {
		t.Errorf("%d clients are recorded", many)
	}
}

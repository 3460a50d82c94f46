package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// walk goes from spec to spec of every leaf of the CRD, and holds what becomes of a tenant that was changed against what
// becomes of a fresh one with the same spec.
type walk struct {
	*campaign
	specs []map[string]any

	mu          sync.Mutex
	fresh       map[string]*fresh // by spec
	transitions int
	mismatches  []string
}

// fresh is what becomes of a new tenant; it is tried once.
type fresh struct {
	once sync.Once
	settled
}

// settled is what became of a spec.
type settled struct {
	refused string // by the API server; empty: it took it
	state   state
	err     error
}

// transitionsUntil walks until the budget is spent or there were enough transitions. One operator works in all namespaces.
func (c *campaign) transitionsUntil(ctx, budget context.Context, enough int) (*walk, error) {
	all, err := leaves()
	if err != nil {
		return nil, err
	}
	w := &walk{campaign: c, specs: specs(all), fresh: map[string]*fresh{}}
	home, err := c.everywhere(ctx, "transitions")
	if err != nil {
		return nil, err
	}
	defer home.end()
	var walkers sync.WaitGroup
	for n := range c.parallel {
		walkers.Go(func() { w.walk(ctx, budget, enough, rand.New(rand.NewPCG(c.seed, uint64(n)))) }) //nolint:gosec // a replay needs the same numbers
	}
	began := time.Now()
	go func() {
		for budget.Err() == nil {
			time.Sleep(10 * time.Second)
			w.mu.Lock()
			fmt.Fprintf(c.out, "transitions: %d in %s, %d mismatches\n", w.transitions, time.Since(began).Round(time.Second), len(w.mismatches))
			w.mu.Unlock()
		}
	}()
	walkers.Wait()
	return w, home.harness()
}

func (w *walk) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.transitions
}

// walk walks with one tenant after another: some changes cannot be undone, and then a new tenant goes on.
func (w *walk) walk(ctx, budget context.Context, enough int, random *rand.Rand) {
	var t *trial
	defer func() {
		if t != nil {
			t.end()
		}
	}()
	for from := "nothing"; budget.Err() == nil && w.count() < enough; {
		if t == nil {
			var err error
			if t, err = w.newTrial(ctx, plan{workload: &workload{name: "transitions"}, kind: undisturbed}); err != nil {
				w.mismatch("a namespace: %v", err)
				return
			}
			from = "nothing"
		}
		spec := w.specs[random.IntN(len(w.specs))]
		goOn, err := w.step(ctx, t, spec)
		w.mu.Lock()
		w.transitions++
		w.mu.Unlock()
		if err != nil {
			w.mismatch("%s → %s: %v", short(from), short(textOf(spec)), err)
		}
		if from = textOf(spec); !goOn || err != nil {
			t.end()
			t = nil
		}
	}
}

func (w *walk) mismatch(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	w.mismatches = append(w.mismatches, text)
	fmt.Fprintf(w.out, "MISMATCH  %s\n", text)
}

// step changes a tenant's spec, and compares. Whether the tenant can go on from there is the answer.
func (w *walk) step(ctx context.Context, t *trial, spec map[string]any) (goOn bool, err error) {
	fresh := w.freshOf(ctx, spec)
	if fresh.err != nil {
		return false, fmt.Errorf("a fresh one: %w", fresh.err)
	}
	before, err := t.stateOf(ctx)
	if err != nil {
		return false, err
	}
	withoutHistory(before)
	is := w.become(ctx, t, spec)
	switch {
	case is.err != nil:
		return false, is.err
	case is.refused != "" && strings.Contains(is.refused, "storage."):
		return false, nil // a volume cannot become what a fresh one may be
	case is.refused != "" && fresh.refused == "" || is.refused == "" && fresh.refused != "":
		return false, fmt.Errorf("the API server says %q, and %q of a fresh one", is.refused, fresh.refused)
	case is.refused != "":
		return true, same(before, is.state)
	}
	switch reason := acceptedReason(is.state); reason {
	case v1alpha1.ReasonVersionHeld, v1alpha1.ReasonInvalidStorage:
		return false, nil // the volume has a history, which a fresh one has not
	case v1alpha1.ReasonAccepted:
		if suspended, _ := spec["suspend"].(bool); suspended {
			return true, same(without(before), without(is.state))
		}
		return true, same(fresh.state, is.state)
	default:
		if wanted := acceptedReason(fresh.state); wanted != reason {
			return false, fmt.Errorf("it is %s, and a fresh one %s", reason, wanted)
		}
		return true, same(without(before), without(is.state)) // what ran goes on running
	}
}

// freshOf is what becomes of a new tenant with a spec.
func (w *walk) freshOf(ctx context.Context, spec map[string]any) settled {
	w.mu.Lock()
	of := w.fresh[textOf(spec)]
	if of == nil {
		of = &fresh{}
		w.fresh[textOf(spec)] = of
	}
	w.mu.Unlock()
	of.once.Do(func() {
		t, err := w.newTrial(ctx, plan{workload: &workload{name: "fresh"}, kind: undisturbed})
		if err != nil {
			of.err = err
			return
		}
		defer t.end()
		of.settled = w.become(ctx, t, spec)
	})
	return of.settled
}

// become gives a tenant a spec, and waits until that has led to something.
func (w *walk) become(ctx context.Context, t *trial, spec map[string]any) (is settled) {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("GatewayTenant"))
	err := t.admin.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: v1alpha1.Name}, object)
	absent := apierrors.IsNotFound(err)
	if client.IgnoreNotFound(err) != nil {
		is.err = err
		return is
	}
	object.SetNamespace(t.namespace)
	object.SetName(v1alpha1.Name)
	object.Object["spec"] = deepCopy(spec)
	if absent {
		err = t.admin.Create(ctx, object)
	} else {
		err = t.admin.Update(ctx, object)
	}
	switch {
	case apierrors.IsConflict(err):
		return w.become(ctx, t, spec) // its status was written meanwhile
	case apierrors.IsInvalid(err) || apierrors.IsBadRequest(err):
		is.refused = strings.ReplaceAll(err.Error(), t.namespace, "NAMESPACE")
	case err != nil:
		is.err = err
		return is
	default:
		is.err = t.cameTo(ctx, object.GetGeneration())
	}
	if is.err == nil {
		is.state, is.err = t.stateOf(ctx)
		withoutHistory(is.state)
	}
	return is
}

// withoutHistory drops what is meant to tell of the past: the last Job, and the versions that have used the volume.
func withoutHistory(s state) {
	maps.DeleteFunc(s, func(name string, _ any) bool { return strings.HasPrefix(name, "Job ") })
	claim, _ := s["PersistentVolumeClaim "+manifests.ClaimName].(map[string]any)
	unstructured.RemoveNestedField(claim, "metadata", "annotations", "openshell.ambient-code.io/highest-version")
}

// cameTo waits until the operator has said where a generation has led to, and does not change its mind for a second.
func (t *trial) cameTo(ctx context.Context, generation int64) error {
	ctx, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	var last uint64
	var since time.Time
	return poll(ctx, func() error {
		tenant, err := t.tenant()
		if err != nil {
			return err
		}
		if tenant.Generation < generation || tenant.Status.ObservedGeneration < tenant.Generation {
			return fmt.Errorf("generation %d was not observed", generation)
		}
		if is := t.recorder.newest(t.namespace); is != last {
			last, since = is, time.Now()
		}
		calm := 300 * time.Millisecond
		certificates := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionCertificatesReady)
		onTheWay := meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionReconciling) ||
			certificates != nil && certificates.Reason == v1alpha1.ReasonRenewing
		if onTheWay {
			calm = 10 * time.Second // it will not get any further
		}
		if time.Since(since) < calm {
			return fmt.Errorf("it still changes: %+v", tenant.Status.Conditions)
		}
		return nil
	})
}

// same tells in what a state is not as another.
func same(want, is state) error {
	if wrong := difference(want, is); len(wrong) > 0 {
		return fmt.Errorf("%s", strings.Join(wrong, "\n"))
	}
	return nil
}

// without is a state without the tenant itself, whose status tells of the present spec.
func without(s state) state {
	s = maps.Clone(s)
	maps.DeleteFunc(s, func(name string, _ any) bool { return strings.HasPrefix(name, "GatewayTenant ") })
	return s
}

func acceptedReason(s state) string {
	tenant, _ := s["GatewayTenant "+v1alpha1.Name].(map[string]any)
	conditions, _, _ := unstructured.NestedSlice(tenant, "status", "conditions")
	i := slices.IndexFunc(conditions, func(c any) bool { return c.(map[string]any)["type"] == v1alpha1.ConditionAccepted })
	if i < 0 {
		return "nothing"
	}
	return fmt.Sprint(conditions[i].(map[string]any)["reason"])
}

func textOf(spec map[string]any) string {
	text, err := json.Marshal(spec)
	if err != nil {
		panic(err) // made of JSON's types
	}
	return string(text)
}

func deepCopy(spec map[string]any) map[string]any {
	var is map[string]any
	if err := json.Unmarshal([]byte(textOf(spec)), &is); err != nil {
		panic(err) // it was just marshalled
	}
	return is
}

func short(text string) string { return text[:min(len(text), 120)] }

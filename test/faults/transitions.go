package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// walk goes from spec to spec of every leaf of the CRD, and holds what becomes of a tenant that was changed against what
// becomes of a fresh one with the same spec.
type walk struct {
	*campaign
	leaves []leaf
	specs  []spec
	cached client.Reader // what there is

	mu          sync.Mutex
	fresh       map[string]*fresh // by spec
	taken       map[string]bool   // leaves of which a value was accepted
	no          map[string]bool   // specs that were refused
	transitions int
	refused     int // of them, those that a spec was refused in, by the API server or by the operator
	mismatches  []string
	took        time.Duration
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
	w := &walk{campaign: c, leaves: all, specs: specs(all), fresh: map[string]*fresh{}, taken: map[string]bool{}, no: map[string]bool{}}
	if w.cached, err = c.cache(ctx); err != nil {
		return nil, err
	}
	home, err := c.everywhere(ctx, plan{workload: &workload{name: "transitions"}, kind: undisturbed})
	if err != nil {
		return nil, err
	}
	defer home.end()
	var walkers sync.WaitGroup
	for n := range c.walkers {
		walkers.Go(func() { w.walk(ctx, budget, enough, rand.New(rand.NewPCG(c.seed, uint64(n)))) }) //nolint:gosec // nobody need be surprised
	}
	began := time.Now()
	go func() {
		for budget.Err() == nil {
			time.Sleep(10 * time.Second)
			w.mu.Lock()
			fmt.Fprintf(c.out, "transitions: %d of %d in %s, %.0f a minute; %d mismatches\n", w.transitions, enough, time.Since(began).Round(time.Second), float64(w.transitions)/time.Since(began).Minutes(), len(w.mismatches))
			w.mu.Unlock()
		}
	}()
	walkers.Wait()
	w.took = time.Since(began)
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
	before := state{}
	for from := "nothing"; budget.Err() == nil && w.count() < enough; {
		if t == nil {
			var err error
			if t, err = w.tenantTo(ctx, "transitions"); err != nil {
				w.mismatch("a namespace: %v", err)
				return
			}
			from, before = "nothing", state{}
		}
		to := w.next(random)
		goOn, err := w.step(ctx, t, to, &before)
		if ctx.Err() != nil {
			return // the run was ended in the middle of it
		}
		w.mu.Lock()
		w.transitions++
		w.mu.Unlock()
		if err != nil {
			w.mismatch("%s → %s: %v", short(from), short(textOf(to.value)), err)
		}
		if from = textOf(to.value); !goOn || err != nil {
			t.end()
			t = nil
		}
	}
}

// next is a spec with one field, or now and then with two.
func (w *walk) next(random *rand.Rand) spec {
	one := w.any(random)
	if random.IntN(8) > 0 {
		return one
	}
	return one.and(w.any(random))
}

// any is a spec with one field. Most values that can be thought of are refused, so those that are known to be are not
// taken as often.
func (w *walk) any(random *rand.Rand) spec {
	w.mu.Lock()
	defer w.mu.Unlock()
	var one spec
	for range 8 {
		if one = w.specs[random.IntN(len(w.specs))]; !w.no[textOf(one.value)] {
			break
		}
	}
	return one
}

// idle are the leaves of which no value was accepted: what they are for was not walked.
func (w *walk) idle() []string {
	var idle []string
	for _, l := range w.leaves {
		if !w.taken[l.name()] {
			idle = append(idle, l.name())
		}
	}
	return idle
}

func (w *walk) mismatch(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	w.mismatches = append(w.mismatches, text)
	fmt.Fprintf(w.out, "MISMATCH  %s\n", text)
}

// step changes a tenant's spec, and compares. Whether the tenant can go on from there is the answer.
func (w *walk) step(ctx context.Context, t *trial, to spec, before *state) (goOn bool, err error) {
	spec := to.value
	fresh := w.freshOf(ctx, spec)
	if fresh.err != nil {
		return false, fmt.Errorf("a fresh one: %w", fresh.err)
	}
	is := w.become(ctx, t, spec)
	goOn, err = w.compare(*before, is, fresh, spec)
	if err != nil && is.err == nil { // it may not have come to rest, or the cache not to what there is
		time.Sleep(5 * time.Second) // in which both converge
		is.state, is.err = t.read(ctx, t.admin)
		fresh = w.freshAgain(ctx, spec)
		goOn, err = w.compare(*before, is, fresh, spec)
	}
	*before = is.state
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case is.err != nil:
	case is.refused == "" && acceptedReason(is.state) == v1alpha1.ReasonAccepted:
		w.taken[to.leaf] = true
	default:
		w.refused++
		w.no[textOf(to.value)] = true
	}
	return goOn, err
}

// compare holds what became of a tenant against what becomes of a fresh one, or against what it was before if its spec is
// one that changes nothing.
func (w *walk) compare(before state, is, fresh settled, spec map[string]any) (goOn bool, err error) {
	suspended, _ := spec["suspend"].(bool)
	switch reason := acceptedReason(is.state); {
	case is.err != nil:
		return false, is.err
	case is.refused != "" && strings.Contains(is.refused, "storage."):
		return fresh.refused != "", same(before, is.state) // or else a volume cannot become what a fresh one may be
	case is.refused != "" && fresh.refused == "" || is.refused == "" && fresh.refused != "":
		return false, fmt.Errorf("the API server says %q, and %q of a fresh one", is.refused, fresh.refused)
	case is.refused != "":
		return true, same(before, is.state)
	case reason == v1alpha1.ReasonInvalidStorage || reason == v1alpha1.ReasonAccepted && sizeOf(is.state) != sizeOf(fresh.state):
		return false, nil // the volume has a size, which a fresh one may not have; the rest of the spec is applied
	case reason == v1alpha1.ReasonVersionHeld:
		return false, same(without(before), without(is.state)) // the volume has a history, which a fresh one has not
	case reason == v1alpha1.ReasonAccepted && !suspended:
		return true, allOf(append(difference(fresh.state, is.state), is.state.untrue()...))
	case reason != acceptedReason(fresh.state):
		return false, fmt.Errorf("it is %s, and a fresh one %s", reason, acceptedReason(fresh.state))
	}
	return true, same(without(before), without(is.state)) // what ran goes on running
}

// freshAgain forgets what became of a spec, and tries it once more.
func (w *walk) freshAgain(ctx context.Context, spec map[string]any) settled {
	w.mu.Lock()
	delete(w.fresh, textOf(spec))
	w.mu.Unlock()
	return w.freshOf(ctx, spec)
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
		t, err := w.tenantTo(ctx, "fresh")
		if err != nil {
			of.err = err
			return
		}
		defer t.end()
		of.settled = w.become(ctx, t, spec)
	})
	return of.settled
}

// same tells in what a state is not as another.
func same(want, is state) error { return allOf(difference(want, is)) }

// allOf is one error for all that is wrong, nil if nothing is.
func allOf(wrong []string) error {
	if len(wrong) == 0 {
		return nil
	}
	return errors.New(strings.Join(wrong, "\n"))
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

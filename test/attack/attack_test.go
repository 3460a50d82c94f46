package attack

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

var edits = flag.Int("edits", 50, "how often each configuration is edited")

// mostMemory is what the operator's resident memory must stay below, in bytes. Its Deployment allows 256 MiB.
const mostMemory = 200 << 20

// linger is how long the operator is watched after an attack was written, and after a restart.
const linger = 4 * time.Second

// attack writes what is meant to exhaust the operator, in namespaces whose names begin with the given one, and leaves it
// in place.
type attack struct {
	name  string
	write func(ctx context.Context, p *place, name string) error
}

// attacks returns all attacks.
func attacks() []attack {
	all := []attack{
		{"events", events}, {"pods", pods}, {"jobs", jobs}, {"children", children}, {"namespaces", namespaces},
		{"large tenants", largeTenants}, {"other objects", otherObjects},
	}
	for _, of := range configs {
		all = append(all, attack{"config: " + of.name, editConfig(of)})
	}
	for _, of := range lists {
		all = append(all, attack{"list: " + of.name, listEntries(of)})
	}
	return all
}

// result is what an attack came to: while it was written and a little longer, and after a restart of the operator.
type result struct {
	name          string
	usual         time.Duration // until a quiet tenant is Ready
	during, again phase
}

// phase is the operator's use and the quiet tenants' time in a part of an attack.
type phase struct {
	use
	quiet time.Duration
	err   error // a quiet tenant did not become Ready
}

// TestAttacks measures each attack by itself.
func TestAttacks(t *testing.T) {
	p := newPlace(t)
	var results []result
	for _, a := range attacks() {
		t.Run(a.name, func(t *testing.T) {
			defer func() {
				if err := p.undo(context.WithoutCancel(t.Context())); err != nil {
					t.Error(err)
				}
			}()
			results = append(results, p.survives(t, a))
		})
	}
	t.Log("\n" + table(results))
}

// TestAllAttacks measures all attacks at the same time. What they have written goes with the cluster.
func TestAllAttacks(t *testing.T) {
	p := newPlace(t)
	r := p.survives(t, attack{"all", func(ctx context.Context, p *place, _ string) error {
		var group errgroup.Group // if one fails, the others go on
		for _, a := range attacks() {
			group.Go(func() error {
				if err := a.write(ctx, p, dashed(a.name)); err != nil {
					return fmt.Errorf("%s: %w", a.name, err)
				}
				return nil
			})
		}
		return group.Wait()
	}})
	t.Log("\n" + table([]result{r}))
}

// survives runs one attack and fails the test unless the operator withstands it.
func (p *place) survives(t *testing.T, a attack) result {
	t.Helper()
	p.startOperator(t)
	first, err := p.quietTenants(t.Context(), 1, startLimit) // it may not be the leader yet
	usual, errUsual := p.quietTenants(t.Context(), quietAtOnce, quietLimit)
	if err := errors.Join(err, errUsual); err != nil {
		t.Fatalf("before the attack, %v: %v", first, err)
	}
	r := result{name: a.name, usual: median(usual)}
	if first[0] >= startLimit || r.usual >= quietLimit {
		t.Fatalf("before the attack, the first tenant was not Ready after %s, or the others after %s", first[0], r.usual)
	}
	r.during = p.during(t, a)
	p.startOperator(t)
	r.again = p.after(t)
	r.check(t)
	_, row, _ := strings.Cut(table([]result{r}), "\n")
	fmt.Fprint(os.Stderr, "attack: ", row)
	return r
}

// during measures the operator while an attack is written, and a little longer.
func (p *place) during(t *testing.T, a attack) (is phase) {
	t.Helper()
	running, cancel := p.whileRunning(t.Context())
	defer cancel()
	meter := p.measure()
	done := make(chan struct{})
	go func() {
		defer close(done)
		// It is written whether or not the operator runs, so that all of it is there when the operator starts again.
		if err := a.write(t.Context(), p, dashed(a.name)); err != nil && running.Err() == nil {
			t.Errorf("the attack could not be written: %v", err)
		}
		_ = operatortest.Pause(running, linger)
	}()
	is = p.quietUntil(running, done)
	<-done
	is.use = meter.stop()
	return is
}

// quietUntil has quiet tenants come until a channel is closed or the operator has ended.
func (p *place) quietUntil(running context.Context, done <-chan struct{}) (is phase) {
	var times []time.Duration
	for running.Err() == nil {
		more, err := p.quietTenants(running, quietAtOnce, quietLimit)
		times, is.err = append(times, more...), errors.Join(is.err, err)
		select {
		case <-done:
			is.quiet = median(times)
			return is
		case <-time.After(100 * time.Millisecond):
		}
	}
	return is
}

// after measures the operator from its start on, with an attack in place.
func (p *place) after(t *testing.T) (is phase) {
	t.Helper()
	running, cancel := p.whileRunning(t.Context())
	defer cancel()
	meter := p.measure()
	first, err := p.quietTenants(running, 1, startLimit)
	if err == nil && first[0] >= startLimit {
		err = fmt.Errorf("the first tenant after a restart is not Ready within %s", startLimit)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = operatortest.Pause(running, linger)
	}()
	is = p.quietUntil(running, done)
	is.err = errors.Join(err, is.err)
	is.use = meter.stop()
	return is
}

// check fails the test if the operator did not withstand the attack.
func (r result) check(t *testing.T) {
	t.Helper()
	for when, is := range map[string]phase{"during the attack": r.during, "after a restart": r.again} {
		if is.ended {
			t.Errorf("%s, the operator's process ended; its resident memory was %d MiB before", when, is.peak>>20)
			continue
		}
		if is.peak >= mostMemory {
			t.Errorf("%s, the operator's resident memory was %d MiB; it must stay below %d MiB", when, is.peak>>20, mostMemory>>20)
		}
		if is.err != nil {
			t.Errorf("%s: %v", when, is.err)
		} else if limit := allowed(r.usual); is.quiet > limit {
			t.Errorf("%s, a quiet tenant was Ready after %.1f s; usually that takes %.1f s, and %.1f s are allowed", when, is.quiet.Seconds(), r.usual.Seconds(), limit.Seconds())
		}
	}
}

// table returns the results as a table.
func table(results []result) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "attack\tpeak MiB\tCPU s\tquiet tenant Ready s\tusually s\trestarted: peak MiB\tCPU s\tquiet tenant Ready s")
	for _, r := range results {
		fmt.Fprintf(w, "%s\t%s\t%.1f\t%s\n", r.name, r.during, r.usual.Seconds(), r.again)
	}
	_ = w.Flush() // it writes into memory
	return text.String()
}

// String returns the cells of a table.
func (p phase) String() string {
	peak, quiet := fmt.Sprint(p.peak>>20), fmt.Sprintf("%.1f", p.quiet.Seconds())
	if p.err != nil {
		quiet = "not Ready"
	}
	if p.ended {
		peak += ", ended"
	}
	return fmt.Sprintf("%s\t%.1f\t%s", peak, p.cpu, quiet)
}

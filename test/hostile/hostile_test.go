package hostile

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
)

var (
	specs   = flag.Int("specs", 3000, "how many GatewayTenants are written")
	tenants = flag.Int("tenants", 16, "how many tenants attack at once")
	seed    = flag.Uint64("seed", 0, "repeats what another run wrote; 0: another each time")
)

// share is how many of the attempts a tenant makes by deleting its GatewayTenant and making another: this needs the whole
// control plane, and takes its time.
const share = 1000

// TestHostileTenants has tenants attack, all at once. While they write over their GatewayTenants, nobody acts on what the
// operator writes: what pods do is not what is tested, and would take nine tenths of the time. Then the rest of the
// control plane goes on, and they delete and make GatewayTenants.
func TestHostileTenants(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano()) //nolint:gosec // any number will do
	}
	fmt.Fprintf(os.Stderr, "hostile: to repeat this: -specs=%d -tenants=%d -seed=%d\n", *specs, *tenants, *seed)
	p := start(t)
	garbage := &collector{admin: p.Client}
	seen := p.observe(t, garbage)
	var names []string
	for i := range *tenants {
		names = append(names, fmt.Sprintf("tenant-%02d", i))
	}
	p.settle(t, seen, names)
	counts := &tally{byKind: map[string]*[outcomes]int{}}
	var attackers []*attackerIn
	for i, name := range names {
		attackers = append(attackers, p.attackerIn(t, seen, counts, newGenerator(*seed, name, []string{names[(i+1)%len(names)], bystanders[0]}, 13)))
	}
	p.freeze(t)
	for _, namespace := range bystanders {
		p.oracle.leave(namespace)
	}
	before := p.outside(t, names)

	began := time.Now()
	remade := max(*specs/share, len(names))
	garbage.run(true)
	written := p.attack(t, attackers, *specs-remade, (*attackerIn).update)
	took := time.Since(began)
	garbage.run(false)
	p.thaw(t)
	p.oracle.takesOver()
	p.attack(t, attackers, remade, (*attackerIn).remake)

	p.report(t, counts, float64(written)/took.Seconds(), time.Since(began))
	p.unharmed(t, before, names)
}

// most is how much may be wrong before a run ends early.
const most = 20

// quiet are the processes that act on what the operator writes.
var quiet = []string{devcluster.Containers, devcluster.Kwok, devcluster.Scheduler, devcluster.ControllerManager}

func (p *place) freeze(t *testing.T) {
	t.Helper()
	for _, name := range quiet {
		if err := p.Pause(name); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { // or they would not end politely
		for _, name := range quiet {
			if err := p.Resume(name); err != nil {
				t.Error(err)
			}
		}
	})
}

// thaw lets these go on. The controller manager begins anew: it would take the node, of which it has not heard for so
// long, for a lost one.
func (p *place) thaw(t *testing.T) {
	t.Helper()
	for _, name := range quiet {
		resume := p.Resume
		if name == devcluster.ControllerManager {
			resume = func(name string) error { return p.Restart(t.Context(), name) }
		}
		if err := resume(name); err != nil {
			t.Fatal(err)
		}
	}
}

// attack has all attackers make attempts until there are enough, and returns how many there were. It tells every five
// seconds how far it is.
func (p *place) attack(t *testing.T, attackers []*attackerIn, attempts int, make func(*attackerIn, context.Context) error) int {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	counts := attackers[0].tally
	before := counts.sum()
	go func() {
		tick := time.NewTicker(5 * time.Second)
		defer tick.Stop()
		for began := time.Now(); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				done := counts.sum() - before
				fmt.Fprintf(os.Stderr, "hostile: %d of %d, %.0f/s\n", done, attempts, float64(done)/time.Since(began).Seconds())
			}
		}
	}()
	var begun atomic.Int64
	group, attacking := errgroup.WithContext(ctx)
	for _, a := range attackers {
		group.Go(func() error {
			for begun.Add(1) <= int64(attempts) {
				if err := make(a, attacking); err != nil {
					p.oracle.fault("%v", err)
				}
				if said := p.oracle.said(); len(said) >= most {
					return fmt.Errorf("too much is wrong to go on")
				}
			}
			return nil
		})
	}
	err := group.Wait()
	for _, said := range p.oracle.said() {
		t.Error(said)
	}
	if err != nil || t.Failed() {
		t.Fatal(err)
	}
	return counts.sum() - before
}

// report tells what became of the attempts. A run in which the operator accepted next to nothing, or wrote next to
// nothing, shows nothing.
func (p *place) report(t *testing.T, counts *tally, rate float64, took time.Duration) {
	t.Helper()
	line := func(name string, n [outcomes]int) {
		sum := float64(max(n[refused]+n[rejected]+n[accepted], 1))
		fmt.Fprintf(os.Stderr, "  %-20s %7d  refused %3.0f %%  rejected %3.0f %%  accepted %3.0f %%\n", name,
			n[refused]+n[rejected]+n[accepted], 100*float64(n[refused])/sum, 100*float64(n[rejected])/sum, 100*float64(n[accepted])/sum)
	}
	fmt.Fprintf(os.Stderr, "hostile: %d specs in %.0f s, %.0f/s while they are written over; refused by the API server, rejected or accepted by the operator:\n", counts.sum(), took.Seconds(), rate)
	line("all", counts.all)
	for _, kind := range slices.Sorted(maps.Keys(counts.byKind)) {
		line(kind, *counts.byKind[kind])
	}
	if counts.all[accepted]*20 < counts.sum() {
		t.Errorf("%d of %d specs were accepted: too few to show anything", counts.all[accepted], counts.sum())
	}
	p.oracle.mu.Lock()
	defer p.oracle.mu.Unlock()
	fmt.Fprintln(os.Stderr, "hostile: the oracle judged")
	for _, what := range slices.Sorted(maps.Keys(p.oracle.judged)) {
		fmt.Fprintf(os.Stderr, "  %7d %s\n", p.oracle.judged[what], what)
	}
	for _, what := range []string{"PATCH configmaps", "PATCH apps/statefulsets", "PATCH batch/jobs", "PATCH networking.k8s.io/networkpolicies", "PATCH persistentvolumeclaims"} {
		if p.oracle.judged[what] < counts.sum()/1000 {
			t.Errorf("%d × %s: too few to show anything", p.oracle.judged[what], what)
		}
	}
}

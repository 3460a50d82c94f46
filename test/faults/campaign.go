package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// campaign is a run of many plans.
type campaign struct {
	*env
	options
	out         io.Writer
	scheduled   io.Writer // what each plan was
	undisturbed map[*workload]outcome
	mu          sync.Mutex
	done        map[string]int // plans, by kind
	reached     map[string]bool
	idle        int // runs in which nothing was disturbed: they did not come by the point, or the object was not there
	divergent   []outcome
	broken      []error
	crashes     []plan
	rare        map[string]bool // plans at a write that no run came by again: one undisturbed run made it, in a race
	caught      []string        // canaries
	missed      []string
	lost        []string // by an outage
	lasting     []string // what disasters left wrong
	walk        *walk
	took        time.Duration // all plans
	left        int           // plans that were not begun
}

func newCampaign(e *env, o options) (*campaign, error) {
	c := &campaign{env: e, options: o, out: os.Stdout, scheduled: io.Discard, undisturbed: map[*workload]outcome{}, done: map[string]int{}, reached: map[string]bool{}, rare: map[string]bool{}}
	if o.schedule == "" {
		return c, nil
	}
	file, err := os.Create(o.schedule) // it is closed with the process
	if err != nil {
		return nil, err
	}
	c.scheduled = file
	return c, nil
}

// each runs f for every plan, several at a time, until the context ends. Which plans were run is the answer.
func each(ctx context.Context, parallel int, plans []plan, f func(plan)) int {
	var workers sync.WaitGroup
	next := make(chan plan)
	for range parallel {
		workers.Go(func() {
			for p := range next {
				f(p)
			}
		})
	}
	begun := 0
	for _, p := range plans {
		if ctx.Err() != nil {
			break
		}
		next <- p
		begun++
	}
	close(next)
	workers.Wait()
	return begun
}

// reference runs every workload undisturbed, twice: its points are those of both runs, and the second must be no
// different from the first, or the harness sees differences that are none.
func (c *campaign) reference(ctx, budget context.Context, of []*workload) {
	defer c.progress("undisturbed", 2*len(of))()
	var plans []plan
	for _, w := range of {
		plans = append(plans, plan{workload: w, kind: undisturbed}.seeded(c.seed))
	}
	for round := range 2 {
		each(budget, c.parallel, plans, func(p plan) {
			p.seed += uint64(round) //nolint:gosec // 0 or 1
			c.mu.Lock()
			first, known := c.undisturbed[p.workload]
			c.mu.Unlock()
			var against *outcome
			if known {
				against = &first
			}
			out, err := c.run(ctx, p, against)
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.count(p, out, err); err != nil || len(out.wrong) > 0 {
				return
			}
			if known {
				for _, point := range first.points {
					if !slices.Contains(out.points, point) {
						out.points = append(out.points, point)
					}
				}
			}
			c.undisturbed[p.workload] = out
		})
	}
}

// count notes what came of a plan.
func (c *campaign) count(p plan, out outcome, err error) {
	if errors.Is(err, context.Canceled) {
		return // the whole is being ended
	}
	if out.reached && !out.idle || err != nil || len(out.wrong) > 0 {
		c.done[p.kind.name]++
	} else {
		c.idle++
	}
	fmt.Fprintf(c.scheduled, "%s\t%d\t%s\n", p.name(), p.seed, strings.Join(out.points, ", "))
	if out.reached {
		c.reached[p.name()] = true
	}
	switch {
	case err != nil:
		c.broken = append(c.broken, err)
		fmt.Fprintf(c.out, "BROKEN    %s: %v\n", p.name(), err)
	case len(out.wrong) > 0:
		c.divergent = append(c.divergent, out)
		fmt.Fprintf(c.out, "DIVERGENT %s\n          replay: %s\n          %s\n", p.name(), c.replay(p), strings.Join(out.wrong, "\n          "))
	}
}

// replay is how a plan is run again, alone.
func (c *campaign) replay(p plan) string {
	return fmt.Sprintf("make faults FAULTS=\"-seed %d -patience %s -only '%s'\"", c.seed, c.env.patience, p.name())
}

// faults runs the plans that are wanted, those with a crash first.
func (c *campaign) faults(ctx, budget context.Context) error {
	crashes, others := c.plansOf()
	c.crashes = crashes
	only, err := regexp.Compile(c.only)
	if err != nil {
		return err
	}
	plans := append(slices.Clone(crashes), others...)
	fits := func(p plan) bool { return only.MatchString(p.name()) }
	if slices.ContainsFunc(plans, func(p plan) bool { return p.name() == c.only }) { // a name, read as an expression, fits many
		fits = func(p plan) bool { return p.name() == c.only }
	}
	plans = slices.DeleteFunc(plans, func(p plan) bool { return !fits(p) })
	if c.plans > 0 {
		slices.SortFunc(plans, bySeed)
		plans = plans[:min(len(plans), c.plans)]
	}
	defer c.progress("faults", len(plans))()
	begun := each(budget, c.parallel, plans, func(p plan) { c.try(ctx, p) })
	if c.left = len(plans) - begun; c.left > 0 {
		fmt.Fprintf(c.out, "faults: the budget is spent: %d of %d plans were not begun\n", c.left, len(plans))
	}
	return nil
}

// plansOf are all plans of the workloads: the crashes first, and the others in an order that the seed gives.
func (c *campaign) plansOf() (crashes, others []plan) {
	for _, w := range workloads {
		undisturbed, known := c.undisturbed[w]
		if !known {
			continue
		}
		for _, k := range faults {
			if k.restarts && !w.restarts {
				continue
			}
			for _, at := range undisturbed.points {
				children := []string{""}
				if k.children {
					children = childrenOf(undisturbed, k)
				}
				for _, child := range children {
					p := plan{workload: w, kind: k, at: at, child: child}.seeded(c.seed)
					if strings.HasPrefix(k.name, "crash ") {
						crashes = append(crashes, p)
					} else {
						others = append(others, p)
					}
				}
			}
		}
	}
	slices.SortFunc(others, bySeed)
	spread(others)
	return crashes, others
}

// bySeed is the order that the seed gives. A plan more or less leaves that of the others as it is.
func bySeed(a, b plan) int {
	return cmp.Or(cmp.Compare(a.seed, b.seed), strings.Compare(a.name(), b.name()))
}

// spread gives each fault of each workload, and of each object, its turn before any has a second one.
func spread(plans []plan) {
	turns, turn := map[string]int{}, map[string]int{}
	for _, p := range plans {
		about := p.workload.name + p.kind.name + p.child
		turns[about]++
		turn[p.name()] = turns[about]
	}
	slices.SortStableFunc(plans, func(a, b plan) int { return cmp.Compare(turn[a.name()], turn[b.name()]) })
}

// childrenOf are the objects that somebody may delete or change in a workload.
func childrenOf(undisturbed outcome, k *kind) []string {
	var children []string
	for _, of := range slices.SortedFunc(maps.Keys(undisturbed.versions), func(a, b id) int { return strings.Compare(a.String(), b.String()) }) {
		switch {
		case undisturbed.workload.spares[of]:
		case edits[of.kind] == "" || of.name == "default" || of.name == "kube-root-ca.crt":
		case k.name == "swallowed" && !slices.Contains([]string{"ConfigMap", "ServiceAccount", "Service", "NetworkPolicy"}, of.kind):
		default:
			children = append(children, of.String())
		}
	}
	return children
}

// attempts are how often a plan is tried whose point is one that not every run comes by.
const attempts = 12

// try runs a plan until its point was reached.
func (c *campaign) try(ctx context.Context, p plan) {
	against := c.undisturbed[p.workload]
	for range attempts {
		out, err := c.run(ctx, p, &against)
		c.mu.Lock()
		c.count(p, out, err)
		c.mu.Unlock()
		p.seed++
		if err != nil || out.reached || len(out.wrong) > 0 || ctx.Err() != nil {
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rare[p.name()] = true
}

// progress tells every ten seconds how far it is, until it is stopped.
func (c *campaign) progress(what string, of int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	began, before := time.Now(), c.total()
	tell := func() {
		n := c.total() - before
		c.mu.Lock()
		defer c.mu.Unlock()
		fmt.Fprintf(c.out, "%s: %d of %d plans in %s, %.0f a minute; %d divergent so far\n", what, n, of, time.Since(began).Round(time.Second), float64(n)/time.Since(began).Minutes(), len(c.divergent))
	}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(10 * time.Second):
				tell()
			}
		}
	}()
	return func() {
		cancel()
		tell()
	}
}

func (c *campaign) total() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	total := 0
	for _, n := range c.done {
		total += n
	}
	return total
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/ambient-code/gatewaytenant-operator/test/faults/model"
)

// release lets the canaries out: each must be found by its plan, for what it does, and not without its fault.
func (c *campaign) release(ctx context.Context) {
	var plans []plan
	for _, bug := range canaries {
		if _, known := c.undisturbed[workloadNamed(bug.workload)]; known {
			plans = append(plans, bug.plans(c.seed)...)
		}
	}
	missed := map[*canary]bool{} // those that were let out, whether one of their plans missed them
	each(ctx, c.parallel, plans, func(p plan) {
		against := c.undisturbed[p.workload]
		out, err := c.run(ctx, p, &against)
		c.mu.Lock()
		defer c.mu.Unlock()
		if err != nil {
			c.broken = append(c.broken, err)
			fmt.Fprintf(c.out, "BROKEN    canary %s: %v\n", p.bug.name, err)
			missed[p.bug] = true
			return
		}
		why := p.bug.misses(out)
		missed[p.bug] = missed[p.bug] || why != ""
		switch {
		case why != "":
			fmt.Fprintf(c.out, "CANARY MISSED: %s (%s)\n    by: %s\n    %s\n", p.bug.name, p.bug.class, p.name(), why)
		case len(out.wrong) > 0:
			fmt.Fprintf(c.out, "canary caught: %s (%s)\n    by: %s\n    as: %s\n", p.bug.name, p.bug.class, p.name(), short(out.wrong[0]))
		}
	})
	for bug, wasMissed := range missed {
		if wasMissed {
			c.missed = append(c.missed, bug.name)
		} else {
			c.caught = append(c.caught, bug.name)
		}
	}
}

// explore explores the models of the planners.
func (c *campaign) explore() (model.Result, error) {
	fmt.Fprintln(c.out, "models: exploring, which takes minutes")
	const edits = 2 // of others
	var all, certificates, applies model.Result
	var models errgroup.Group
	models.Go(func() (err error) {
		all, err = model.Bridge()
		return err
	})
	models.Go(func() (err error) {
		applies, err = model.Applies(edits)
		return err
	})
	models.Go(func() error {
		certificates = model.Certificates(edits)
		return nil
	})
	if err := models.Wait(); err != nil {
		return all, err
	}
	for _, is := range []model.Result{certificates, applies} {
		all.States += is.States
		all.Violations = append(all.Violations, is.Violations...)
	}
	for _, violation := range all.Violations[:min(5, len(all.Violations))] {
		fmt.Fprintln(c.out, "VIOLATION", violation)
	}
	return all, nil
}

// report says what was run and found; its last line is one JSON object.
func (c *campaign) report() error {
	fmt.Fprintln(c.out, "\nPlans run, by kind:")
	for _, name := range slices.Sorted(maps.Keys(c.done)) {
		fmt.Fprintf(c.out, "  %-19s %d\n", name, c.done[name])
	}
	fmt.Fprintf(c.out, "  and %d runs in which nothing was disturbed: they did not come by the write, or the object was not there\n", c.idle)
	covered, rare := c.coverage()
	for _, out := range c.divergent {
		fmt.Fprintln(c.out, "divergent:", c.replay(out.plan))
	}
	for _, wrong := range c.lost {
		fmt.Fprintln(c.out, "outage:", wrong)
	}
	for _, wrong := range c.lasting {
		fmt.Fprintln(c.out, "disaster:", wrong)
	}
	result := map[string]any{
		"plans": c.total(), "crash_points": len(c.crashes) - rare, "crash_points_covered": covered, "crash_points_rare": rare, "divergent": len(c.divergent), "broken": len(c.broken),
		"canaries": len(c.caught) + len(c.missed), "canaries_caught": len(c.caught), "transitions": 0, "mismatches": 0, "seed": c.seed, "plans_not_begun": c.left,
		"plans_minutes":  math.Round(c.took.Minutes()),
		"outage_tenants": c.tenants, "outage_wrong": len(c.lost), "disaster_tenants": c.disasters, "disasters_wrong": len(c.lasting),
	}
	var models model.Result
	if c.models {
		var err error
		if models, err = c.explore(); err != nil {
			return err
		}
	}
	result["model_states"], result["model_violations"] = models.States, len(models.Violations)
	panics, err := panics()
	if err != nil {
		return err
	}
	result["panics"] = panics
	wrong := []error{
		some(len(c.divergent), "plans diverged"), some(len(c.broken), "plans could not be carried out"), some(len(c.missed), "canaries were missed"),
		some(len(c.lost), "things were lost by the outage"), some(len(c.lasting), "things were wrong after the disasters"), some(len(models.Violations), "states of the models are wrong"), some(panics, "reconciles panicked"),
	}
	if c.only == "" && c.plans == 0 { // else not all were wanted
		wrong = append(wrong, some(len(c.crashes)-rare-covered, "crash points were not covered"))
	}
	if w := c.walk; w != nil {
		result["transitions_minutes"] = math.Round(w.took.Minutes())
		result["transitions"], result["transitions_refused"], result["mismatches"] = w.transitions, w.refused, len(w.mismatches)
		wrong = append(wrong, some(len(w.mismatches), "transitions ended otherwise than a new tenant"), some(c.transitions-w.transitions, "transitions were left undone"))
		if idle := w.idle(); w.transitions > 20*len(w.specs) && len(idle) > 0 {
			wrong = append(wrong, fmt.Errorf("of %s no value was accepted; add one to meaningful in schema.go", strings.Join(idle, ", ")))
		}
	}
	text, err := json.Marshal(result)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.out, string(text))
	return errors.Join(wrong...)
}

// coverage tells how many of the plans with a crash came by their point, and how many have one that is rare.
func (c *campaign) coverage() (covered, rare int) {
	for _, p := range c.crashes {
		switch {
		case c.reached[p.name()]:
			covered++
		case c.rare[p.name()]:
			fmt.Fprintf(c.out, "not covered, since one undisturbed run made the write and %d more did not: %s\n", attempts, p.name())
			rare++
		}
	}
	return covered, rare
}

// some is an error if there are any.
func some(n int, what string) error {
	if n <= 0 {
		return nil
	}
	return fmt.Errorf("%d %s", n, what)
}

// panics returns the number of panics in reconciles of all operators. controller-runtime recovers from them.
func panics() (int, error) {
	families, err := metrics.Registry.Gather()
	if err != nil {
		return 0, err
	}
	var count float64
	for _, family := range families {
		if family.GetName() == "controller_runtime_reconcile_panics_total" {
			for _, one := range family.GetMetric() {
				count += one.GetCounter().GetValue()
			}
		}
	}
	return int(count), nil
}

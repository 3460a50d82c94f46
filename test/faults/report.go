package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/ambient-code/gatewaytenant-operator/test/faults/model"
)

// release lets the canaries out: each must be found by its plan.
func (c *campaign) release(ctx context.Context) {
	var plans []plan
	for _, bug := range canaries {
		if _, known := c.undisturbed[workloadNamed(bug.workload)]; known {
			plans = append(plans, bug.plan(c.seed))
		}
	}
	each(ctx, c.parallel, plans, func(p plan) {
		against := c.undisturbed[p.workload]
		out, err := c.run(ctx, p, &against)
		c.mu.Lock()
		defer c.mu.Unlock()
		switch {
		case err != nil:
			c.broken = append(c.broken, err)
			c.missed = append(c.missed, p.bug.name)
			fmt.Fprintf(c.out, "BROKEN    canary %s: %v\n", p.bug.name, err)
		case len(out.wrong) > 0:
			c.caught = append(c.caught, p.bug.name)
			fmt.Fprintf(c.out, "canary caught: %s (%s)\n    by: %s\n    as: %s\n", p.bug.name, p.bug.class, p.name(), short(out.wrong[0]))
		default:
			c.missed = append(c.missed, p.bug.name)
			fmt.Fprintf(c.out, "CANARY MISSED: %s (%s)\n    by: %s\n", p.bug.name, p.bug.class, p.name())
		}
	})
}

// explore explores the models of the planners.
func (c *campaign) explore() (model.Result, error) {
	fmt.Fprintln(c.out, "models: exploring")
	all, err := model.Bridge()
	if err != nil {
		return all, err
	}
	applies, err := model.Applies()
	if err != nil {
		return all, err
	}
	for _, is := range []model.Result{model.Certificates(), applies} {
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
		fmt.Fprintf(c.out, "  %-18s %d\n", name, c.done[name])
	}
	fmt.Fprintf(c.out, "  and %d runs in which nothing was disturbed: they did not come by the write, or the object was not there\n", c.idle)
	covered, rare := 0, 0
	for _, p := range c.crashes {
		switch {
		case c.reached[p.name()]:
			covered++
		case c.rare[p.name()]:
			fmt.Fprintf(c.out, "not covered, since one undisturbed run made the write and %d more did not: %s\n", attempts, p.name())
			rare++
		}
	}
	for _, out := range c.divergent {
		fmt.Fprintf(c.out, "divergent: -seed %d -only '%s'\n", c.seed, out.name())
	}
	for _, wrong := range c.lost {
		fmt.Fprintln(c.out, "outage:", wrong)
	}
	result := map[string]any{
		"plans": c.total(), "crash_points": len(c.crashes) - rare, "crash_points_covered": covered, "crash_points_rare": rare, "divergent": len(c.divergent), "broken": len(c.broken),
		"canaries": len(c.caught) + len(c.missed), "canaries_caught": len(c.caught), "transitions": 0, "mismatches": 0, "seed": c.seed,
		"plans_minutes":  math.Round(c.took.Minutes()),
		"outage_tenants": c.tenants, "outage_wrong": len(c.lost),
	}
	var models model.Result
	if c.models {
		var err error
		if models, err = c.explore(); err != nil {
			return err
		}
	}
	result["model_states"], result["model_violations"] = models.States, len(models.Violations)
	failed := len(models.Violations)+len(c.lost)+len(c.divergent)+len(c.broken)+len(c.missed) > 0
	if c.walk != nil {
		result["transitions_minutes"] = math.Round(c.walk.took.Minutes())
		result["transitions"], result["mismatches"] = c.walk.transitions, len(c.walk.mismatches)
		failed = failed || len(c.walk.mismatches) > 0
	}
	text, err := json.Marshal(result)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.out, string(text))
	if failed {
		return fmt.Errorf("%d plans diverged, %d could not be carried out, %d canaries were missed; see above", len(c.divergent), len(c.broken), len(c.missed))
	}
	return nil
}

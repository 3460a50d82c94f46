package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"time"
)

// options are the command's flags.
type options struct {
	seed     uint64
	budget   time.Duration
	parallel int
	silence  time.Duration
	of       string
	only     string
}

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "decides all that plans leave open; the same seed is the same run")
	flag.DurationVar(&o.budget, "budget", time.Hour, "for how long new plans are begun")
	flag.IntVar(&o.parallel, "parallel", 16, "how many plans run at once")
	flag.DurationVar(&o.silence, "silence", 3*time.Second, "how long the operator must write nothing at the end of a plan")
	flag.StringVar(&o.of, "workloads", "", "only the workloads whose name fits this regular expression")
	flag.StringVar(&o.only, "only", "", "run the plans with this name, or whose name fits this regular expression")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be done: the context ends with the process
	}
}

func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "faults-")
	if err != nil {
		return err
	}
	e, err := newEnv(ctx, dir, o.silence, os.Stdout)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, e.cluster.Stop()); err == nil {
			err = os.RemoveAll(dir)
		} else {
			fmt.Fprintln(os.Stderr, "faults: the logs are in", filepath.Join(dir, "logs"))
		}
	}()
	c := &campaign{env: e, seed: o.seed, parallel: o.parallel, out: os.Stdout, done: map[string]int{}, reached: map[string]bool{}}
	budget, cancel := context.WithTimeout(ctx, o.budget)
	defer cancel()
	c.campaign(budget, o)
	return c.report()
}

// campaign runs the plans until the budget is spent: those that are under way then are finished.
func (c *campaign) campaign(budget context.Context, o options) {
	ctx := context.WithoutCancel(budget)
	var of []*workload
	for _, w := range workloads {
		if regexp.MustCompile(o.of).MatchString(w.name) {
			of = append(of, w)
		}
	}
	wanted := func(p plan) bool {
		return o.only == "" || p.name() == o.only || regexp.MustCompile(o.only).MatchString(p.name())
	}
	stop := c.progress(budget, "undisturbed", 2*len(of))
	c.reference(ctx, of)
	stop()
	crashes, others := c.plans()
	plans := slices.DeleteFunc(append(crashes, others...), func(p plan) bool { return !wanted(p) })
	stop = c.progress(budget, "faults", len(plans))
	defer stop()
	begun := each(budget, c.parallel, plans, func(p plan) { c.try(ctx, p) })
	fmt.Fprintf(c.out, "%d of %d plans\n", begun, len(plans))
}

func (c *campaign) report() error {
	text, err := json.Marshal(map[string]any{"plans": c.total(), "divergent": len(c.divergent), "seed": c.seed})
	if err != nil {
		return err
	}
	fmt.Fprintln(c.out, string(text))
	if len(c.divergent)+len(c.broken) > 0 {
		return fmt.Errorf("%d plans diverged, %d could not be carried out", len(c.divergent), len(c.broken))
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the command's flags.
type options struct {
	seed             uint64
	budget           time.Duration
	parallel         int
	silence          time.Duration
	patience         time.Duration
	workloads, only  string
	schedule         string
	plans            int
	canaries         bool
	models           bool
	tenants          int
	disasters        int
	transitions      int
	walkers          int
	transitionBudget time.Duration
}

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "decides which plans are run, in which order, and what they leave open")
	flag.DurationVar(&o.budget, "budget", time.Hour, "for how long new plans are begun")
	flag.IntVar(&o.parallel, "parallel", 20, "how many plans run at once")
	flag.DurationVar(&o.silence, "silence", 7*time.Second, "how long the operator must write nothing at the end of a plan")
	flag.DurationVar(&o.patience, "patience", 2*time.Minute, "how long a workload may take; a busy machine needs more")
	flag.StringVar(&o.workloads, "workloads", "", "only the workloads whose name fits this regular expression")
	flag.StringVar(&o.only, "only", "", "only the plans with this name, or whose name fits this regular expression, and nothing but plans")
	flag.StringVar(&o.schedule, "schedule", "", "a file for what each plan was: its name, its seed and the writes that it saw, in their order")
	flag.IntVar(&o.plans, "plans", 0, "no more than so many plans, which the seed selects; 0: all")
	flag.BoolVar(&o.canaries, "canaries", true, "show that deliberate bugs are found")
	flag.BoolVar(&o.models, "models", true, "explore the models of the planners")
	flag.IntVar(&o.tenants, "tenants", 200, "how many tenants are created while etcd and the API server are killed; 0: none")
	flag.IntVar(&o.disasters, "disasters", 12, "how many tenants there are when the CRD is lost, and when etcd is restored; 0: neither happens")
	flag.IntVar(&o.transitions, "transitions", 10000, "how many changes of a spec are made")
	flag.IntVar(&o.walkers, "walkers", 40, "how many tenants are changed at once")
	flag.DurationVar(&o.transitionBudget, "transition-budget", time.Hour, "for how long they are")
	flag.Parse()
	if o.only != "" {
		o.canaries, o.models, o.tenants, o.disasters, o.transitions = false, false, 0, 0, 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be done: the context ends with the process
	}
}

func run(ctx context.Context, o options) (err error) {
	e, err := newEnv(ctx, o.silence, o.patience, os.Stdout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.cluster.End(err != nil)) }()
	c, err := newCampaign(e, o)
	if err != nil {
		return err
	}
	if err := c.all(ctx); err != nil {
		return err
	}
	return c.report()
}

// wants tells whether there can be a plan that is wanted in a workload.
func (c *campaign) wants(w *workload) bool {
	of, _, named := strings.Cut(c.only, " | ")
	return !named || of == w.name || !slices.ContainsFunc(workloads, func(w *workload) bool { return of == w.name })
}

// all runs the plans until their budget is spent, then the canaries, and then the walk. What is under way is finished.
func (c *campaign) all(ctx context.Context) error {
	var of []*workload
	which, err := regexp.Compile(c.workloads)
	if err != nil {
		return err
	}
	for _, w := range workloads {
		if which.MatchString(w.name) && c.wants(w) {
			of = append(of, w)
		}
	}
	budget, cancel := context.WithTimeout(ctx, c.budget)
	defer cancel()
	began := time.Now()
	c.reference(ctx, budget, of)
	if err := c.faults(ctx, budget); err != nil {
		return err
	}
	c.took = time.Since(began)
	if c.canaries {
		c.release(ctx)
	}
	if c.tenants > 0 {
		if c.lost, err = c.outage(ctx, c.tenants); err != nil {
			return err
		}
	}
	if c.disasters > 0 {
		if c.lasting, err = c.disastersHappen(ctx, c.disasters); err != nil {
			return err
		}
	}
	if c.transitions == 0 {
		return nil
	}
	budget, cancel = context.WithTimeout(ctx, c.transitionBudget)
	defer cancel()
	c.walk, err = c.transitionsUntil(ctx, budget, c.transitions)
	return err
}

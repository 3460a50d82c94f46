package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

type options struct {
	from        string
	tenants     int
	quietPeriod time.Duration
	limit       time.Duration
	json        string
	maxWrites   int
	maxRestarts int
	mayLose     *regexp.Regexp
}

func main() {
	o := options{mayLose: regexp.MustCompile("^$")}
	flag.StringVar(&o.from, "from", "", "git revision of the earlier version; by default the newest tag that HEAD contains")
	flag.IntVar(&o.tenants, "tenants", 0, "number of tenants, the first ones of tenants.yaml; 0 means all")
	flag.DurationVar(&o.quietPeriod, "quiet-period", 10*time.Second, "a step is over after this long without a write and without a pod being replaced")
	flag.DurationVar(&o.limit, "limit", 3*time.Minute, "longest duration of a step; a step that is not over by then fails")
	flag.StringVar(&o.json, "json", "", "file that receives the whole result, with the values of all changed fields")
	flag.IntVar(&o.maxWrites, "max-writes", -1, "fail if a step has more writes than this; negative means no limit")
	flag.IntVar(&o.maxRestarts, "max-restarts", -1, "fail if a step restarts more gateways than this; negative means no limit")
	flag.Func("may-lose-ready", "regular expression of the tenants that may be Ready before a step and not after it", func(text string) (err error) {
		o.mayLose, err = regexp.Compile(text)
		return err
	})
	flag.Parse()
	ctrl.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "upgrade:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be done: the context ends with the process
	}
}

// run builds both versions, runs all steps, and reports the result.
func run(ctx context.Context, o options) (err error) {
	tenants, err := readTenants(o.tenants)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "upgrade-")
	if err != nil {
		return err
	}
	defer func() {
		logs := filepath.Join(dir, clusterDir, "logs")
		if _, missing := os.Stat(logs); err != nil && missing == nil {
			fmt.Fprintln(os.Stderr, "upgrade: the logs are in", logs)
			return
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	from, present, remove, err := versions(ctx, dir, o.from)
	defer func() { err = errors.Join(err, remove()) }()
	if err != nil {
		return err
	}
	e, err := newEnv(ctx, dir, from, present, tenants)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.cluster.Stop()) }()
	r := &result{From: from.title, Present: present.title, Tenants: len(tenants)}
	err = e.steps(ctx, o, from, present, r)
	if o.json != "" {
		err = errors.Join(err, r.write(o.json))
	}
	if err != nil {
		return err
	}
	return r.summary(os.Stdout)
}

// began is the start of the program. Progress is printed with the time since.
var began = time.Now()

// say prints progress on standard error. Standard output has the result alone.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%5.0f s  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
}

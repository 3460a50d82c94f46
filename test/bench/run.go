package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/audit"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// plan is how much is measured.
type plan struct {
	tenants  int           // in each leg
	few      int           // tenants to compare that with, for what grows with their number
	pairs    int           // legs of the floor and of the operator
	sample   int           // tenants for finding out how many requests in flight are best for the floor
	steady   time.Duration // how long nothing changes
	changes  int           // entries of platform-config that are changed, one after the other
	single   int           // tenants that come alone
	profiles string        // directory for profiles; empty: none are taken
}

var plans = map[string]plan{
	"small": {tenants: 100, few: 20, pairs: 1, sample: 20, steady: 10 * time.Second, changes: 10, single: 10},
	"whole": {tenants: 1000, few: 100, pairs: 3, sample: 50, steady: 5 * time.Minute, changes: 50, single: 50},
}

// limit is how long anything may take that all tenants have to go through: far longer than it does, so that a run that
// hangs says where.
func (p plan) limit(tenants int) time.Duration {
	return 2*time.Minute + time.Duration(tenants)*time.Second
}

// times are when the tenants of a leg were made, in seconds since its start, in order.
type times struct {
	Exist, Ready []float64
}

func (t times) last() (exist, ready float64) {
	return t.Exist[len(t.Exist)-1], t.Ready[len(t.Ready)-1]
}

// measure makes all legs.
func measure(ctx context.Context, p plan) (*result, error) {
	r := newResult(p)
	s, inFlight, err := first(ctx, p, r)
	if err != nil {
		return nil, fmt.Errorf("the first leg: %w", err)
	}
	for pair := range p.pairs {
		// Floor, operator, operator, floor, …: whatever changes with time changes both.
		legs := []func() error{
			func() error { return floorLegs(ctx, p, r, s, inFlight) },
			func() error { return operatorLegs(ctx, p, r, pair == p.pairs-1) },
		}
		if pair%2 == 1 {
			slices.Reverse(legs)
		}
		for _, leg := range legs {
			if err := leg(); err != nil {
				return nil, fmt.Errorf("pair %d of %d: %w", pair+1, p.pairs, err)
			}
		}
		r.pair(pair)
	}
	r.compare()
	return r, nil
}

// first makes a few tenants with the operator, which gives the script of the floor and the heap to compare with; and then
// finds out how many requests in flight are best for that.
func first(ctx context.Context, p plan, r *result) (s script, inFlight int, err error) {
	l, err := startLeg(ctx, "first", p.few)
	if err != nil {
		return s, 0, err
	}
	defer func() { err = errors.Join(err, l.stop(err)) }()
	process, _, err := l.converge(ctx, p, "--capture="+l.tenants[0].namespace)
	if err != nil {
		return s, 0, err
	}
	if err := operatortest.Pause(ctx, settling); err != nil {
		return s, 0, err
	}
	is, err := process.state(ctx, true)
	if err != nil {
		return s, 0, err
	}
	r.fewHeap = float64(is.HeapBytes)
	say("  heap %.1f MiB", r.fewHeap/(1<<20))
	all, err := process.captured(ctx)
	if err != nil {
		return s, 0, err
	}
	if s, err = newScript(all, l.tenants[0], l.seen.tokenKey(l.tenants[0].namespace)); err != nil {
		return s, 0, err
	}
	if err := process.stop(ctx); err != nil {
		return s, 0, err
	}
	best := 0.0
	for _, n := range []int{8, 16, 32, 64} {
		tenants, err := l.makeTenants(ctx, fmt.Sprintf("try%02d", n), p.sample)
		if err != nil {
			return s, 0, err
		}
		f, err := newFloor(s, l.account, n)
		if err != nil {
			return s, 0, err
		}
		took, err := f.foundations(ctx, tenants)
		if err != nil {
			return s, 0, err
		}
		rate := float64(p.sample*len(s.foundation)) / took.Seconds()
		say("  the floor with %d in flight: %.0f applies/s", n, rate)
		if rate > best {
			best, inFlight = rate, n
		}
	}
	return s, inFlight, nil
}

// floorLegs makes few tenants, and then all, without the operator.
func floorLegs(ctx context.Context, p plan, r *result, s script, inFlight int) error {
	few, err := floorLeg(ctx, p, s, inFlight, p.few)
	if err != nil {
		return err
	}
	all, err := floorLeg(ctx, p, s, inFlight, p.tenants)
	r.fewFloors, r.floors = append(r.fewFloors, few), append(r.floors, all)
	return err
}

func floorLeg(ctx context.Context, p plan, s script, inFlight, tenants int) (t times, err error) {
	l, err := startLeg(ctx, "floor", tenants)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, l.stop(err)) }()
	f, err := newFloor(s, l.account, inFlight)
	if err != nil {
		return t, err
	}
	start := time.Now()
	if err := f.run(ctx, p.limit(tenants), l.tenants, l.seen); err != nil {
		return t, err
	}
	calls, err := l.log.Requests()
	if err != nil {
		return t, err
	}
	t.Exist = firsts(calls, start, l.tenants, func(c audit.Request) bool { return c.Target() == "statefulsets" })
	t.Ready = firsts(calls, start, l.tenants, func(c audit.Request) bool { return kindOf(c) == statuses })
	return t, t.check("floor", l.tenants)
}

// operatorLegs makes few tenants, and then all, with the operator; with more, it goes on to all that can be measured then.
func operatorLegs(ctx context.Context, p plan, r *result, more bool) error {
	few, err := operatorLeg(ctx, p, p.few, nil)
	if err != nil {
		return err
	}
	var goOn func(*leg, *process) error
	if more {
		goOn = func(l *leg, process *process) error { return l.goOn(ctx, p, r, process) }
	}
	all, err := operatorLeg(ctx, p, p.tenants, goOn)
	r.fewOperators, r.operators = append(r.fewOperators, few), append(r.operators, all)
	return err
}

func operatorLeg(ctx context.Context, p plan, tenants int, goOn func(*leg, *process) error) (t times, err error) {
	l, err := startLeg(ctx, "operator", tenants)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, l.stop(err)) }()
	process, t, err := l.converge(ctx, p)
	if err != nil || goOn == nil {
		return t, err
	}
	return t, goOn(l, process)
}

// converge starts an operator as a standby, lets it lead when its caches are filled, and waits until all tenants are
// Ready. The clock starts when it leads.
func (l *leg) converge(ctx context.Context, p plan, args ...string) (*process, times, error) {
	var t times
	if p.profiles != "" {
		args = append(args, "--profile-mutexes")
	}
	process, err := startOperator(ctx, l, args...)
	if err != nil {
		return nil, t, err
	}
	running, done := process.whileRunning(ctx)
	defer done()
	err = await(running, time.Minute, func() error {
		is, err := process.state(ctx, false)
		if err == nil && is.Queued < len(l.tenants) {
			err = fmt.Errorf("the standby's caches know %d of %d tenants", is.Queued, len(l.tenants))
		}
		return err
	})
	if err != nil {
		return nil, t, err
	}
	if err := l.release(ctx); err != nil {
		return nil, t, err
	}
	start, err := process.elected(ctx)
	if err != nil {
		return nil, t, err
	}
	if p.profiles != "" && len(l.tenants) == p.tenants {
		go l.profile(ctx, p.profiles, "making", process)
	}
	ready, err := l.seen.allReady(running, p.limit(len(l.tenants)), l.tenants)
	if err != nil {
		return nil, t, fmt.Errorf("%w; see %s", err, l.cluster.Log(operatorName))
	}
	calls, err := l.log.Requests()
	if err != nil {
		return nil, t, err
	}
	t.Exist = firsts(calls, start, l.tenants, func(c audit.Request) bool { return c.Target() == "statefulsets" })
	for _, at := range ready {
		t.Ready = append(t.Ready, at.Sub(start).Seconds())
	}
	slices.Sort(t.Ready)
	return process, t, t.check("operator", l.tenants)
}

// check says what of a leg there is, and fails if it is not all.
func (t times) check(who string, tenants []tenant) error {
	if len(t.Exist) < len(tenants) || len(t.Ready) < len(tenants) {
		return fmt.Errorf("%s: of %d tenants %d exist and %d are Ready, as the audit log tells", who, len(tenants), len(t.Exist), len(t.Ready))
	}
	exist, ready := t.last()
	say("%s: all %d tenants exist after %.1f s and are Ready after %.1f s", who, len(tenants), exist, ready)
	return nil
}

// firsts are the times of the first successful request of the given sort in each tenant's namespace, in seconds since
// start, sorted.
func firsts(calls []audit.Request, start time.Time, tenants []tenant, is func(audit.Request) bool) []float64 {
	wanted := map[string]bool{}
	for _, t := range tenants {
		wanted[t.namespace] = true
	}
	var at []float64
	for _, c := range calls {
		if wanted[c.Namespace] && is(c) && c.Code < 300 {
			delete(wanted, c.Namespace)
			at = append(at, c.Time.Sub(start).Seconds())
		}
	}
	slices.Sort(at)
	return at
}

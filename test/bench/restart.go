package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// syncPeriod is how often every tenant is reconciled after a restart.
const syncPeriod = 20 * time.Second

// restart stops the operator and starts another one, which also reconciles every tenant each syncPeriod. A tenant that is created
// while the new operator reconciles all tenants for the first time must not wait until it has reconciled them.
func (l *leg) restart(ctx context.Context, p plan, r *result, old *process) (*process, error) {
	newcomer, err := l.makeNamespaces(ctx, "later", 1)
	if err != nil {
		return nil, err
	}
	if err := old.stop(ctx); err != nil {
		return nil, err
	}
	before, err := l.log.Mark()
	if err != nil {
		return nil, err
	}
	all := len(l.tenants)
	start := time.Now()
	process, err := startOperator(ctx, l, "--sync-period="+syncPeriod.String())
	if err != nil {
		return nil, err
	}
	if p.profiles != "" {
		go l.profile(ctx, p.profiles, "restart", process)
	}
	elected, err := process.elected(ctx)
	if err != nil {
		return nil, err
	}
	created := time.Now()
	if err := l.makeTenant(ctx, &newcomer[0]); err != nil {
		return nil, err
	}
	is, err := process.quiet(ctx, time.Minute, all)
	if err != nil {
		return nil, fmt.Errorf("the first reconcile of all tenants: %w", err)
	}
	reconciled := time.Now()
	at, err := l.foundationOf(ctx, newcomer[0].namespace, created)
	if err != nil {
		return nil, err
	}
	r.set("restart_s", reconciled.Sub(start).Seconds())
	r.set("restart_newcomer_ms", float64(at.Milliseconds()))
	say("restart: leader after %.1f s, all tenants reconciled after %.1f s, in %d reconciles; a tenant that came meanwhile had its objects after %d ms",
		elected.Sub(start).Seconds(), reconciled.Sub(start).Seconds(), is.Reconciles, at.Milliseconds())
	if _, err := l.seen.allReady(ctx, time.Minute, newcomer); err != nil {
		return nil, err
	}
	if err := operatortest.Pause(ctx, time.Second); err != nil {
		return nil, err
	}
	calls, err := l.log.Since(before)
	if err != nil {
		return nil, err
	}
	r.set("restart_writes", written("restart", calls, newcomer[0].namespace))
	return process, l.resync(ctx, r, process, before+len(calls), all, newcomer[0].namespace)
}

// resync counts the writes while every tenant is reconciled once more without any event.
func (l *leg) resync(ctx context.Context, r *result, process *process, before, all int, newcomer string) error {
	is, err := process.state(ctx, false)
	if err != nil {
		return err
	}
	if _, err := process.quiet(ctx, 3*syncPeriod, is.Reconciles+all); err != nil {
		return fmt.Errorf("the resync: %w", err)
	}
	if err := operatortest.Pause(ctx, settling); err != nil {
		return err
	}
	calls, err := l.log.Since(before)
	r.set("resync_writes", written("resync", calls, newcomer))
	return err
}

package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// single measures how long one tenant takes on a cluster where nothing else happens.
func (l *leg) single(ctx context.Context, p plan, r *result) error {
	say("%d tenants, one after the other", p.single)
	tenants, err := l.makeNamespaces(ctx, "alone", p.single)
	if err != nil {
		return err
	}
	if err := operatortest.Pause(ctx, settling); err != nil {
		return err
	}
	var took []time.Duration
	for i := range tenants {
		created := time.Now()
		if err := l.makeTenant(ctx, &tenants[i]); err != nil {
			return err
		}
		one, err := l.foundationOf(ctx, tenants[i].namespace, created)
		if err != nil {
			return err
		}
		took = append(took, one)
		if _, err := l.seen.allReady(ctx, time.Minute, tenants[i:i+1]); err != nil {
			return err
		}
	}
	l.tenants = append(l.tenants, tenants...)
	r.set("idle_p50_ms", milliseconds(took, 50))
	return nil
}

// foundationOf says how long after its creation a tenant had all objects that do not wait for certgen; the last of these
// is certgen's Job.
func (l *leg) foundationOf(ctx context.Context, namespace string, created time.Time) (time.Duration, error) {
	return l.writtenOf(ctx, namespace, "jobs", created)
}

// writtenOf says how long after since a tenant's object of a resource was written last.
func (l *leg) writtenOf(ctx context.Context, namespace, resource string, since time.Time) (took time.Duration, err error) {
	return took, await(ctx, 30*time.Second, func() error {
		calls, err := l.log.Requests()
		if err != nil {
			return err
		}
		for _, c := range slices.Backward(calls) {
			if c.Namespace == namespace && c.Target() == resource && c.Code < 300 && c.Time.After(since) {
				took = c.Time.Sub(since)
				return nil
			}
		}
		return fmt.Errorf("of %s, none of the %s was written", namespace, resource)
	})
}

// milliseconds is a percentile of durations, by nearest rank.
func milliseconds(took []time.Duration, percent float64) float64 {
	sorted := slices.Sorted(slices.Values(took))
	rank := int(math.Ceil(percent / 100 * float64(len(sorted))))
	return math.Round(sorted[max(rank, 1)-1].Seconds()*10000) / 10
}

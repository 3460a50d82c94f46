package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/audit"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// settling is how long to wait for what the last change still leads to.
const settling = 3 * time.Second

// goOn measures, where all tenants are Ready, what they cost from then on.
func (l *leg) goOn(ctx context.Context, p plan, r *result, process *process) error {
	if err := operatortest.Pause(ctx, settling); err != nil {
		return err
	}
	if err := l.cost(ctx, p, r, process); err != nil {
		return err
	}
	if err := l.steady(ctx, p, r); err != nil {
		return fmt.Errorf("steady state: %w", err)
	}
	if err := l.single(ctx, p, r); err != nil {
		return fmt.Errorf("one tenant after the other: %w", err)
	}
	if err := l.entries(ctx, p, r); err != nil {
		return fmt.Errorf("one entry changed: %w", err)
	}
	if err := l.agree(ctx, r, process); err != nil {
		return err
	}
	process, err := l.restart(ctx, p, r, process)
	if err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	if err := l.deletion(ctx, p, r); err != nil {
		return fmt.Errorf("deletion: %w", err)
	}
	return process.stop(ctx)
}

// cost counts what the tenants cost until they were Ready, and what the operator holds for them.
func (l *leg) cost(ctx context.Context, p plan, r *result, process *process) error {
	calls, err := l.log.Requests()
	if err != nil {
		return err
	}
	counts, late := count(calls)
	per := func(n int) float64 { return float64(n) / float64(p.tenants) }
	r.set("object_writes_per_tenant", per(counts[objects]))
	r.set("status_writes_per_tenant", per(counts[statuses]))
	r.set("writes_per_tenant", per(counts[objects]+counts[statuses]))
	r.set("events_per_tenant", per(counts[events]))
	r.set("late_watches", float64(late))
	r.set("bridge_writes", float64(counts[bridge]))
	is, err := process.state(ctx, true)
	if err != nil {
		return err
	}
	clusterWrites, err := l.clusterWrites(ctx)
	if err != nil {
		return err
	}
	r.set("cluster_writes_per_tenant", (clusterWrites-l.writesBefore)/float64(p.tenants))
	r.set("cpu_ms_per_tenant", 1000*is.CPU/float64(p.tenants))
	r.set("rss_mib", float64(is.RSSBytes)/(1<<20))
	r.set("heap_kib_per_tenant", (float64(is.HeapBytes)-r.fewHeap)/1024/float64(p.tenants-p.few))
	if p.profiles != "" {
		if err := process.profileHeap(ctx, p.profiles); err != nil {
			say("  no profile of the heap: %v", err)
		}
	}
	say("  %.2f writes a tenant; %.0f reconciles; heap %.1f MiB, RSS %.0f MiB", per(counts[objects]+counts[statuses]), per(is.Reconciles), float64(is.HeapBytes)/(1<<20), float64(is.RSSBytes)/(1<<20))
	return nil
}

// count counts requests by kind, and late the watches of what a replica that stands by should know already.
func count(calls []audit.Request) (counts map[kind]int, late int) {
	counts, times, leads := map[kind]int{}, map[audit.Action]int{}, false
	for _, c := range calls {
		counts[kindOf(c)]++
		leads = leads || kindOf(c) == lease && c.Verb != "get"
		if c.Code >= http.StatusBadRequest {
			if kindOf(c) != lease { // which is not there before somebody leads
				say("  refused: %d %s", c.Code, c.Action)
			}
			continue
		}
		times[c.Action]++
		switch {
		case kindOf(c) == watches && times[c.Action] == 1 && leads: // if more than once, the API server had ended it
			say("  begun only by the leader: %s", c.Action)
			late++
		case kindOf(c) == objects && times[c.Action] == 2:
			say("  a second time: %s", c.Action)
		}
	}
	return counts, late
}

// written counts the writes among calls, apart from those in namespaces that do not count, and says what they were.
func written(what string, calls []audit.Request, except ...string) float64 {
	excepted := func(c audit.Request) bool {
		return slices.ContainsFunc(except, func(namespace string) bool {
			return c.Namespace == namespace || c.Namespace == "" && strings.HasSuffix(c.Name, ":"+namespace) // its ClusterRoleBinding
		})
	}
	writes := slices.DeleteFunc(slices.Clone(calls), func(c audit.Request) bool { return !isTenantWrite(c) || excepted(c) })
	for i, c := range writes {
		if i == 5 {
			say("  … and %d more", len(writes)-i)
			break
		}
		say("  %s: a write: %s", what, c.Action)
	}
	return float64(len(writes))
}

// steady counts the writes of a time in which nothing changes.
func (l *leg) steady(ctx context.Context, p plan, r *result) error {
	say("nothing changes for %s", p.steady)
	before, err := l.log.Mark()
	if err != nil {
		return err
	}
	if err := operatortest.Pause(ctx, p.steady); err != nil {
		return err
	}
	calls, err := l.log.Since(before)
	r.set("steady_writes", written("steady state", calls))
	return err
}

// agree compares what the operator has sent, as its client counts it, with what the API server has served.
func (l *leg) agree(ctx context.Context, r *result, process *process) error {
	var differ []string
	_ = await(ctx, 10*time.Second, func() error { // the last reply is written down after it is sent
		is, err := process.state(ctx, false)
		if err != nil {
			return err
		}
		calls, err := l.log.Requests()
		if err != nil {
			return err
		}
		if differ = differences(is.Sent, tally(calls)); len(differ) > 0 {
			return fmt.Errorf("%s", strings.Join(differ, "; "))
		}
		return nil
	})
	calls, err := l.log.Requests()
	if err != nil {
		return err
	}
	r.set("ledger_differences", float64(len(differ)))
	for _, text := range differ {
		say("  client and API server do not agree: %s", text)
	}
	live, conflicts := 0, 0
	for _, c := range calls {
		if c.Code == http.StatusConflict {
			conflicts++
		}
		if kindOf(c) == reads {
			say("  a read: %s", c.Action)
			live++
		}
	}
	r.set("live_reads", float64(live))
	r.set("conflicts", float64(conflicts))
	return nil
}

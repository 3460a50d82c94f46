package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	eventsv1 "k8s.io/api/events/v1"
)

// result is the outcome of all steps.
type result struct {
	From, Present string
	Tenants       int
	Steps         []*step
}

// step is the installation of one version in place of another.
type step struct {
	Name       string
	Version    string
	Seconds    float64
	Writes     int // of the operator and certgen, those that were refused included
	Tenants    []tenantStep
	Unexpected []string `json:",omitempty"`
	Problems   []string `json:",omitempty"`
}

// steps creates the tenants under the earlier version, and then changes versions three times.
func (e *env) steps(ctx context.Context, o options, from, present version, r *result) error {
	for i, v := range []version{from, present, from, present} {
		name := []string{"create", "upgrade", "return", "upgrade again"}[i]
		say("%s: installing %s", name, v.title)
		s, err := e.step(ctx, o, name, v, i == 0)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.Steps = append(r.Steps, s)
		if err := s.print(os.Stdout); err != nil {
			return err
		}
	}
	return nil
}

// step installs a version, waits until it is quiet, and compares the objects with those before.
func (e *env) step(ctx context.Context, o options, name string, v version, create bool) (*step, error) {
	s, start := &step{Name: name, Version: v.title}, time.Now()
	before, err := takeSnapshot(ctx, e.cluster.Config())
	if err != nil {
		return nil, err
	}
	eventsBefore, err := e.events(ctx)
	if err != nil {
		return nil, err
	}
	mark, err := e.log.Mark()
	if err != nil {
		return nil, err
	}
	if err := e.change(ctx, v, create); err != nil {
		return nil, err
	}
	if create {
		e.awaitExpected(ctx, o.limit)
	}
	if err := e.awaitQuiet(ctx, o.quietPeriod, o.limit); errors.Is(err, errNotQuiet) {
		s.Problems = append(s.Problems, err.Error())
	} else if err != nil {
		return nil, err
	}
	requests, err := e.log.Since(mark)
	if err != nil {
		return nil, err
	}
	after, err := takeSnapshot(ctx, e.cluster.Config())
	if err != nil {
		return nil, err
	}
	eventsAfter, err := e.events(ctx)
	if err != nil {
		return nil, err
	}
	s.Seconds = time.Since(start).Seconds()
	s.Unexpected = unexpected(e.tenants, after)
	s.Writes = count(requests)
	if create {
		return s, e.created(s, after)
	}
	s.Tenants = compare(e.names(), requests, before, after)
	for i := range s.Tenants {
		s.Tenants[i].Events = newEvents(eventsBefore[s.Tenants[i].Tenant], eventsAfter[s.Tenants[i].Tenant])
	}
	s.Problems = append(append(s.Problems, lost(before, after)...), s.violations(o)...)
	return s, nil
}

// created fills in the step that creates the tenants. Everything is new, so there is nothing to compare.
func (e *env) created(s *step, after snapshot) error {
	if s.Writes == 0 {
		return errors.New("the audit log has no write of the operator although it created tenants: no step would show any")
	}
	for _, t := range e.tenants {
		s.Tenants = append(s.Tenants, tenantStep{Tenant: t.Name, After: after.readiness(t.Name)})
	}
	return nil
}

// change replaces the running operator. The first one gets its tenants to create.
func (e *env) change(ctx context.Context, v version, create bool) error {
	former, err := e.holder(ctx)
	if err != nil {
		return err
	}
	if err := e.install(ctx, v); err != nil {
		return err
	}
	if err := e.awaitLeader(ctx, former); err != nil || !create {
		return err
	}
	say("creating %d tenants", len(e.tenants))
	return e.createTenants(ctx)
}

func (e *env) names() (names []string) {
	for _, t := range e.tenants {
		names = append(names, t.Name)
	}
	return names
}

// events returns how often the operator sent Events, by namespace and reason.
func (e *env) events(ctx context.Context) (map[string]map[string]int, error) {
	list := &eventsv1.EventList{}
	if err := e.admin.List(ctx, list); err != nil {
		return nil, err
	}
	all := map[string]map[string]int{}
	for _, event := range list.Items {
		if !strings.HasPrefix(event.ReportingController, operatorName) {
			continue
		}
		if all[event.Namespace] == nil {
			all[event.Namespace] = map[string]int{}
		}
		all[event.Namespace][event.Reason]++
		if event.Series != nil {
			all[event.Namespace][event.Reason] += int(event.Series.Count) - 1
		}
	}
	return all, nil
}

// newEvents returns the difference of two counts.
func newEvents(before, after map[string]int) map[string]int {
	more := map[string]int{}
	for reason, count := range after {
		if count > before[reason] {
			more[reason] = count - before[reason]
		}
	}
	return more
}

func (r *result) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// summary prints a line for each step. It returns an error if a step has a problem.
func (r *result) summary(out io.Writer) error {
	fmt.Fprintf(out, "\n%d tenants, from %s to %s and back:\n", r.Tenants, r.From, r.Present)
	problems := 0
	for _, s := range r.Steps {
		fmt.Fprintf(out, "  %s; %d problems\n", s.headline(), len(s.Problems))
		problems += len(s.Problems)
	}
	if problems > 0 {
		return fmt.Errorf("%d problems, marked PROBLEM above", problems)
	}
	return nil
}

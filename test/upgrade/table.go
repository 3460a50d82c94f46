package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// row is a group of tenants on which a step had the same effects.
type row struct {
	tenants         []string
	ready, restarts string
	lines           []*line
}

// line is the writes to one object of each tenant of a row.
type line struct {
	text     string
	requests int
}

// A cell shows this many names and fields.
const (
	mostNames  = 3
	mostFields = 8
)

// String returns the line with the number of requests.
func (l *line) String() string {
	if l.requests == 0 {
		return l.text
	}
	return fmt.Sprintf("%d x %s", l.requests, l.text)
}

// rows groups tenants on which a step had the same effects, whatever the number of requests.
func rows(tenants []tenantStep) []*row {
	byKey := map[string]*row{}
	for _, t := range tenants {
		is := t.row()
		parts := []string{is.ready, is.restarts}
		for _, l := range is.lines {
			parts = append(parts, l.text)
		}
		key := strings.Join(parts, "|")
		group := byKey[key]
		if group == nil {
			byKey[key] = is
			continue
		}
		group.tenants = append(group.tenants, t.Tenant)
		for i := range group.lines {
			group.lines[i].requests += is.lines[i].requests
		}
	}
	return slices.SortedFunc(maps.Values(byKey), func(a, b *row) int {
		return cmp.Or(len(b.tenants)-len(a.tenants), strings.Compare(a.tenants[0], b.tenants[0]))
	})
}

// row returns the row of one tenant.
func (t tenantStep) row() *row {
	r := &row{tenants: []string{t.Tenant}, ready: t.After.String(), restarts: t.Restart.String()}
	if t.Before != t.After && t.Before.Reason != "" {
		r.ready = t.Before.String() + " -> " + t.After.String()
	}
	if t.ContainerRestarts > 0 {
		r.restarts += ", but its container was"
	}
	for _, w := range t.Writes {
		text, count := fmt.Sprintf("%s (%s): %s", t.anonymous(w).object(), strings.Join(slices.Sorted(maps.Keys(w.Requests)), "; "), fields(w.Changes)), 0
		for _, requests := range w.Requests {
			count += requests
		}
		r.lines = append(r.lines, &line{text, count})
	}
	for _, w := range t.Others {
		r.lines = append(r.lines, &line{t.anonymous(w).object() + " (without a write): " + fields(w.Changes), 0})
	}
	for _, reason := range slices.Sorted(maps.Keys(t.Events)) {
		r.lines = append(r.lines, &line{"Event " + reason, t.Events[reason]})
	}
	return r
}

// anonymous replaces the tenant's name at the end of an object's name, so that such objects do not separate tenants.
func (t tenantStep) anonymous(w write) write {
	if start, is := strings.CutSuffix(w.Name, ":"+t.Tenant); is {
		w.Name = start + ":<tenant>"
	}
	return w
}

// fields names the fields of changes.
func fields(changes []change) string {
	var names []string
	for _, c := range changes {
		names = append(names, c.String())
	}
	if len(names) == 0 {
		return "no field differs afterwards"
	}
	return shorten(names, mostFields)
}

// shorten joins the first names, and counts the others.
func shorten(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// print prints the effects of a step, grouped by tenants.
func (s *step) print(out io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "\n%s\n", s.headline())
	for _, r := range rows(s.Tenants) {
		fmt.Fprintf(&text, "  %2d | %s | %s | %s\n", len(r.tenants), r.ready, r.restarts, shorten(r.tenants, mostNames))
		for _, l := range r.lines {
			fmt.Fprintf(&text, "       %s\n", l)
		}
	}
	for _, note := range s.Unexpected {
		fmt.Fprintln(&text, "  note:", note)
	}
	for _, problem := range s.Problems {
		fmt.Fprintln(&text, "  PROBLEM:", problem)
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// headline summarizes a step.
func (s *step) headline() string {
	return fmt.Sprintf("%s, %s: %d writes, %d gateways restarted, %d Events, %.0f s", s.Name, s.Version, s.Writes, s.restarts(), s.events(), s.Seconds)
}

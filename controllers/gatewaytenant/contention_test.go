package gatewaytenant

import (
	"slices"
	"testing"
	"time"
)

func TestManagersThatDoNotStopAreReported(t *testing.T) {
	now := time.Unix(0, 0)
	c := &contention{now: func() time.Time { return now }}
	is := func(want ...string) {
		t.Helper()
		if got, wait := c.managers("a"); !slices.Equal(got, want) || (wait > 0) != (len(want) > 0) {
			t.Errorf("reported are %v for %s, want %v", got, wait, want)
		}
	}
	is()
	c.note("a", []string{"kubectl-edit", "control-plane"})
	c.note("a", []string{"control-plane"})
	is()
	now = now.Add(time.Minute)
	c.note("a", []string{"control-plane"})
	c.note("b", []string{"kubectl-edit"})
	c.note("b", []string{"kubectl-edit"})
	is("control-plane")
	now = now.Add(contentionWindow)
	is()
	c.note("a", []string{"control-plane"})
	is()
}

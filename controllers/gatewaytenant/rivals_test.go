package gatewaytenant

import (
	"slices"
	"testing"
	"time"
)

func TestRivalsAreThoseWhoDoNotStop(t *testing.T) {
	now := time.Unix(0, 0)
	r := &rivals{now: func() time.Time { return now }}
	is := func(want ...string) {
		t.Helper()
		if got, wait := r.of("a"); !slices.Equal(got, want) || (wait > 0) != (len(want) > 0) {
			t.Errorf("rivals are %v for %s, want %v", got, wait, want)
		}
	}
	is()
	r.note("a", []string{"kubectl-edit", "control-plane"})
	r.note("a", []string{"control-plane"})
	is()
	now = now.Add(time.Minute)
	r.note("a", []string{"control-plane"})
	r.note("b", []string{"kubectl-edit"})
	r.note("b", []string{"kubectl-edit"})
	is("control-plane")
	now = now.Add(forgotten)
	is()
	r.note("a", []string{"control-plane"})
	is()
}

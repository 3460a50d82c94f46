package gatewaytenant

import (
	"fmt"
	"testing"
	"time"
)

func TestPatienceGrowsWithTheCrowd(t *testing.T) {
	var c crowd
	is := func(want time.Duration) {
		t.Helper()
		if got := c.patience(); got != want {
			t.Errorf("patience is %s, want %s", got, want)
		}
	}
	is(10 * time.Second)
	c.note("a", true)
	c.note("a", true) // another pass
	c.note("b", true)
	is(10*time.Second + 500*time.Millisecond)
	c.note("a", false)
	c.note("never-came", false)
	is(10*time.Second + 250*time.Millisecond)
	for i := range 1000 {
		c.note(fmt.Sprint(i), true)
	}
	is(10*time.Second + 1001*250*time.Millisecond)
	for i := range 2000 {
		c.note(fmt.Sprint(i), true)
	}
	is(5 * time.Minute)
}

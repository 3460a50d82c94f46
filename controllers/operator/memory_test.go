package operator

import (
	"math"
	"runtime/debug"
	"testing"
)

func TestMemoryLimitIsAShareOfTheContainers(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	for _, c := range []struct {
		container, set string
		want           int64
	}{
		{"268435456", "", 161061240},
		{"", "", math.MaxInt64},
		{"much", "", math.MaxInt64},
		{"0", "", math.MaxInt64},
		{"268435456", "1GiB", math.MaxInt64}, // the runtime has set it
	} {
		debug.SetMemoryLimit(math.MaxInt64)
		t.Setenv("GOGC", "100")
		t.Setenv("MEMORY_LIMIT", c.container)
		t.Setenv("GOMEMLIMIT", c.set)
		ConfigureGC()
		if is := debug.SetMemoryLimit(-1); is != c.want {
			t.Errorf("with MEMORY_LIMIT=%q and GOMEMLIMIT=%q, the limit is %d, want %d", c.container, c.set, is, c.want)
		}
	}
}

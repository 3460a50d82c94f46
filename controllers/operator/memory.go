package operator

import (
	"os"
	"runtime/debug"
	"strconv"
)

// memoryPercent is the percentage of the container's memory limit that the Go runtime may use. The rest is for the pages of
// the executable, which count towards the limit, and for allocations before a collection ends.
const memoryPercent = 60

// ConfigureGC configures the garbage collector of a process that runs only the operator. The heap may grow by half between
// collections instead of to twice its size: the caches are nearly all of it, and they produce little garbage. When memory
// approaches the container's limit, which the variable MEMORY_LIMIT holds in bytes, garbage is collected more often.
// The environment's own GOGC and GOMEMLIMIT take precedence.
func ConfigureGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	if limit, err := strconv.ParseInt(os.Getenv("MEMORY_LIMIT"), 10, 64); err == nil && limit > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit / 100 * memoryPercent)
	}
}

package controllers

import (
	"os"
	"runtime/debug"
	"strconv"
)

// memoryShare is the part of the container's memory limit that the Go runtime may use, in percent. The rest is for the
// pages of the executable, which count as the container's, and for what the runtime allocates before it has collected.
const memoryShare = 60

// SaveMemory sets when garbage is collected in a process that is nothing but the operator. The heap may grow by half
// between collections instead of to twice its size: the caches are nearly all of it, and they bring little garbage. When
// memory approaches the container's limit, which the variable MEMORY_LIMIT holds in bytes, garbage is collected more often.
// The environment's own GOGC and GOMEMLIMIT take precedence.
func SaveMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	if limit, err := strconv.ParseInt(os.Getenv("MEMORY_LIMIT"), 10, 64); err == nil && limit > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit / 100 * memoryShare)
	}
}

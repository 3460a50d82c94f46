package controllers

import (
	"os"
	"runtime/debug"
)

// SaveMemory has garbage collected when the heap has grown by half, instead of to twice its size: the caches are nearly all
// of it, and they bring little garbage. It is for the process that is nothing but the operator. The environment's GOGC goes
// before.
func SaveMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

package main

import (
	"fmt"
	"os"
	"time"
)

// logInfo and logError write a line as a real gateway does, with ANSI colors around the time, the level and the module.
func logInfo(message string)  { logLine("\x1b[32m INFO\x1b[0m", message) }
func logWarn(message string)  { logLine("\x1b[33m WARN\x1b[0m", message) }
func logError(message string) { logLine("\x1b[31mERROR\x1b[0m", message) }

func logLine(level, message string) {
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
	fmt.Fprintf(os.Stdout, "\x1b[2m%s\x1b[0m %s \x1b[2mopenshell_server\x1b[0m\x1b[2m:\x1b[0m %s\n", now, level, message)
}

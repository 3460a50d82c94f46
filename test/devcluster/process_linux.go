package devcluster

import (
	"fmt"
	"os"
	"strings"
)

// startOf is when the process with this pid started, in ticks since the machine did; empty if there is no such process.
// One that has ended and only waits to be reaped counts as none.
func startOf(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(text[max(0, strings.LastIndexByte(string(text), ')')):]), " ") // a name may hold anything
	fields := strings.Fields(after)
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return fields[19]
}

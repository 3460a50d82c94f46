//go:build !linux

package devcluster

import (
	"os/exec"
	"strconv"
	"strings"
)

// startOf is when the process with this pid started, as ps tells; empty if there is no such process.
func startOf(pid int) string {
	text, err := exec.Command("ps", "-o", "state=,lstart=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	state, started, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	if strings.HasPrefix(state, "Z") {
		return ""
	}
	return strings.TrimSpace(started)
}

package gatewaytenant

import (
	"regexp"
	"strings"
)

// maxOutput is how many bytes of a program's output a message quotes at most, and maxOutputLines how many lines of a log
// that has no error report.
const maxOutput, maxOutputLines = 600, 3

var (
	// errorReport matches the first line of what a program reports when it gives up.
	errorReport = regexp.MustCompile(`^(… ?)?(?i:error|fatal|panic|fatal error): ?|^(… ?)?(Error|panic)\b|^thread '.*' panicked|^Traceback `)
	// errorLine matches a line of a log with the level of an error.
	errorLine = regexp.MustCompile(`\b(ERROR|FATAL|CRITICAL)\b|\b(?i:level)"?[=:] ?"?(?i:error|fatal)|^[EF]… `)
	// stackTrace matches the first line of a stack trace.
	stackTrace = regexp.MustCompile(`^(goroutine \d+ |stack backtrace:|\s*at .+:\d+$)`)
	// reportFrame is what an error report is drawn with at the beginning of a line.
	reportFrame = regexp.MustCompile(`^[×│├╰─▶↳\s]+`)
	withDigits  = regexp.MustCompile(`[\w.:-]*\d[\w.:-]*`)
)

// programOutput returns the lines of a termination message that best explain why the program ended: its error report, or else
// the lines of its log that are errors, or else the last ones. It removes what differs at each crash.
func programOutput(message string) string {
	lines := outputLines(message)
	from := max(0, len(lines)-maxOutputLines)
	var errors []string
	for i, line := range lines {
		switch {
		case errorReport.MatchString(line):
			from, errors = i, nil
		case errorLine.MatchString(line):
			errors = append(errors, line)
		}
	}
	isReport := len(lines) > 0 && errorReport.MatchString(lines[from])
	switch {
	case isReport:
		lines = lines[from:]
	case len(errors) > 0:
		lines = errors[max(0, len(errors)-maxOutputLines):]
	default:
		lines = lines[from:]
	}
	return joinLines(lines)
}

// outputLines returns the complete lines of a message. A kubelet and the cache keep the last bytes of a long log, so
// the first line may be the end of another one. Lines of an error report that was wrapped are joined.
func outputLines(message string) []string {
	all := strings.Split(plain(message), "\n")
	if len(message) >= maxMessage && len(all) > 1 {
		all = all[1:]
	}
	var lines []string
	for _, line := range all {
		if stackTrace.MatchString(line) {
			break
		}
		bare := strings.TrimSpace(line)
		wrapped := strings.HasPrefix(bare, "│")
		bare = constant(strings.TrimSpace(reportFrame.ReplaceAllString(bare, "")))
		switch last := len(lines) - 1; {
		case bare == "":
		case wrapped && last >= 0 && strings.HasSuffix(lines[last], "-"):
			lines[last] += bare
		case wrapped && last >= 0:
			lines[last] += " " + bare
		default:
			lines = append(lines, bare)
		}
	}
	return lines
}

// joinLines joins as many whole lines as a message has room for. The first one is cut if it alone is longer.
func joinLines(lines []string) string {
	text := ""
	for i, line := range lines {
		switch {
		case i == 0:
			text = cut(line)
		case len(text)+len(line) > maxOutput:
			return text + " / …"
		default:
			text += " / " + line
		}
	}
	return text
}

// sameButNumbers reports whether two texts differ at most in words that contain digits, such as counters, ports,
// durations and IDs.
func sameButNumbers(a, b string) bool {
	return withDigits.ReplaceAllString(a, "#") == withDigits.ReplaceAllString(b, "#")
}

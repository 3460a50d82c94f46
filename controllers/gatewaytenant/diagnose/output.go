package diagnose

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
)

const (
	// maxOutputLines is how many lines of a log without an error report a message quotes at most.
	maxOutputLines = 3
	// maxTermination is how many bytes of a termination message a kubelet keeps, and how many the caches keep. One of a log is its
	// end, so the first line may be incomplete.
	maxTermination = 2 << 10
)

var (
	// errorReport matches the first line of what a program reports when it gives up.
	errorReport = regexp.MustCompile(`^(… ?)?(?i:error|fatal|panic|fatal error): ?|^(… ?)?(Error|panic)\b|^thread '.*' panicked|^Traceback `)
	// errorLine matches a line of a log with the level of an error.
	errorLine = regexp.MustCompile(`\b(ERROR|FATAL|CRITICAL)\b|\b(?i:level)"?[=:] ?"?(?i:error|fatal)|^[EF]… `)
	// stackTrace matches the first line of a stack trace.
	stackTrace = regexp.MustCompile(`^(goroutine \d+ |stack backtrace:|\s*at .+:\d+$)`)
	// reportFrame matches the frame of an error report at the beginning of a line.
	reportFrame = regexp.MustCompile(`^[×│├╰─▶↳\s]+`)
)

// programOutput returns the lines of a termination message that best explain why the program ended: its error report, otherwise
// the errors in its log, otherwise its last lines. It removes what differs at each crash.
func programOutput(text string) string {
	lines := outputLines(text)
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

// outputLines returns the complete lines of a termination message. It joins the lines of an error report that was wrapped.
func outputLines(text string) []string {
	all := strings.Split(message.StripControls(text), "\n")
	if isTruncated := len(text) > maxTermination-utf8.UTFMax; isTruncated && len(all) > 1 { // the caches drop an incomplete character
		all = all[1:]
	}
	var lines []string
	for _, line := range all {
		if stackTrace.MatchString(line) {
			break
		}
		bare := strings.TrimSpace(line)
		wrapped := strings.HasPrefix(bare, "│")
		bare = message.ReplaceVariable(strings.TrimSpace(reportFrame.ReplaceAllString(bare, "")))
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

// joinLines joins as many whole lines as fit into a message. The first line is truncated if it alone is too long.
func joinLines(lines []string) string {
	text := ""
	for i, line := range lines {
		switch {
		case i == 0:
			text = message.Truncate(line, message.MaxLength)
		case len(text)+len(line) > message.MaxLength:
			return text + " / …"
		default:
			text += " / " + line
		}
	}
	return text
}

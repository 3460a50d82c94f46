package message

import (
	"regexp"
	"strings"
)

// variable lists the parts of messages that differ each time the same problem is reported, and their replacements.
var variable = []struct {
	pattern     *regexp.Regexp
	replacement string
}{
	{regexp.MustCompile("(?s)\n[ \t\u00a0].*"), ""},                                                 // the difference of two objects, with which some errors of the API server end
	{regexp.MustCompile(`\b(openshell-gateway(?:-certgen)?)-[a-z0-9]{5}(_|\b)`), "$1$2"},            // a generated name
	{regexp.MustCompile(`\b(kube-api-access)-[a-z0-9]{5}\b`), "$1"},                                 // the same, of a volume
	{regexp.MustCompile(`(^|[^-0-9a-z])[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(_\d+)?\b`), "$1…"}, // a UID, except in the name of a volume
	{regexp.MustCompile(`(^|[^:0-9a-z])([0-9a-f]{64}|[0-9a-f]{32})\b`), "$1…"},                      // the ID of a container or trace, but no digest
	{regexp.MustCompile(`\b0x[0-9a-f]+\b`), "…"},                                                    // an address in memory
	{regexp.MustCompile(`([\d\]]):\d+->`), "$1->"},                                                  // an ephemeral port
	{regexp.MustCompile(`\b\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:[0-9:.,]+\d( ?(Z|UTC|[+-]\d\d:?\d\d))?`), "…"},
	{regexp.MustCompile(`\b([A-Z][a-z]{2}, \d\d )?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d+ (\d{4} )?\d\d:\d\d:\d\d( GMT)?`), "…"},
	{regexp.MustCompile(`\b([IWEF])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+\b`), "$1…"}, // time and thread of klog
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d([.,]\d+)?\b`), "…"},
	{regexp.MustCompile(`\b1[6-9]\d{8}(\d{3}|\.\d+)?\b`), "…"}, // a time in seconds or milliseconds
	{regexp.MustCompile(`\b\d+\.\d+(s|ms|µs|ns)\b`), "…"},
	{regexp.MustCompile(`(thread '[^']*') \(\d+\)`), "$1"},
	{regexp.MustCompile(`(?i)\b(pid|process|attempt|retry|restart count)([ =:#]+)\d+( ?(/|of) ?\d+)?\b`), "$1$2…"},
	{regexp.MustCompile(`(?i)\b((?:request|trace|span|correlation|operation)[-_ ]?id["']?[:= ]+["']?)[-\w]*\d[-\w]*`), "$1…"},
	{regexp.MustCompile(`(?i)\bback-off [0-9smh.]+\b`), "back-off"},
	{regexp.MustCompile(` \(x\d+ over [^)]*\)`), ""},
	{regexp.MustCompile(`(containerd-mount|\btmp[.-]?)\d+`), "$1…"},
	{regexp.MustCompile(`, used: [^ ]+,`), ","}, // of a quota
}

// controls matches what a program writes to color its lines, and other control characters.
var controls = regexp.MustCompile("\x1b\\[[0-9;?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(\x07|\x1b\\\\)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

// digits matches words that contain a digit.
var digits = regexp.MustCompile(`[\w.:-]*\d[\w.:-]*`)

// Normalize returns the first line of a message without control characters and without the parts that differ each time the
// same problem is reported. A status that contains it then stays the same.
func Normalize(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(StripControls(text)), "\n")
	return ReplaceVariable(text)
}

// StripControls removes colors and control characters. A carriage return becomes a newline.
func StripControls(text string) string {
	return controls.ReplaceAllString(strings.ReplaceAll(text, "\r", "\n"), "")
}

// ReplaceVariable replaces the parts of a message that differ each time the same problem is reported, such as times, generated
// names, and counters.
func ReplaceVariable(text string) string {
	for _, v := range variable {
		text = v.pattern.ReplaceAllString(text, v.replacement)
	}
	return text
}

// EqualExceptNumbers reports whether two texts differ at most in words that contain digits, such as counters, ports, durations,
// and IDs.
func EqualExceptNumbers(a, b string) bool {
	return digits.ReplaceAllString(a, "#") == digits.ReplaceAllString(b, "#")
}

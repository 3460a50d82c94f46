package gatewaytenant

import (
	"regexp"
	"strings"
)

// varying are words that differ each time that the same thing is said, and what stays of them.
var varying = []struct {
	words *regexp.Regexp
	stays string
}{
	{regexp.MustCompile(`\b(openshell-gateway(?:-certgen)?)-[a-z0-9]{5}(_|\b)`), "$1$2"}, // a generated name
	{regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`), "…"},           // a uid
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "…"},                                        // a container's id
	{regexp.MustCompile(`\b0x[0-9a-f]+\b`), "…"},                                         // an address in memory
	{regexp.MustCompile(`([\d\]]):\d+->`), "$1->"},                                       // an ephemeral port
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)?`), "…"},            // a time
	{regexp.MustCompile(`\bback-off [0-9smh]+\b`), "back-off"},
	{regexp.MustCompile(`, used: [^ ]+,`), ","},                         // of a quota
	{regexp.MustCompile(`\b0/\d+ nodes are`), "no node is"},             // clusters grow and shrink
	{regexp.MustCompile(`\b\d+ (Insufficient|node\(s\)|No pre)`), "$1"}, // the same
	{regexp.MustCompile("\x1b\\[[0-9;]*m"), ""},                         // colours
}

// normalise takes out of the cluster's words what differs each time that the same thing is said, since a status that
// says the same must be the same. Of several lines the first is kept.
func normalise(message string) string {
	message, _, _ = strings.Cut(strings.TrimSpace(message), "\n")
	return constant(message)
}

// constant is normalise for all lines.
func constant(message string) string {
	for _, v := range varying {
		message = v.words.ReplaceAllString(message, v.stays)
	}
	return message
}

// normaliseEnd does so with a program's termination message, of which the last lines say most.
func normaliseEnd(message string) string {
	const most = 3
	var lines []string
	for line := range strings.Lines(message) {
		if line = strings.TrimSpace(normalise(line)); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-most):], " / ")
}

// wordsOf says what went wrong: first that which is the reason, since what else did may be cut off.
func wordsOf(err error) string {
	var first, others []string
	reason := reasonOf(err)
	for _, one := range each(err) {
		if reasonOf(one) == reason {
			first = append(first, constant(one.Error()))
		} else {
			others = append(others, constant(one.Error()))
		}
	}
	return cut(strings.Join(append(first, others...), "\n"))
}

// each are the errors that were joined to one. Nothing here wraps several in words of its own.
func each(err error) []error {
	several, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // the node itself is asked, not what it wraps
	if !ok {
		return []error{err}
	}
	var all []error
	for _, one := range several.Unwrap() {
		all = append(all, each(one)...)
	}
	return all
}

// cut shortens the API server's words: some of its errors list dozens of rules.
func cut(message string) string {
	const most = 600
	if len(message) <= most {
		return message
	}
	return strings.ToValidUTF8(message[:most], "") + "…"
}

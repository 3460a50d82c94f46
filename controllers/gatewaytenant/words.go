package gatewaytenant

import (
	"regexp"
	"slices"
	"strings"
)

// varying are the parts of messages that differ each time that the same problem is reported, and what replaces them.
var varying = []struct {
	words *regexp.Regexp
	stays string
}{
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

var (
	// terminalControls are what a program writes to color its lines, and other characters that are no text.
	terminalControls = regexp.MustCompile("\x1b\\[[0-9;?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(\x07|\x1b\\\\)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
	noNode           = regexp.MustCompile(`\b0/\d+ nodes are available: `)
	preemption       = regexp.MustCompile(`\s*(no new claims to deallocate, )?(pod group )?preemption: .*$`)
	countOfNodes     = regexp.MustCompile(`(?:^|, )\d+ `)
)

// normalise removes from a message of the cluster what differs each time that the same problem is reported, so that the
// status stays the same. It returns the first line.
func normalise(message string) string {
	message, _, _ = strings.Cut(strings.TrimSpace(plain(message)), "\n")
	return constant(message)
}

// plain removes colors and control characters.
func plain(message string) string {
	return terminalControls.ReplaceAllString(strings.ReplaceAll(message, "\r", "\n"), "")
}

// constant is normalise for all lines.
func constant(message string) string {
	for _, v := range varying {
		message = v.words.ReplaceAllString(message, v.stays)
	}
	return message
}

// normaliseScheduling is normalise for the message of the scheduler, which counts the nodes for each obstacle, orders the
// obstacles by these counts, and adds what it found out about preemption. Clusters grow and shrink all the time.
func normaliseScheduling(message string) string {
	message = preemption.ReplaceAllString(normalise(message), "")
	before, obstacles, counted := cutAround(message, noNode)
	if !counted {
		return message
	}
	var sorted []string
	for _, obstacle := range countOfNodes.Split(strings.TrimSuffix(obstacles, "."), -1) {
		if obstacle != "" {
			sorted = append(sorted, obstacle)
		}
	}
	slices.Sort(sorted)
	return before + "no node is available: " + strings.Join(slices.Compact(sorted), ", ")
}

// cutAround cuts a text around the first match.
func cutAround(text string, match *regexp.Regexp) (before, after string, found bool) {
	at := match.FindStringIndex(text)
	if at == nil {
		return text, "", false
	}
	return text[:at[0]], text[at[1]:], true
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

// cut shortens a long message at the end of a word: some errors of the API server list dozens of rules.
func cut(message string) string {
	const most = 600
	if len(message) <= most {
		return message
	}
	kept := strings.ToValidUTF8(message[:most], "")
	if at := strings.LastIndexByte(kept, ' '); at > most/2 {
		kept = kept[:at]
	}
	return kept + "…"
}

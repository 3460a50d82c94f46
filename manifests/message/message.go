// Package message shortens what messages to users quote.
package message

import "strings"

// TruncateMiddle leaves out the middle of a long text: the status has a limited size, and errors of libraries name the cause last.
func TruncateMiddle(text string) string {
	const longest, last = 400, 200
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest-last], "") + "…" + strings.ToValidUTF8(text[len(text)-last:], "")
}

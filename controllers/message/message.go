// Package message prepares the texts of conditions and Events. Their parts come from programs, kubelets, schedulers and the API
// server: they can be long, can contain control characters, and differ each time although the cause is the same.
package message

import (
	"fmt"
	"strings"
)

// MaxLength is how many bytes one part of a condition's message has at most: some errors of the API server list dozens of rules.
const MaxLength = 600

// Truncate shortens a text to at most limit bytes and an ellipsis, at the end of a word if that keeps more than half of them.
func Truncate(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	kept := strings.ToValidUTF8(text[:limit], "")
	if end := strings.LastIndexByte(kept, ' '); end > limit/2 {
		kept = kept[:end]
	}
	return kept + "…"
}

// WithDetail returns "text: detail", or only the text if the detail is empty.
func WithDetail(text, detail string) string {
	return strings.TrimSuffix(text+": "+detail, ": ")
}

// FirstOf joins the first names of a list, and counts the others.
func FirstOf(names []string, most int) string {
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}

package message

import (
	"strings"
	"testing"
)

func TestTruncate(t *testing.T) {
	for _, c := range []struct{ what, text, want string }{
		{"a text that fits", "0123456789", "0123456789"},
		{"a text that ends in the middle of a word", "012345 7890", "012345…"},
		{"a word that is longer than half of the limit", "01 34567890", "01 3456789…"},
		{"a text that ends in the middle of a character", "012345678ü", "012345678…"},
	} {
		t.Run(c.what, func(t *testing.T) {
			if got := Truncate(c.text, 10); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	if got := Truncate(strings.Repeat("ü", 10), 0); got != "…" {
		t.Errorf("without room: %q", got)
	}
}

func TestWithDetail(t *testing.T) {
	if got := WithDetail("the pod failed", "low on memory"); got != "the pod failed: low on memory" {
		t.Errorf("%q", got)
	}
	if got := WithDetail("the pod failed", ""); got != "the pod failed" {
		t.Errorf("without a detail: %q", got)
	}
}

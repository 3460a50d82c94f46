// Package message prepares what messages to users quote, list and suggest.
package message

import (
	"fmt"
	"strings"
)

// TruncateMiddle leaves out the middle of a long text: the status has a limited size, and errors of libraries name the cause last.
func TruncateMiddle(text string) string {
	const longest, last = 400, 200
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest-last], "") + "…" + strings.ToValidUTF8(text[len(text)-last:], "")
}

const (
	// MaxListed is the maximum number of messages that a list shows.
	MaxListed = 10
	// maxList is the size in bytes beyond which a list of messages shows no further one.
	maxList = 1000
)

// List joins messages as far as there is room for them. It shows at least the first and at most MaxListed, and counts the others.
// Total is the number of messages, of which only the first MaxListed must be given.
func List(messages []string, total int) string {
	shown, size := 0, 0
	for shown < min(len(messages), MaxListed) && (shown == 0 || size+len(messages[shown]) <= maxList) {
		size += len(messages[shown])
		shown++
	}
	text := strings.Join(messages[:shown], "; ")
	if more := total - shown; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// Nearest returns the candidate that differs the least from a name, such as an unknown key. It is empty if none is similar.
func Nearest(name string, candidates []string) string {
	const longest = 64
	if len(name) > longest {
		return ""
	}
	const most = 2 // letters that differ, or more for a long name
	plain := func(name string) string { return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name)) }
	best, distance := "", most+len(name)/8+1
	for _, candidate := range candidates {
		if d := editDistance(plain(name), plain(candidate)); d < distance && d < len(plain(candidate))/2 {
			best, distance = candidate, d
		}
	}
	return best
}

// editDistance returns how many characters must be inserted, removed or replaced to make one text the other.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

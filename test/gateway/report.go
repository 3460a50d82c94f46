package gateway

import (
	"fmt"
	"strings"
	"time"
)

// Report returns what a gateway writes to its log when it fails with an error: the message in lines of at most 80
// columns, behind a red cross and a red bar.
func Report(err error) string {
	const columns, red, reset = 80, "\x1b[31m", "\x1b[0m"
	text := strings.Builder{}
	text.WriteString("Error:   " + red + "×" + reset + " ")
	for n, line := range strings.Split(err.Error(), "\n") {
		if n > 0 {
			text.WriteString("\n  " + red + "│" + reset + " ")
		}
		width := 4
		for i, word := range words(line) {
			if i > 0 && width+len(word) > columns {
				text.WriteString("\n  " + red + "│" + reset + " ")
				word, width = strings.TrimPrefix(word, " "), 4
			}
			text.WriteString(word)
			width += len(word)
		}
	}
	return text.String() + "\n"
}

// words returns the parts of a line, which may be broken before spaces and after hyphens.
func words(line string) []string {
	all, start := []string{}, 0
	for i := 1; i < len(line); i++ {
		if line[i] == ' ' || line[i-1] == '-' && line[i] != '-' {
			all = append(all, line[start:i])
			start = i
		}
	}
	return append(all, line[start:])
}

// Level is the level of a line in a log.
type Level string

// The levels, with their colors.
const (
	Info  Level = "\x1b[32m INFO\x1b[0m"
	Warn  Level = "\x1b[33m WARN\x1b[0m"
	Error Level = "\x1b[31mERROR\x1b[0m"
)

// LogLine returns a line of a gateway's log, with ANSI colors around the time, the level and the module.
func LogLine(now time.Time, level Level, message string) string {
	const layout = "2006-01-02T15:04:05.000000Z"
	return fmt.Sprintf("\x1b[2m%s\x1b[0m %s \x1b[2mopenshell_server\x1b[0m\x1b[2m:\x1b[0m %s\n", now.UTC().Format(layout), level, message)
}

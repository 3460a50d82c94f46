package entries

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// ByteOrderMark begins files that some editors for Windows write. Readers of YAML, kubectl among them, ignore it.
const ByteOrderMark = "\ufeff"

// errMore is the error about a text that does not end after its first document.
var errMore = errors.New("holds more than one document, or its end is not YAML")

// Parse reads a text of one YAML or JSON document, with the line of each value. It returns nil if the text has no value. An error names
// a line of the text.
func Parse(text string) (*yaml.Node, error) {
	lines := newLineTable(text)
	trimmed := strings.TrimSpace(strings.TrimPrefix(text, ByteOrderMark))
	if (strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[")) && json.Valid([]byte(trimmed)) {
		text = escapeJSON(strings.TrimPrefix(text, ByteOrderMark))
		lines.breaks = nil
	}
	var document yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, nil //nolint:nilnil // a text without a value is no error for all callers
	} else if err != nil {
		return nil, lines.syntaxError(err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errMore
	}
	lines.correct(&document)
	return document.Content[0], nil
}

// escapeJSON writes the characters of a JSON text that a reader of YAML takes for something else, or rejects, as escapes of YAML: pairs of
// surrogates, which YAML does not have, and characters that end a line in YAML only.
func escapeJSON(text string) string {
	var escaped strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case strings.HasPrefix(text[i:], `\u`):
			r, size = jsonEscape(text[i:])
			fmt.Fprintf(&escaped, `\U%08X`, r)
		case r == '\\':
			size = 2
			escaped.WriteString(text[i : i+size])
		case r >= 0x7f:
			fmt.Fprintf(&escaped, `\U%08X`, r)
		default:
			escaped.WriteByte(text[i])
		}
		i += size
	}
	return escaped.String()
}

// jsonEscape decodes an escape of JSON, \uXXXX or a pair of these, at the start of a text. It returns its length, too.
func jsonEscape(text string) (rune, int) {
	const length = len(`\uXXXX`)
	at := func(from int) rune {
		if len(text) < from+length || text[from:from+2] != `\u` {
			return -1
		}
		code, err := strconv.ParseUint(text[from+2:from+length], 16, 16)
		if err != nil {
			return -1
		}
		return rune(code)
	}
	first := at(0)
	if !utf16.IsSurrogate(first) {
		return first, length
	}
	if pair := utf16.DecodeRune(first, at(length)); pair != utf8.RuneError {
		return pair, 2 * length
	}
	return utf8.RuneError, length
}

// lineTable translates lines as a reader of YAML counts them to those of a text. The reader also counts characters that do not end a line
// in editors.
type lineTable struct {
	breaks []int // by the line of the reader, from 0, the line of the text. It is nil if they are the same.
	last   int   // the last line of the text
}

func newLineTable(text string) lineTable {
	table := lineTable{last: max(1, strings.Count(strings.TrimSuffix(text, "\n"), "\n")+1)}
	if !strings.ContainsAny(text, "\r\u0085\u2028\u2029") {
		return table
	}
	line := 1
	table.breaks = []int{line}
	for i, r := range text {
		switch r {
		case '\n':
			line++
		case '\r':
			if strings.HasPrefix(text[i+1:], "\n") {
				continue
			}
		case '\u0085', '\u2028', '\u2029':
		default:
			continue
		}
		table.breaks = append(table.breaks, line)
	}
	return table
}

// line returns the line of the text. It is never after the last one.
func (t lineTable) line(of int) int {
	if t.breaks != nil {
		of = t.breaks[max(0, min(of, len(t.breaks))-1)]
	}
	return max(1, min(of, t.last))
}

// correct sets the lines of all nodes to those of the text. The reader may put an empty value after the last line.
func (t lineTable) correct(node *yaml.Node) {
	node.Line = t.line(node.Line)
	for _, child := range node.Content {
		t.correct(child)
	}
}

// syntaxMessage matches an error of the YAML library.
var syntaxMessage = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

// syntaxError translates an error of the YAML library.
func (t lineTable) syntaxError(err error) error {
	found := syntaxMessage.FindStringSubmatch(err.Error())
	if found == nil {
		return atLine(1, "%v", err)
	}
	line, _ := strconv.Atoi(found[1])
	if strings.HasPrefix(found[2], "did not find expected") { // of these errors, the library counts lines from 0
		line++
	}
	return atLine(t.line(line), "%s", found[2])
}

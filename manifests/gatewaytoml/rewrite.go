package gatewaytoml

import (
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// rewrite makes edits to a text line by line, so that comments and the order of keys stay. The result is what the text must have
// then. If it would have something else, because its tables are written in an unusual way, the result is encoded instead. The notes
// are about comments that are not kept.
func rewrite(text string, edits []edit, result table) (rewritten string, notes []Note, err error) {
	if len(edits) == 0 {
		return text, nil, nil
	}
	r := newRewriter(text, result)
	for _, e := range edits {
		r.edit(e)
	}
	rewritten = r.String()
	has, err := decode(rewritten)
	if err == nil && reflect.DeepEqual(withoutEmpty(has), withoutEmpty(result)) {
		return rewritten, r.notes, nil
	}
	encoded, err := toml.Marshal(result)
	return string(encoded), []Note{{1, "comments and the order of keys are not kept, because the tables of the text cannot be changed line by line", false}}, err
}

// withoutEmpty returns a table without the tables in it that are empty.
func withoutEmpty(t table) table {
	left := table{}
	for key, value := range t {
		if inner, is := value.(table); is {
			inner = withoutEmpty(inner)
			if len(inner) == 0 {
				continue
			}
			value = inner
		}
		left[key] = value
	}
	return left
}

// rewriter changes the lines of a text.
type rewriter struct {
	text       string
	result     table
	lines      []string   // of the text, each with its end; empty if it is removed
	after      [][]string // lines to be added after each line
	statements []*statement
	notes      []Note
	section    []string // the table that is appended to the text
	appended   []string // its lines
}

func newRewriter(text string, result table) *rewriter {
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	r := &rewriter{text: text, result: result, lines: strings.SplitAfter(text, "\n"), statements: statementsOf(text)}
	r.after = make([][]string, len(r.lines))
	return r
}

func (r *rewriter) String() string {
	var text strings.Builder
	for i, line := range r.lines {
		text.WriteString(line)
		for _, more := range r.after[i] {
			text.WriteString(more)
		}
	}
	if len(r.appended) > 0 {
		text.WriteString("\n[" + strings.Join(r.section, ".") + "]\n" + strings.Join(r.appended, ""))
	}
	return text.String()
}

// remove removes a statement with its lines.
func (r *rewriter) remove(s *statement) {
	s.removed = true
	for i := s.first; i <= s.last; i++ {
		r.lines[i] = ""
	}
}

// replace replaces the lines of a statement.
func (r *rewriter) replace(s *statement, text string) {
	r.remove(s)
	s.removed = false
	r.lines[s.first] = text
}

// drop removes a statement. A comment above it stays, and does not become that of the statement below.
func (r *rewriter) drop(s *statement) {
	r.remove(s)
	below := s.last + 1
	for below < len(r.lines) && r.lines[below] == "" {
		below++
	}
	if r.isComment(s.first-1) && below < len(r.lines) && strings.TrimSpace(r.lines[below]) != "" {
		r.lines[s.first] = "\n"
	}
}

func (r *rewriter) isComment(line int) bool {
	return line >= 0 && strings.HasPrefix(strings.TrimSpace(r.lines[line]), "#")
}

// edit makes one edit. A key or table can be written in several statements, or be part of the value of one.
func (r *rewriter) edit(e edit) {
	for _, s := range r.statements {
		switch {
		case s.removed:
		case !s.header && slices.Equal(s.path, e.from):
			r.key(s, e)
		case hasPrefix(s.path, e.from):
			r.drop(s)
		case !s.header && hasPrefix(e.from, s.path):
			r.inner(s, e)
		}
	}
}

// key makes an edit to the statement of a key.
func (r *rewriter) key(s *statement, e edit) {
	if e.to == nil {
		r.drop(s)
		return
	}
	value := r.text[s.value:s.end]
	was, _ := decode("x = " + value)
	if want := valueAt(r.result, e.to); !reflect.DeepEqual(was["x"], want) {
		value = r.newValue(s, want)
	}
	value += r.text[s.end:s.lineEnd]
	if hasPrefix(e.to, s.table) {
		r.replace(s, s.indent+strings.Join(e.to[len(s.table):], ".")+" = "+value)
		return
	}
	comment := r.commentAbove(s)
	r.remove(s)
	r.insert(e.to, comment, s.indent, value)
}

// inner writes the value of a statement of which a part is edited. If that part moves out of it, it is inserted elsewhere.
func (r *rewriter) inner(s *statement, e edit) {
	if e.to != nil && !hasPrefix(e.to, s.path) {
		r.insert(e.to, nil, "", encoded(valueAt(r.result, e.to))+"\n")
	}
	value := valueAt(r.result, s.path)
	if value == nil {
		r.drop(s)
		return
	}
	r.replace(s, s.indent+r.text[s.start:s.value]+r.newValue(s, value)+r.text[s.end:s.lineEnd])
}

// newValue returns the text of a value in place of that of a statement.
func (r *rewriter) newValue(s *statement, value any) string {
	note := Note{s.first + 1, dotted(s.path) + " is written in one line, without the comments in it", false}
	if strings.Contains(r.text[s.value:s.end], "#") && s.first != s.last && !slices.Contains(r.notes, note) {
		r.notes = append(r.notes, note)
	}
	return encoded(value)
}

// commentAbove removes the comment directly above a statement, and returns its lines.
func (r *rewriter) commentAbove(s *statement) []string {
	first := s.first
	for r.isComment(first - 1) {
		first--
	}
	comment := slices.Clone(r.lines[first:s.first])
	for i := first; i < s.first; i++ {
		r.lines[i] = ""
	}
	return comment
}

// insert adds a key to the statements of its table, or to a new table at the end.
func (r *rewriter) insert(path, comment []string, indent, value string) {
	within := path[:len(path)-1]
	at, key := -1, path[len(path)-1:]
	for _, s := range r.statements {
		switch {
		case s.removed:
		case s.header && slices.Equal(s.path, within), !s.header && slices.Equal(s.table, within):
			at, key = s.last, path[len(within):]
		case at < 0 && !s.header && hasPrefix(s.path, within) && hasPrefix(path, s.table):
			at, key = s.last, path[len(s.table):]
		}
	}
	lines := append(comment, indent+strings.Join(key, ".")+" = "+value)
	if at < 0 {
		r.section = within
		r.appended = append(r.appended, lines...)
		return
	}
	r.after[at] = append(r.after[at], lines...)
}

package entries

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	kyaml "sigs.k8s.io/yaml"
)

// kubectlTexts are texts whose values readers of YAML disagree about.
var kubectlTexts = []string{
	"a: 1\nb: [x, 0x10, 1.5, ~, true, 2026-12-01, !!binary aGk=, '<<']", "a: &x {b: c}\nd: *x", "<<: {a: 1, b: ~}\na: 2", "a: &a {x: 1}\nb: &b {x: 2, y: 3}\nc: {<<: [*a, *b], z: 1}",
	"a: &k key\nb: {*k : 1}", "a: {<<: {<<: {b: 1}, b: 2}}", "'<<': {a: 1}", "a: ''", "a: 'true'",
	"[yes, Yes, YES, no, on, On, off, y, Y, n, N, true, True, TRUE, tRUE, 'yes', \"on\"]", "[~, null, Null, NULL, nULL, ]", "a:\nb:",
	"[2026-12-01, 2026-12-01T10:00:00Z, 2026-12-01 10:00:00, 2001-12-14t21:59:43.10-05:00, 1:30, 190:20:30]",
	"[0o17, 017, 0x1F, 0b101, 1_000, -1, +1, 00, 08, 0.5, .5, 5., 1e3, 1E-3, -0, +.5, 0x, 1__0, _1]",
	"[9223372036854775807, 9223372036854775808, 18446744073709551615, 18446744073709551616, -9223372036854775808, 123456789012345678901234567890]",
	"[.inf]", "[-.Inf]", "[.nan]", ".inf: 1", "[.infinity, inf, nan, Infinity]", "[---a, -, ., .., ..., =, <<, <]",
	"{1: a, 2.5: b, true: c, yes: d}", "? 1\n: b", "~: a", "[a]: b", "{a: 1, a: 2}", "{1: a, '1': b}",
	"!!str 7", "!!int '7'", "!!int x", "!!float 7", "!!bool yes", "!!null ''", "!x y", "!!timestamp 2026-12-01", "!!str yes", "[!!str , !!str]", "!!binary '###'",
	"a: |\n  x\n  y\n", "a: |2-\n   x\n  y\n", "a: >\n  x\n  y\n\n    z\n", "a: |+\n  x\n\n", "a: \"x\\ny \\u263a \\x41\"", "a: 'it''s'", "a: x\n  y\n  z",
	"a: \"x\\\n  y\"", "{\"a\": \"\\ud83d\\ude42 \\ud83d \\/ \\u00e9\", \"b\": [1, true, null]}", "{\"a\":1,\"b\":\"\u2028\u0085\x7f\"}", "[\"\\\\ud83d\"]",
	"\ufeffa: yes\n", "a: 1\r\nb: |\r\n  x\r\n  y\r\n", "a:\tb", "\ta: b", "a: b\tc", "- a\n-\tb", "# c\na: b # d\n", "%YAML 1.1\n---\na: 012\n", "--- {a: yes}", "a: 1\n...\n",
	"a: {b: [c, {d: e}], f: }", "a: [b, c,]", "- - a\n  - b\n- c: d", "a: &x\n  b: *x", "*x", "a: @b", "a: `b`", "a: b: c", "a: 'b", "x: 0777_", "x: 1e999", "x: -1e999", "x: 0x1p4", "x: .5e3",
	"!!str a\n\nb", "!x 1\n\n2", "\ufeff\ufeffa: b", "---", "a:\n---\n",
}

// checkLikeKubectl compares the conversion of a text with that of kubectl, wherever both accept it.
func checkLikeKubectl(t *testing.T, text string) (accepted bool) {
	t.Helper()
	node, err := Parse(text)
	if err != nil || node == nil {
		return false
	}
	if last := max(1, strings.Count(strings.TrimSuffix(text, "\n"), "\n")+1); node.Line < 1 || node.Line > last {
		t.Errorf("%q: line %d of %d", text, node.Line, last)
	}
	is, err := toJSON(node, 10_000)
	if err != nil {
		return false
	}
	want, err := kyaml.YAMLToJSON([]byte(text))
	if strings.HasPrefix(text, "{") && json.Valid([]byte(text)) { // kubectl reads it as JSON
		want, err = []byte(text), nil
	}
	if err != nil {
		return false
	}
	var isValue, wantValue any
	if err := json.Unmarshal(is, &isValue); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(want, &wantValue); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(isValue, wantValue) {
		t.Errorf("%q is read as %s, and kubectl reads it as %s", text, is, want)
	}
	return true
}

func TestValuesAreThoseOfKubectl(t *testing.T) {
	accepted := 0
	for _, text := range kubectlTexts {
		if checkLikeKubectl(t, text) {
			accepted++
		}
	}
	if accepted < len(kubectlTexts)/2 {
		t.Errorf("only %d of %d texts are accepted", accepted, len(kubectlTexts))
	}
	words := strings.Fields("a b yes no on off ~ null 1 -1 0x1 017 1_0 .5 1e3 .inf 2026-12-01 12:30 'x' \"y\" '1' !!str !!int &x *x")
	marks := []string{": ", ": ", "- ", "- ", "\n", "\n", "\n  ", "\n    ", " ", ", ", "[", "]", "{", "}", "? ", "# ", "|\n  ", ">\n  "}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same texts in each run
	for range 30_000 {
		var text strings.Builder
		for range 1 + random.IntN(9) {
			text.WriteString(words[random.IntN(len(words))] + marks[random.IntN(len(marks))])
		}
		checkLikeKubectl(t, text.String())
	}
}

var loneTag = regexp.MustCompile(`!([^!<0-9a-zA-Z]|$)`)

func FuzzValuesAreThoseOfKubectl(f *testing.F) {
	for _, text := range kubectlTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		// What an entry says itself takes precedence, wherever << is. The tag ! alone, with which a number is a text, cannot be seen.
		if !strings.Contains(text, "<<") && !loneTag.MatchString(text) {
			checkLikeKubectl(t, text)
		}
	})
}

func TestScalarsOfAnEntryAreThoseOfKubectl(t *testing.T) {
	source := read(t, "- {name: a, gateway: {serverDnsNames: [], suspend: yes, storage: {storageClassName: 2026-12-01}}}")
	if len(source.Entries) != 1 {
		t.Fatalf("%+v", source)
	}
	want := map[string]any{"serverDnsNames": []any{}, "suspend": true, "storage": map[string]any{"storageClassName": "2026-12-01"}}
	if spec := source.Entries[0].Spec; !reflect.DeepEqual(spec, want) {
		t.Errorf("read as %v, want %v", spec, want)
	}
}

func TestEmojiInJSONIsRead(t *testing.T) {
	source := read(t, `[{"name": "a", "gateway": {"serverDnsNames": [], "config": "# \ud83d\ude42"}}]`)
	if len(source.Entries) != 1 || source.Entries[0].Spec["config"] != "# 🙂" {
		t.Errorf("%+v", source)
	}
}

// toJSON converts a value that CheckValue accepts to JSON.
func toJSON(node *yaml.Node, limit int) ([]byte, error) {
	if err := CheckValue(node, limit); err != nil {
		return nil, err
	}
	value, _ := toValue(node)
	return json.Marshal(value)
}

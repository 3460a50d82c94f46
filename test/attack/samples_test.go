package attack

import (
	"fmt"
	"strings"
)

// A sample is a text of about n bytes that is cheap to write and may be expensive to read.
type sample struct {
	name string
	text func(n int) string
}

// ofDriver begins a table in which the gateway's configuration may hold anything.
const ofDriver = "[openshell.drivers.x]\n"

// configs are configurations in TOML, valid and invalid ones.
var configs = []sample{
	{"dotted key", func(n int) string { return path(n) + " = 1\n" }},
	{"table header", func(n int) string { return "[" + path(n) + "]\nb = 1\n" }},
	{"array of tables", func(n int) string { return "[[" + path(n) + "]]\nb = 1\n" }},
	{"dotted keys", func(n int) string {
		return lines(n, func(i int) string { return path(400) + fmt.Sprintf(".k%d = 1", i) })
	}},
	{"unknown keys", func(n int) string { return lines(n, func(i int) string { return fmt.Sprintf("k%d=1", i) }) }},
	{"unknown tables", func(n int) string { return lines(n, func(i int) string { return fmt.Sprintf("[k%d.a]", i) }) }},
	{"repeated tables", func(n int) string { return lines(n, func(int) string { return "[[openshell.a]]" }) }},
	{"tables of a driver", func(n int) string {
		return lines(n, func(i int) string { return fmt.Sprintf("[openshell.drivers.x.k%d]\na=1", i) })
	}},
	{"drivers", func(n int) string {
		return lines(n, func(i int) string { return fmt.Sprintf("[openshell.drivers.k%d]", i) })
	}},
	{"inline tables", func(n int) string { return ofDriver + nested(n, "a={", "", "}") }},
	{"inline dotted key", func(n int) string { return ofDriver + "a={" + path(n) + "=1}\n" }},
	{"deep arrays", func(n int) string { return ofDriver + "a=" + nested(n, "[", "1", "]") }},
	{"long array", func(n int) string { return ofDriver + "a=[" + strings.Repeat("1,", n/2-16) + "1]\n" }},
	{"array of tables in line", func(n int) string { return ofDriver + "a=[" + strings.Repeat("{},", n/3-16) + "{}]\n" }},
	{"long string", func(n int) string { return ofDriver + "a='" + strings.Repeat("\"", n-32) + "'\n" }},
	{"long key", func(n int) string { return strings.Repeat("k", n-16) + " = 1\n" }},
}

// lists are lists of entries for the platform's configuration, in YAML.
var lists = []sample{
	{"scalar by aliases", func(n int) string {
		return "- &x " + strings.Repeat("z", n/2) + "\n" + strings.Repeat("- *x\n", n/10)
	}},
	{"config by aliases", func(n int) string {
		entry := "- name: a\n  gateway: &x {config: \"" + strings.Repeat("z", 60<<10) + "\"}\n"
		return entry + lines(min(n, 60000), func(i int) string { return fmt.Sprintf("- {name: n%d, gateway: *x}", i) })
	}},
	{"entry by aliases", func(n int) string { // names are the same, so each is refused
		entry := "- &x {name: a, gateway: {serverDnsNames: [], config: " + strings.Repeat("z", n/2) + "}}\n"
		return entry + strings.Repeat("- *x\n", n/10)
	}},
	{"aliases of aliases", func(int) string {
		text := "- name: a\n  gateway:\n    a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
		for i := 1; i < 10; i++ {
			text += fmt.Sprintf("    a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
		}
		return text
	}},
	{"merged keys", func(n int) string {
		text := "- name: a\n  gateway: &m0 {k: 1}\n"
		for i := 1; len(text) < min(n, 60000); i++ {
			text += fmt.Sprintf("- name: a%d\n  gateway: &m%d {<<: *m%d, k%d: 1}\n", i, i, i-1, i)
		}
		return text
	}},
	{"keys of one mapping", func(n int) string {
		return "- name: a\n  gateway:\n" + lines(n*2/3, func(i int) string { return fmt.Sprintf("    k%d: 1", i) })
	}},
	{"short items", func(n int) string { return strings.Repeat("- a\n", n/4) }},
	{"short entries", func(n int) string { return lines(n, func(i int) string { return fmt.Sprintf("- {name: n%d}", i) }) }},
	{"deep lists", func(int) string { return "- " + nested(18000, "[", "1", "]") }},
	{"deep mappings", func(int) string { return "- name: a\n  gateway: " + nested(36000, "{a: ", "1", "}") }},
	{"large config", func(n int) string {
		entry := strings.Repeat("z", 60<<10)
		return lines(n, func(i int) string { return fmt.Sprintf("- {name: n%d, gateway: {config: \"%s\"}}", i, entry) })
	}},
}

// path returns a dotted key of n bytes.
func path(n int) string { return strings.TrimSuffix(strings.Repeat("a.", (n-32)/2), ".") }

// lines returns lines of about n bytes in all.
func lines(n int, line func(i int) string) string {
	var text strings.Builder
	for i := 0; ; i++ {
		next := line(i)
		if text.Len()+len(next) > n-64 && i > 0 {
			return text.String()
		}
		text.WriteString(next + "\n")
	}
}

// nested returns something nested in itself, of about n bytes.
func nested(n int, open, inner, closing string) string {
	depth := (n - 64) / (len(open) + len(closing))
	return strings.Repeat(open, depth) + inner + strings.Repeat(closing, depth) + "\n"
}

package entries

import (
	"fmt"
	"strings"
	"testing"
)

// cyclicMerges are entries that merge themselves, or the same mapping exponentially often.
func cyclicMerges() map[string]string {
	doubled := "- {b0: &b0 {a: 1}"
	for i := range 64 {
		doubled += fmt.Sprintf(", b%d: &b%d {<<: [*b%d, *b%d]}", i+1, i+1, i, i)
	}
	return map[string]string{
		"an entry that merges itself":   "- &a {<<: *a, name: bad}\n",
		"a gateway that merges itself":  "- {name: bad, gateway: &g {<<: *g}}\n",
		"two that merge each other":     "- {name: bad, gateway: &g {a: &h {<<: *g}, <<: *h}}\n",
		"a mapping merged twice, often": doubled + ", name: bad, gateway: *b64}\n",
	}
}

func TestEntryThatMergesItselfIsRefusedAlone(t *testing.T) {
	for what, text := range cyclicMerges() {
		source := read(t, text+entryFor("good"))
		if source.Err != nil || len(source.Entries) != 1 || len(source.Refusals) != 1 || source.Refusals[0].Namespace != "bad" {
			t.Errorf("%s: %+v; want the entry refused, and the other one", what, source)
		}
	}
}

// TestFieldOfMappingThatMergesItselfIsFound, since clients look for fields before they check the size.
func TestFieldOfMappingThatMergesItselfIsFound(t *testing.T) {
	for what, text := range cyclicMerges() {
		root, err := Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		item := root.Content[0]
		if name := Child(item, "name"); name == nil || name.Value != "bad" || Child(item, "other") != nil || Child(Child(item, "gateway"), "other") != nil {
			t.Errorf("%s: the name is %v, or another field exists", what, name)
		}
	}
}

// TestEntryKeepsItsNamespaceDespiteMerges: an entry without a namespace holds the removals of all tenants.
func TestEntryKeepsItsNamespaceDespiteMerges(t *testing.T) {
	const base = "- &base {name: tenant-a, gateway: {serverDnsNames: [], image: 7}}\n"
	for item, want := range map[string]string{
		"{<<: *base, name: tenant-b}":                                  "tenant-b",
		"{name: tenant-b, <<: *base}":                                  "tenant-b",
		"{<<: *base}":                                                  "tenant-a", // which is listed twice
		"{<<: [*base], name: tenant-b, name: tenant-c}":                "",
		"{<<: {name: tenant-c}, <<: *base}":                            "",
		"{<<: *base, name: [tenant-b]}":                                "",
		"{<<: *base, *base : a, name: tenant-b}":                       "tenant-b",
		"&self {<<: *self, name: tenant-b}":                            "tenant-b",
		"&self {<<: [*base, *self]}":                                   "",
		"{<<: {gateway: {" + strings.Repeat("a,", maxKeys) + "a}}}":    "",
		"{<<: {gateway: 7}, name: tenant-b, name: tenant-b, other: 1}": "",
	} {
		source := read(t, base+"- "+item+"\n")
		if source.Err != nil || len(source.Refusals) != 2 {
			t.Errorf("%s: %+v", item, source)
			continue
		}
		if is := source.Refusals[1]; is.Namespace != want {
			t.Errorf("%s: namespace %q, want %q: %s", item, is.Namespace, want, is.Message)
		}
	}
}

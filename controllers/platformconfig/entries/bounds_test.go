package entries

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
)

// costly are texts of about n bytes that cost much more to read than their length suggests.
func costly(n int) map[string]string {
	repeat := func(text string) string { return strings.Repeat(text, n/len(text)) }
	var keys strings.Builder
	for i := 0; keys.Len() < n; i++ {
		fmt.Fprintf(&keys, "k%d: 1, ", i)
	}
	var laughs strings.Builder
	laughs.WriteString("- &l0 [" + strings.Repeat("lol,", 10) + "]\n")
	for i := range 9 {
		fmt.Fprintf(&laughs, "- &l%d [%s]\n", i+1, strings.Repeat(fmt.Sprintf("*l%d,", i), 10))
	}
	half := strings.Repeat("z", n/2)
	return map[string]string{
		"an entry repeated by aliases":    "- &x {name: a, gateway: {serverDnsNames: [], config: " + half + "}}\n" + strings.Repeat("- *x\n", n/10),
		"a config repeated by aliases":    "- {name: a, gateway: {serverDnsNames: [], config: &x " + half + "}}\n" + strings.Repeat("- {name: b, gateway: {config: *x}}\n", n/70),
		"a mapping repeated by merges":    "- &x {" + keys.String()[:n/2] + "}\n" + strings.Repeat("- {<<: *x}\n", n/22),
		"aliases of aliases":              laughs.String() + strings.Repeat("- *l9\n", n/10),
		"a value that contains itself":    "- &x {name: a, gateway: *x}\n" + strings.Repeat("- *x\n", n/5),
		"many keys in one mapping":        "- {name: a, gateway: {serverDnsNames: [], x: {" + keys.String() + "}}}",
		"many keys in an entry":           "- &x {" + keys.String()[:n/2] + "}\n" + strings.Repeat("- *x\n", n/10),
		"many keys that merge":            "- {" + strings.Repeat("<<: {a: 1}, ", n/12) + "}",
		"many bad entries":                repeat("- a\n"),
		"many values in brackets":         "- [" + repeat("a,") + "a]",
		"many values in nested lists":     "- [" + repeat("[],") + "[]]",
		"many keys without a value":       "- {" + repeat("a,") + "a}",
		"many keys with a question":       "- " + repeat("? \n  "),
		"many comments":                   repeat("- a #c\n"),
		"many anchors":                    "- a\n" + repeat("- &a b\n"),
		"many aliases":                    "- &a b\n" + repeat("- *a\n"),
		"deep lists":                      strings.Repeat("- ", 9000) + "a",
		"deep lists in brackets":          strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		"deep lists repeated by an alias": "- &x " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "\n" + strings.Repeat("- *x\n", n/10),
		"one namespace many times":        repeat("- {name: a, gateway: {serverDnsNames: []}}\n"),
		"documents":                       "[]\n" + repeat("---\n[]\n"),
	}
}

// cost reads a text, and returns how many bytes that allocated and how long it took.
func cost(t *testing.T, text string) (Source, uint64, time.Duration) {
	t.Helper()
	platform := testPlatform(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	source := Read(&corev1.ConfigMap{Data: map[string]string{Key: text}}, platform)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	return source, after.TotalAlloc - before.TotalAlloc, took
}

// checkCost fails the test if reading a text costs more than its length and what aliases may repeat explain. The time is
// a multiple of what a busy machine needs.
func checkCost(t *testing.T, text string) {
	t.Helper()
	source, allocated, took := cost(t, text)
	t.Logf("%d bytes: %d MiB allocated, %v, %d entries, %d refused, error: %v", len(text), allocated>>20, took.Round(time.Millisecond), len(source.Entries), len(source.Refusals), source.Err)
	if most := uint64(len(text))*600 + 24*maxListSize; allocated > most {
		t.Errorf("reading %d bytes allocates %d bytes, want at most %d", len(text), allocated, most)
	}
	if most := 20 * time.Second; took > most {
		t.Errorf("reading %d bytes takes %v, want at most %v", len(text), took, most)
	}
}

func TestReadingIsBounded(t *testing.T) {
	for what, text := range costly(100_000) {
		t.Run(what, func(t *testing.T) { checkCost(t, text) })
	}
}

// FuzzReadingIsBounded looks for texts that cost much more to read than their length suggests.
func FuzzReadingIsBounded(f *testing.F) {
	for _, text := range costly(20_000) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) <= 1<<20 { // what a ConfigMap holds
			checkCost(t, text)
		}
	})
}

// TestTextBeyondWhatCanBeParsedIsUnreadable, so that the last good state stands.
func TestTextBeyondWhatCanBeParsedIsUnreadable(t *testing.T) {
	for what, words := range map[string]string{
		"many bad entries": "262144 entries, and at most 25000", "many values in brackets": "YAML values", "many keys without a value": "YAML values", "many keys with a question": "YAML values",
	} {
		if source := read(t, costly(1 << 20)[what]); source.Err == nil || !strings.Contains(source.Err.Error(), words) || !strings.Contains(source.Err.Error(), LabelShard) {
			t.Errorf("%s: read with the error %v, want %q and the label", what, source.Err, words)
		}
	}
}

func TestEntryBeyondTheBoundsIsRefusedAlone(t *testing.T) {
	const good = "- {name: good, gateway: {serverDnsNames: []}}\n"
	for what, c := range map[string]struct{ text, words string }{
		"too large":        {"- {name: bad, gateway: {serverDnsNames: [], config: " + strings.Repeat("z", maxEntrySize) + "}}\n", "bytes with aliases expanded, and at most 262144 are read"},
		"large by aliases": {"- {name: bad, gateway: {serverDnsNames: [" + strings.Repeat("*z,", 300) + "]}}\n", "bytes with aliases expanded, and at most 262144 are read"},
		"too deep":         {"- {name: bad, gateway: {serverDnsNames: " + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + "}}\n", "more than 32 levels deep"},
		"too many keys":    {"- {name: bad, gateway: {network: {" + strings.Repeat("a,", maxKeys) + "a}}}\n", "257 keys, and at most 256"},
		"contains itself":  {"- &self {name: bad, gateway: *self}\n", `"self" marks a value that contains itself`},
	} {
		anchor := "- {name: first, gateway: {serverDnsNames: [], config: &z '#" + strings.Repeat("z", 2000) + "'}}\n"
		source := read(t, anchor+c.text+good)
		if source.Err != nil || len(source.Entries) != 2 || len(source.Refusals) != 1 {
			t.Errorf("%s: %+v; want the other entries", what, source)
			continue
		}
		if refusal := source.Refusals[0]; refusal.Namespace != "bad" || !strings.Contains(refusal.Message, c.words) || !strings.Contains(refusal.Message, "line 2") {
			t.Errorf("%s: refused as %+v, want %q and line 2", what, refusal, c.words)
		}
	}
}

func TestOneConfigSharedByAThousandEntries(t *testing.T) {
	text := "- {name: a, gateway: &common {serverDnsNames: [], config: '#" + strings.Repeat("z", 2<<10) + "'}}\n"
	for i := range 1000 {
		text += fmt.Sprintf("- {name: tenant-%d, gateway: {<<: *common, serverDnsNames: [gateway.tenant-%d.example.com]}}\n", i, i)
	}
	if source := read(t, text); len(source.Entries) != 1001 {
		t.Errorf("read as %d entries and %d refusals, with the error %v", len(source.Entries), len(source.Refusals), source.Err)
	}
}

// TestLongValueByAliasIsConverted pins that the number of values below an alias does not matter within the bounds on size.
func TestLongValueByAliasIsConverted(t *testing.T) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte("- &long ["+strings.Repeat("a,", 2000)+"]\n- {b: *long}\n"), &document); err != nil {
		t.Fatal(err)
	}
	converted, err := toJSON(document.Content[0].Content[1], maxEntrySize)
	if err != nil || strings.Count(string(converted), `"a"`) != 2000 {
		t.Errorf("converted to %.40s, with the error %v", converted, err)
	}
}

func TestTwentyThousandEntriesAreRead(t *testing.T) {
	var text strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&text, "- {name: tenant-%d, gateway: {serverDnsNames: []}}\n", i)
	}
	if source := read(t, text.String()); len(source.Entries) != 20_000 {
		t.Errorf("read as %d entries and %d refusals, with the error %v", len(source.Entries), len(source.Refusals), source.Err)
	}
}

// TestTotalSizeIsSharedByAllConfigMaps, except those whose list is too large.
func TestTotalSizeIsSharedByAllConfigMaps(t *testing.T) {
	repeats := func(name string, times int) *corev1.ConfigMap {
		text := "- {name: " + name + ", gateway: &common {serverDnsNames: [], config: '#" + strings.Repeat("z", 60_000) + "'}}\n"
		for i := range times {
			text += fmt.Sprintf("- {name: %s-%d, gateway: *common}\n", name, i)
		}
		config := &corev1.ConfigMap{Data: map[string]string{Key: text}}
		config.Name = name
		return config
	}
	small := &corev1.ConfigMap{Data: map[string]string{Key: entryFor("small")}}
	sources := NewReader(testPlatform(t)).Read([]*corev1.ConfigMap{repeats("bomb", 200), repeats("a", 120), small, repeats("b", 120), repeats("c", 120)})
	for i, want := range []struct {
		entries int
		words   string
	}{
		{0, "bytes with aliases expanded, and at most 8388608 are read"}, {121, ""}, {1, ""}, {121, ""},
		{0, "of the 16777216 for all ConfigMaps are left"},
	} {
		message := ""
		if sources[i].Err != nil {
			message = sources[i].Err.Error()
		}
		if len(sources[i].Entries) != want.entries || (message == "") != (want.words == "") || !strings.Contains(message, want.words) {
			t.Errorf("%s is read as %d entries, with the error %q; want %d, and %q", sources[i].Origin, len(sources[i].Entries), message, want.entries, want.words)
		}
	}
}

// TestConfigMapIsReadAgainIfItsBudgetChanges, and only if the budget can make a difference.
func TestConfigMapIsReadAgainIfItsBudgetChanges(t *testing.T) {
	for budget, fits := range map[int]bool{maxTotalSize: true, maxListSize: true, maxListSize - 1: false} {
		if is := (result{budget: maxTotalSize}).fits(budget); is != fits {
			t.Errorf("a budget of %d fits: %v, want %v", budget, is, fits)
		}
	}
}

func TestMessagesOfOneListAreBounded(t *testing.T) {
	text := "- {name: a, gateway: &bad {serverDnsNames: [], image: " + strings.Repeat("x", 4000) + "}}\n"
	for i := range 4000 {
		text += fmt.Sprintf("- {name: b%d, gateway: {image: *bad}}\n", i)
	}
	size := 0
	for _, refusal := range read(t, text).Refusals {
		size += len(refusal.Message)
	}
	if size > maxMessages+MaxMessage+4000*(shortMessage+10) {
		t.Errorf("the messages have %d bytes", size)
	}
}

// TestFaultsOfOneListAreBounded, however many values an alias repeats.
func TestFaultsOfOneListAreBounded(t *testing.T) {
	const wrong, times = 14_000, 20
	text := "- {name: a, gateway: {serverDnsNames: &bad [" + strings.Repeat("1,", wrong) + "], x: 1}}\n"
	for i := range times {
		text += fmt.Sprintf("- {name: b%d, gateway: {serverDnsNames: *bad}}\n", i)
	}
	source, allocated, took := cost(t, text)
	t.Logf("%d MiB allocated, %v", allocated>>20, took)
	if len(source.Refusals) != times+1 || allocated > 120<<20 {
		t.Fatalf("%d entries are refused, and %d bytes allocated", len(source.Refusals), allocated)
	}
	first, last := source.Refusals[0], source.Refusals[times]
	if is := len(first.Faults) + first.More; is != wrong+1 || first.Rest != nil {
		t.Errorf("%d faults, want %d, one of which is not of an independent field: %+v", is, wrong+1, first.Rest)
	}
	if is := len(last.Faults) + last.More; is != wrong || last.Rest == nil {
		t.Errorf("%d faults, want %d, all of the field that is kept: %+v", is, wrong, last.Rest)
	}
}

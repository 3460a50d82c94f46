package entries

import (
	"reflect"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

func testPlatform(t *testing.T) manifests.Platform {
	t.Helper()
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	return platform
}

func entryFor(namespace string) string {
	return "- {name: " + namespace + ", gateway: {serverDnsNames: []}}\n"
}

// read reads a text as the ConfigMap platform/platform-config.
func read(t *testing.T, text string) Source {
	t.Helper()
	config := &corev1.ConfigMap{Data: map[string]string{Key: text}}
	config.Namespace, config.Name = "platform", "platform-config"
	return Read(config, testPlatform(t))
}

func TestWhatIsNoListIsNotAnEmptyList(t *testing.T) {
	if source := Read(&corev1.ConfigMap{}, testPlatform(t)); source.Err == nil {
		t.Errorf("no key: read as %+v", source)
	}
	for what, text := range map[string]string{
		"empty": "", "null": "null", "a tilde": "~", "a comment": "# nothing", "malformed": "- {name: a", "no list": "name: a",
		"text": "tenants", "two documents": "[]\n---\n[]", "a list, and then no YAML": "[]\n---\n{", "only a document's start": "---",
	} {
		if source := read(t, text); source.Err == nil || source.Empty || len(source.Entries)+len(source.Refusals) > 0 {
			t.Errorf("%s: read as %+v", what, source)
		}
	}
	for _, text := range []string{"[]", "--- []", " [ ] # none"} {
		if source := read(t, text); source.Err != nil || !source.Empty {
			t.Errorf("%q is read as %+v", text, source)
		}
	}
}

func TestBadEntryIsRefusedAloneAndSaysWhy(t *testing.T) {
	const good = "\n- {name: good, gateway: {serverDnsNames: []}}"
	for bad, words := range map[string]string{
		"- name: bad\n  gateway:\n    serverDnsNames: []\n    imag: x":                    `entry 0, line 1 (namespace "bad"): line 4: gateway.imag is an unknown field; did you mean image?`,
		"- {name: bad, gatewy: {}}":                                                       `line 1: gatewy is an unknown field; did you mean gateway?`,
		"- {name: bad}":                                                                   "gateway is missing",
		"- {name: bad, gateway: }":                                                        "gateway is missing",
		"- {name: bad, gateway: {}}":                                                      "gateway.serverDnsNames is missing",
		"- {name: Bad, gateway: {serverDnsNames: []}}":                                    `name "Bad" is not the name of a namespace`,
		"- {gateway: {serverDnsNames: []}}":                                               "name is missing",
		"- {name: 7, gateway: {serverDnsNames: []}}":                                      `line 1: name is a number (7) and must be a text; put it in quotes`,
		"- name: bad\n  gateway:\n    serverDnsNames: []\n    image: docker.io/x:1":       `line 4: gateway.image: "docker.io/x:1" is not from an allowed repository`,
		"- name: bad\n  gateway:\n    serverDnsNames: []\n    image: 7":                   `line 4: gateway.image is a number (7) and must be a text; put it in quotes`,
		"- name: bad\n  gateway:\n    serverDnsNames:\n    - good.example.com\n    - a b": `line 5: gateway.serverDnsNames[1]: "a b" has white space`,
		"- {name: bad, gateway: {serverDnsNames: ['a b']}}":                               "gateway.serverDnsNames[0]",
		"- {name: bad, gateway: {serverDnsNames: []}, name: other}":                       `has the key "name" already in line 1`,
		"- {name: bad, gateway: {serverDnsNames: [], config: 'a ='}}":                     "gateway.config",
		"- {name: bad, gateway: {serverDnsNames: [], 7: x}}":                              "line 1",
		"- text": "entry 0",
		"- ":     "entry 0",
	} {
		source := read(t, bad+good)
		if source.Err != nil || len(source.Entries) != 1 || source.Entries[0].Namespace != "good" || len(source.Refusals) != 1 {
			t.Errorf("%s: %+v; want the other entry alone", bad, source)
			continue
		}
		if message := source.Refusals[0].Message; !strings.Contains(message, words) {
			t.Errorf("%s: %q does not say %q", bad, message, words)
		}
	}
}

func TestTextOfManyLinesIsNotRepeated(t *testing.T) {
	source := read(t, "- name: bad\n  gateway:\n    serverDnsNames: []\n    config: |\n      [openshell.gateway]\n      loglevel = 'debug'\n")
	if len(source.Refusals) != 1 || !strings.HasSuffix(source.Refusals[0].Message, "did you mean log_level?") {
		t.Errorf("refused as %+v", source.Refusals)
	}
}

func TestAnchorsAndLaterFieldsAreRead(t *testing.T) {
	source := read(t, "- name: a\n  gateway: &common\n    serverDnsNames: []\n    sandboxTokens: Disabled\n- name: b\n  gateway: *common")
	if len(source.Entries) != 2 || source.Entries[1].Spec["sandboxTokens"] != "Disabled" {
		t.Errorf("%+v", source)
	}
}

func TestMergedEntriesAreRead(t *testing.T) {
	source := read(t, "- &first {name: a, gateway: {serverDnsNames: [], sandboxTokens: Disabled}}\n- <<: *first\n  name: b")
	if len(source.Entries) != 2 || source.Entries[1].Namespace != "b" || source.Entries[1].Spec["sandboxTokens"] != "Disabled" {
		t.Errorf("%+v", source)
	}
}

func TestNamespaceListedTwiceIsRefusedInBothPlaces(t *testing.T) {
	source := read(t, "- {name: a, gateway: {serverDnsNames: []}}\n- {name: b, gateway: {serverDnsNames: []}}\n- {name: a, gateway: {serverDnsNames: [x]}}")
	if source.Err != nil || len(source.Entries) != 1 || source.Entries[0].Namespace != "b" || len(source.Refusals) != 2 {
		t.Fatalf("%+v", source)
	}
	for _, refusal := range source.Refusals {
		if refusal.Namespace != "a" || !strings.Contains(refusal.Message, "entry 0, line 1; entry 2, line 3") {
			t.Errorf("%+v", refusal)
		}
	}
}

// TestReaderReturnsWhatReadReturns whatever it read before, and does not check entries again that it knows.
func TestReaderReturnsWhatReadReturns(t *testing.T) {
	const a, b = "- {name: a, gateway: {serverDnsNames: []}}\n", "- {name: b, gateway: {serverDnsNames: [], image: 'ghcr.io/nvidia/openshell/gateway:0.0.71'}}\n"
	reader := NewReader(testPlatform(t))
	version := 0
	config := func(text string) []*corev1.ConfigMap {
		version++
		return []*corev1.ConfigMap{{ObjectMeta: metav1.ObjectMeta{ResourceVersion: strconv.Itoa(version)}, Data: map[string]string{Key: text}}}
	}
	for _, text := range []string{
		a, a + b, b + a, "# a line more\n" + a, a + a, a + "- {name: b, gateway: {serverDnsNames: 7}}\n" + b, a + "- {name: b, gateway: {image: x}}\n", "no list", a + b, "[]", a + b,
	} {
		configs := config(text)
		is, want := reader.Read(configs), Read(configs[0], testPlatform(t))
		if !reflect.DeepEqual(is, []Source{want}) {
			t.Errorf("%q, after other text, is read as %+v, and alone as %+v", text, is, want)
		}
	}
	elsewhere, err := manifests.NewPlatform("registry.test/none/x:0.0.71", "certgen:1", []string{"registry.test/none/"})
	if err != nil {
		t.Fatal(err)
	}
	reader.platform = elsewhere
	if again := reader.Read(config(b)); len(again[0].Entries) != 1 {
		t.Errorf("an entry that was valid was checked again: %+v", again[0].Refusals)
	}
}

// TestAllFaultsOfAnEntryAreReported as far as a message has room. The others are counted, and Check returns all.
func TestAllFaultsOfAnEntryAreReported(t *testing.T) {
	source := read(t, "- name: a\n  gatway: {}\n  gateway:\n    suspend: 'yes'\n    image: docker.io/evil/x:1\n    serverDnsNames: [A.b]\n    storage: {size: .inf}\n    network: ~\n")
	if len(source.Refusals) != 1 {
		t.Fatalf("%+v", source)
	}
	refusal := source.Refusals[0]
	for _, words := range []string{
		"line 2: gatway is an unknown field; did you mean gateway?", "line 4: gateway.suspend is a text (yes) and must be true or false; remove the quotes",
		`line 5: gateway.image: "docker.io/evil/x:1" is not from`, `line 6: gateway.serverDnsNames[0]: "A.b" has upper-case letters`,
		`line 7: gateway.storage.size is ".inf", which JSON cannot express`, "line 8: gateway.network is null",
	} {
		if !strings.Contains(refusal.Message, words) {
			t.Errorf("%q lacks %q", refusal.Message, words)
		}
	}
	if refusal.Namespace != "a" || refusal.Rest != nil || len(refusal.Faults) != 6 || refusal.More != 0 {
		t.Errorf("%+v", refusal)
	}

	text := "- name: a\n  gateway:\n    serverDnsNames: []\n"
	for i := range 200 {
		text += "    unknown" + strconv.Itoa(i) + ": x\n"
	}
	refusal = read(t, text).Refusals[0]
	if shown := len(refusal.Faults); shown < 10 || shown+refusal.More != 200 || len(refusal.Message) > MaxMessage+100 || !strings.HasSuffix(refusal.Message, "(and "+strconv.Itoa(refusal.More)+" more)") {
		t.Errorf("%d faults are shown, and %d more counted: %s", shown, refusal.More, refusal.Message)
	}
	items, err := Items(&corev1.ConfigMap{Data: map[string]string{Key: text}})
	if err != nil {
		t.Fatal(err)
	}
	if all := Check(items[0], testPlatform(t)); len(all) != 200 {
		t.Errorf("%d faults", len(all))
	}
}

// TestSourceNameReplacesTheNameOfTheConfigMap for what GatewayTenants record, and not for messages.
func TestSourceNameReplacesTheNameOfTheConfigMap(t *testing.T) {
	for name, want := range map[string]struct {
		source string
		read   bool
	}{"": {"platform/platform-config-7h4k", true}, "team-a": {"platform/team-a", true}, "a/b": {"", false}, "Team": {"", false}} {
		config := &corev1.ConfigMap{Data: map[string]string{Key: entryFor("a")}}
		config.Namespace, config.Name, config.Annotations = "platform", "platform-config-7h4k", map[string]string{AnnotationSourceName: name}
		source := Read(config, testPlatform(t))
		if source.Origin != "platform/platform-config-7h4k" || (source.Err == nil) != want.read || want.read && source.Name != want.source {
			t.Errorf("%q: read as %s from %s: %v", name, source.Name, source.Origin, source.Err)
		}
	}
}

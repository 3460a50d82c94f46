package platformconfig

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
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
		"- name: bad\n  gateway:\n    serverDnsNames: []\n    imag: x":                    `entry 0, line 1 (namespace "bad"): line 4: gateway.imag is not a field that there is ("x")`,
		"- {name: bad, gatewy: {}}":                                                       `line 1: gatewy is not a field that there is`,
		"- {name: bad}":                                                                   "gateway is missing",
		"- {name: bad, gateway: }":                                                        "gateway is missing",
		"- {name: bad, gateway: {}}":                                                      "gateway.serverDnsNames is missing",
		"- {name: Bad, gateway: {serverDnsNames: []}}":                                    `name "Bad" is not the name of a namespace`,
		"- {gateway: {serverDnsNames: []}}":                                               "name",
		"- {name: 7, gateway: {serverDnsNames: []}}":                                      `line 1: name is a number and must be a string ("7")`,
		"- name: bad\n  gateway:\n    serverDnsNames: []\n    image: docker.io/x:1":       `line 4: gateway.image: "docker.io/x:1" is not from an allowed repository`,
		"- name: bad\n  gateway:\n    serverDnsNames: []\n    image: 7":                   `line 4: gateway.image is a number and must be a string ("7")`,
		"- name: bad\n  gateway:\n    serverDnsNames:\n    - good.example.com\n    - a b": `line 5: gateway.serverDnsNames[1]: "a b" is neither a DNS name`,
		"- {name: bad, gateway: {serverDnsNames: ['a b']}}":                               "gateway.serverDnsNames[0]",
		"- {name: bad, gateway: {serverDnsNames: []}, name: other}":                       `"name" already defined at line 1`,
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

// FuzzSourceNeverRemovesUnread feeds the parser anything: it must not panic, and what it cannot read removes nothing.
func FuzzSourceNeverRemovesUnread(f *testing.F) {
	for _, seed := range []string{
		"[]", "", "null", "- {name: a, gateway: {serverDnsNames: []}}", "- {name: a, gateway: {serverDnsNames: [], imag: x}}",
		"- &a {name: a, gateway: {serverDnsNames: []}}\n- *a", "- <<: {name: a}\n  gateway: {}", "- <<: {name: a, gateway: {serverDnsNames: []}}", "- &n {name: *n}", "- {name: &x a, gateway: {serverDnsNames: [*x]}}", "- {name: a, ? [1] : 2}", "- !!binary x", "[", "---\n---",
	} {
		f.Add(seed)
	}
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		config := &corev1.ConfigMap{Data: map[string]string{Key: text}}
		config.Namespace, config.Name = "platform", "platform-config"
		source := Read(config, platform)
		world := World{Tenants: map[string]*v1alpha1.GatewayTenant{}, Namespaces: map[string]Presence{"a": Present, "b": Present, "c": Present}}
		for namespace := range world.Namespaces {
			world.Tenants[namespace] = bridgedIn(namespace)
		}
		plan := Compare([]Source{source}, world, DefaultGuard)
		if source.Err != nil && len(plan.Delete)+len(plan.Apply)+len(plan.Release) > 0 {
			t.Errorf("%q cannot be read (%v), and the plan is %+v", text, source.Err, plan)
		}
		if len(plan.Delete) == 3 && !source.Empty {
			t.Errorf("%q removes all", text)
		}
		for _, tenant := range plan.Delete {
			if slices.Contains(source.namespaces(), tenant.Namespace) || slices.Contains(source.namespaces(), "") {
				t.Errorf("%q removes %s, which it lists or may list", text, tenant.Namespace)
			}
		}
	})
}

// TestRereadSaysWhatReadSays whatever was there before, and checks nothing again that is still there.
func TestRereadSaysWhatReadSays(t *testing.T) {
	const a, b = "- {name: a, gateway: {serverDnsNames: []}}\n", "- {name: b, gateway: {serverDnsNames: [], image: 'ghcr.io/nvidia/openshell/gateway:0.0.71'}}\n"
	platform := testPlatform(t)
	var before Source
	for _, text := range []string{
		a, a + b, b + a, "# a line more\n" + a, a + a, a + "- {name: b, gateway: {serverDnsNames: 7}}\n" + b, a + "- {name: b, gateway: {image: x}}\n", "no list", a + b, "[]", b,
	} {
		config := &corev1.ConfigMap{Data: map[string]string{Key: text}}
		is, want := before.reread(config, platform, maxTotalSize), Read(config, platform)
		if !reflect.DeepEqual(is, want) {
			t.Errorf("%q, after other text, is read as %+v, and alone as %+v", text, is, want)
		}
		before = is
	}
	known := Read(&corev1.ConfigMap{Data: map[string]string{Key: a + b}}, platform)
	elsewhere, err := manifests.NewPlatform("registry.test/none/x:0.0.71", "certgen:1", []string{"registry.test/none/"})
	if err != nil {
		t.Fatal(err)
	}
	if again := known.reread(&corev1.ConfigMap{Data: map[string]string{Key: b}}, elsewhere, maxTotalSize); len(again.Entries) != 1 {
		t.Errorf("an entry that was valid was checked again: %+v", again.Refusals)
	}
}

package platformconfig

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

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

func TestWhatIsNoListIsNotAnEmptyList(t *testing.T) {
	for what, data := range map[string]map[string]string{
		"no key": {}, "empty": {Key: ""}, "null": {Key: "null"}, "a comment": {Key: "# nothing"}, "malformed": {Key: "- {name: a"},
		"no list": {Key: "name: a"}, "a key twice": {Key: "- {name: a, name: b}"},
	} {
		if source, err := Read(&corev1.ConfigMap{Data: data}, testPlatform(t)); err == nil {
			t.Errorf("%s: read as %+v", what, source)
		}
	}
	source, err := Read(&corev1.ConfigMap{Data: map[string]string{Key: "[]"}}, testPlatform(t))
	if err != nil || len(source.Entries)+len(source.Refusals) != 0 {
		t.Errorf("[] is read as %+v, %v", source, err)
	}
}

func TestBadEntryIsRefusedAloneAndSaysWhy(t *testing.T) {
	const good = "\n- {name: good, gateway: {serverDnsNames: []}}"
	for bad, words := range map[string]string{
		"- {name: bad, gateway: {serverDnsNames: [], imag: x}}":                `entry 0 (namespace "bad"): gateway: unknown field "imag"`,
		"- {name: bad, gatewy: {}}":                                            `unknown field "gatewy"`,
		"- {name: bad}":                                                        "gateway is missing",
		"- {name: bad, gateway: }":                                             "gateway is missing",
		"- {name: bad, gateway: {}}":                                           "gateway.serverDnsNames is missing",
		"- {name: Bad, gateway: {serverDnsNames: []}}":                         `"Bad" is not the name of a namespace`,
		"- {gateway: {serverDnsNames: []}}":                                    "name:",
		"- {name: bad, gateway: {serverDnsNames: [], image: 'docker.io/x:1'}}": "docker.io/x:1",
		"- {name: bad, gateway: {serverDnsNames: [], image: 7}}":               "image",
		"- {name: bad, gateway: {serverDnsNames: ['a b']}}":                    "spec.serverDnsNames[0]",
		"- {name: bad, gateway: {serverDnsNames: [], config: 'a ='}}":          "line 1",
		"- text": "entry 0",
	} {
		source, err := Read(&corev1.ConfigMap{Data: map[string]string{Key: bad + good}}, testPlatform(t))
		if err != nil || len(source.Entries) != 1 || source.Entries[0].Namespace != "good" || len(source.Refusals) != 1 {
			t.Errorf("%s: %+v, %v; want the other entry alone", bad, source, err)
			continue
		}
		if message := source.Refusals[0].Message; !strings.Contains(message, words) {
			t.Errorf("%s: %q does not say %q", bad, message, words)
		}
	}
}

func TestNamespaceListedTwiceIsRefusedInBothPlaces(t *testing.T) {
	const text = "- {name: a, gateway: {serverDnsNames: []}}\n- {name: b, gateway: {serverDnsNames: []}}\n- {name: a, gateway: {serverDnsNames: [x]}}"
	source, err := Read(&corev1.ConfigMap{Data: map[string]string{Key: text}}, testPlatform(t))
	if err != nil || len(source.Entries) != 1 || source.Entries[0].Namespace != "b" || len(source.Refusals) != 2 {
		t.Fatalf("%+v, %v", source, err)
	}
	for _, refusal := range source.Refusals {
		if refusal.Namespace != "a" || !strings.Contains(refusal.Message, "entries [0 2]") {
			t.Errorf("%+v", refusal)
		}
	}
}

package plugin

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/ambient-code/gatewaytenant-operator/config/crd"
)

var defaultSettings = sync.OnceValues(func() (Settings, error) { return ReadSettings(context.Background(), nil, nil) })

// findingsIn validates a file with this content.
func findingsIn(t *testing.T, text string) (Input, []Finding) {
	t.Helper()
	settings, err := defaultSettings()
	if err != nil {
		t.Fatal(err)
	}
	input, err := Files([]string{"-"}, strings.NewReader(text), "default", settings.Options.ConfigMaps())
	if err != nil {
		t.Fatal(err)
	}
	findings, err := Validate(input, settings)
	if err != nil {
		t.Fatal(err)
	}
	for i := range findings {
		findings[i].File = "file"
		if lines := strings.Count(strings.TrimSuffix(text, "\n"), "\n") + 1; findings[i].Line < 1 || findings[i].Line > lines {
			t.Errorf("%s is not in a file of %d lines:\n%s", findings[i], lines, text)
		}
	}
	return input, findings
}

const (
	tenantHead = "apiVersion: openshell.ambient-code.io/v1alpha1\nkind: GatewayTenant\nmetadata: {name: openshell-gateway, namespace: a}\n"
	configHead = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: platform-config}\ndata:\n"
)

// TestFilesAreReadAsKubectlReadsThem, and each finding has the line of the file.
func TestFilesAreReadAsKubectlReadsThem(t *testing.T) {
	const list = "- {name: a, gateway: {serverDnsNames: []}}\n"
	object := `{"apiVersion": "openshell.ambient-code.io/v1alpha1", "kind": "GatewayTenant",` + "\n" + `"metadata": {"name": "openshell-gateway", "namespace": "a"}, "spec": {"imag": "\ud83d\ude42"}}` + "\n"
	for what, c := range map[string]struct {
		text string
		want []string // the beginnings of the findings
	}{
		"a date and a boolean of YAML 1.1": {tenantHead + "spec: {suspend: yes, storage: {storageClassName: 2026-12-01}}\n", nil},
		"a byte order mark":                {"\ufeff" + tenantHead + "spec: {imag: x}\n", []string{"file:4: GatewayTenant a/openshell-gateway: spec.imag is an unknown field; did you mean image?"}},
		"lines that end as on Windows":     {strings.ReplaceAll(tenantHead+"spec:\n  imag: x\n", "\n", "\r\n"), []string{"file:5: "}},
		"a line separator in a comment":    {"# a\u2028b\n" + tenantHead + "spec: {imag: x}\n", []string{"file:"}},
		"a number as an annotation":        {strings.Replace(tenantHead, "a}", "a, annotations: {openshell.ambient-code.io/rotate-ca: 2026}}", 1), []string{"file:3: metadata.annotations[openshell.ambient-code.io/rotate-ca] is a number (2026) and must be a text; put it in quotes"}},
		"metadata that is a list":          {strings.Replace(tenantHead, "{name: openshell-gateway, namespace: a}", "[]", 1), []string{"file:3: metadata is a list and must be a mapping"}},
		"JSON objects one after the other": {object + object, []string{"file:2: GatewayTenant a/openshell-gateway: spec.imag is", "file:3: GatewayTenant a/openshell-gateway: is in", "file:4: GatewayTenant a/openshell-gateway: spec.imag is"}},
		"JSON, and then YAML":              {object + "---\n" + strings.Replace(tenantHead, "namespace: a", "namespace: b", 1) + "spec: {imag: x}\n", []string{"file:2: ", "file:7: GatewayTenant b/"}},
		"text after a separator":           {"--- x\n" + tenantHead, []string{"file:1: kubectl rejects a line that begins with ---"}},
		"a comment after a separator":      {"--- # x\n" + tenantHead, nil},
		"more than one document":           {tenantHead + "...\n{a: b}\n", []string{"file:1: is not YAML: holds more than one document"}},
		"what kubectl merges":              {tenantHead + "spec: {<<: {suspend: true}, suspend: false}\n", nil},
		"a key twice":                      {tenantHead + "spec:\n  suspend: true\n  suspend: true\n", []string{`file:6: spec has the key "suspend" already in line 5; keep one of them`}},
		"a list":                           {configHead + "  namespaces: |\n    " + list + "    - {name: b}\n", []string{`file:7: entry 1 (namespace "b"): gateway is missing`}},
		"a list after a comment":           {configHead + "  namespaces: |-2 # all\n\n    " + list + "    - {name: b}\n", []string{`file:8: entry 1 (namespace "b"): gateway is missing`}},
		"a folded list":                    {configHead + "  namespaces: >\n    - name: a\n      gateway:\n        serverDnsNames: []\n        imag: x\n", []string{`file:9: entry 0 (namespace "a"): gateway.imag`}},
		"a list that folding joins":        {configHead + "  namespaces: >\n    [{name: a,\n    gateway: {imag: x, serverDnsNames: []}}]\n", []string{`file:5: entry 0 (namespace "a"), line 1 of the list: gateway.imag`}},
		"a quoted list":                    {configHead + `  namespaces: "- name: a\n  gateway:\n    serverDnsNames: []\n    imag: x\n"` + "\n", []string{`file:5: entry 0 (namespace "a"), line 4 of the list: gateway.imag`}},
		"a list in single quotes":          {configHead + "  namespaces: '[{name: a, gateway: {serverDnsNames: [], imag: x}}]'\n", []string{`file:5: entry 0 (namespace "a"): gateway.imag`}},
		"a quoted list that is broken":     {configHead + `  namespaces: "- name: a\n  gateway: [\n\n\n"` + "\n", []string{`file:5: ConfigMap gatewaytenant-system/platform-config: the key "namespaces" is not YAML: line `}},
		"a list with a byte order mark":    {configHead + `  namespaces: "\ufeff- {name: a, gateway: {serverDnsNames: []}}"` + "\n", nil},
		"a list that is not text":          {configHead + "  namespaces:\n  - {name: a, gateway: {serverDnsNames: []}}\n", []string{"file:5: data.namespaces is not a text, and the API server rejects it; write namespaces: |"}},
		"a List":                           {"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: platform-config}\n  data:\n    namespaces: |\n      " + list + "      - {name: b}\n", []string{"file:10: entry 1"}},
		"another key":                      {configHead + "  namespace: |\n    " + list, []string{`file:1: ConfigMap gatewaytenant-system/platform-config: the key "namespaces" is missing (did you write "namespace" instead?)`}},
		"quite another key":                {configHead + "  tenants: |\n    " + list, []string{`file:1: ConfigMap gatewaytenant-system/platform-config: the key "namespaces" is missing (the ConfigMap has tenants)`}},
		"a ConfigMap elsewhere":            {strings.Replace(configHead, "config}", "config, namespace: elsewhere}", 1) + "  namespaces: '[]'\n", []string{"file:1: ConfigMap elsewhere/platform-config is in a namespace whose ConfigMaps the operator does not read; move it to gatewaytenant-system"}},
		"a label that is true":             {"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n  labels:\n    openshell.ambient-code.io/platform-config: true\n", []string{"file:6: metadata.labels[openshell.ambient-code.io/platform-config] is a boolean (true) and must be a text; put it in quotes"}},
		"another ConfigMap":                {configHead[:len(configHead)-len("data:\n")] + "data: {}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {8080: y}\n", []string{`file:1: ConfigMap gatewaytenant-system/platform-config: the key "namespaces" is missing`}},
		"all faults of an entry":           {"- name: a\n  gatway: {}\n  gateway:\n    imag: x\n    suspend: 'yes'\n    serverDnsNames: [A.b, ok.example.com]\n    sandboxTokens: Perhaps\n    storage: {size: .inf}\n", []string{"file:2: ", "file:4: ", "file:5: ", "file:6: ", "file:7: ", "file:8: "}},
		"an entry that is a text":          {"- tenant-a\n", []string{`file:1: entry 0 (namespace ""): is a text and must be a mapping; write - {name: …, gateway: {serverDnsNames: […]}}`}},
		"names instead of a list":          {"- {name: a, gateway: {serverDnsNames: a.example.com}}\n", []string{`file:1: entry 0 (namespace "a"): gateway.serverDnsNames is a text (a.example.com) and must be a list of texts`}},
		"a name that is a boolean":         {"- {name: no, gateway: {serverDnsNames: []}}\n", []string{`file:1: entry 0 (namespace ""): name is a boolean (no) and must be a text; put it in quotes`}},
	} {
		t.Run(what, func(t *testing.T) {
			_, findings := findingsIn(t, c.text)
			if len(findings) != len(c.want) {
				t.Fatalf("%d findings: %v; want %d", len(findings), findings, len(c.want))
			}
			for i, want := range c.want {
				if !strings.HasPrefix(findings[i].String(), want) {
					t.Errorf("finding %d is %q, want one that begins with %q", i, findings[i], want)
				}
			}
		})
	}
}

// TestLineOfAFindingHasWhatIsMeant, for lists in many forms: the key of each fault is one that occurs once.
func TestLineOfAFindingHasWhatIsMeant(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // the same lists in each run
	found := 0
	for range 60 {
		var list strings.Builder
		for i := range 1 + random.IntN(6) {
			bad := fmt.Sprintf("imagf%d", i)
			switch random.IntN(6) {
			case 0:
				fmt.Fprintf(&list, "- {name: t%d, gateway: {serverDnsNames: [], %s: x}}\n", i, bad)
			case 1:
				fmt.Fprintf(&list, "- name: t%d\n  gateway:\n    %s: x\n    serverDnsNames: []\n", i, bad)
			case 2:
				fmt.Fprintf(&list, "# é\n-\n  gateway: {\n    serverDnsNames: [],\n\n    %q: x }\n  name: 't%d'\n", bad, i)
			case 3:
				fmt.Fprintf(&list, "- gateway:\n    config: |2\n       # a\n\n       # b\n    ? %s\n    : x\n    serverDnsNames:\n    - a.example.com\n  name: t%d\n", bad, i)
			case 4:
				fmt.Fprintf(&list, "- name: >-\n    t%d\n  gateway:\n    config: \"# a\n      b\\\n      c\"\n    serverDnsNames: []\n    %s:\n      - x\n", i, bad)
			case 5:
				fmt.Fprintf(&list, "- &a%d\n  name: t%d\n  gateway: {<<: {%s: 1}, serverDnsNames: []}\n\n", i, i, bad)
			}
		}
		indented := "    " + strings.ReplaceAll(strings.TrimSuffix(list.String(), "\n"), "\n", "\n    ") + "\n"
		for form, text := range map[string]string{
			"bare": list.String(), "a second document": "---\n\n---\n" + list.String(), "a ConfigMap": configHead + "  namespaces: |\n" + indented,
			"with an indentation": "\n# x\n" + configHead + "  namespaces: |2+\n" + indented, "quoted": configHead + "  namespaces: " + strconv.QuoteToASCII(list.String()) + "\n",
			"on Windows": strings.ReplaceAll(configHead+"  namespaces: |\n"+indented, "\n", "\r\n"),
		} {
			lines := strings.Split(text, "\n")
			_, findings := findingsIn(t, text)
			if len(findings) == 0 {
				t.Errorf("%s: nothing is found in\n%s", form, text)
			}
			for _, finding := range findings {
				found++
				key := regexp.MustCompile(`imagf\d`).FindString(finding.Message)
				if line := lines[finding.Line-1]; key == "" || !strings.Contains(line, key) {
					t.Errorf("%s: %q is about line %q of\n%s", form, finding, line, text)
				}
			}
		}
	}
	t.Log(found, "findings")
}

// goTerms are words of Go and its decoders that users cannot know.
var goTerms = regexp.MustCompile(`\[\]string|map\[|interface|struct|cannot unmarshal|json:|yaml:|v1alpha1\.|metav1|\*[a-z]+\.|<nil>|int64|float64|unmarshal|%!|Go `)

// TestMessagesNameNoGoTypes gives values of all types to each field of the API, in an entry and in a GatewayTenant.
func TestMessagesNameNoGoTypes(t *testing.T) {
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(crd.GatewayTenants, &definition); err != nil {
		t.Fatal(err)
	}
	checked := 0
	check := func(text, name string) {
		t.Helper()
		_, findings := findingsIn(t, text)
		for _, finding := range findings {
			if checked++; goTerms.MatchString(finding.Message) || strings.ContainsFunc(finding.String(), unicode.IsControl) {
				t.Errorf("%s: %s\n%s", name, finding, text)
			}
		}
	}
	values := []string{"7", "1.5", "text", "''", "true", "[]", "[[]]", "[7]", "[{}]", "{}", "{a: b}", "{7: b}", "~", ".inf", "2026-12-01", "!!binary aGk=", "!x y", "{<<: 7}", "\"\\e[31m\"", "{\"\\e[31m\": 7}"}
	var walk func(schema apiextensionsv1.JSONSchemaProps, name string, wrap func(string) string)
	walk = func(schema apiextensionsv1.JSONSchemaProps, name string, wrap func(string) string) {
		for _, value := range values {
			text := wrap(value)
			check(tenantHead+"spec: "+text+"\n", name)
			check("- {name: a, gateway: "+text+"}\n", name)
		}
		for _, field := range slices.Sorted(maps.Keys(schema.Properties)) {
			walk(schema.Properties[field], name+"."+field, func(value string) string { return wrap("{" + field + ": " + value + "}") })
		}
		if schema.Items != nil {
			walk(*schema.Items.Schema, name+"[]", func(value string) string { return wrap("[" + value + "]") })
		}
	}
	walk(definition.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"], "spec", func(value string) string { return value })
	for _, value := range values {
		check("- "+value+"\n", "an entry")
		check("- {name: "+value+", gateway: {serverDnsNames: []}}\n", "name")
		check("- {name: a, "+value+": {}}\n", "a key")
		check(configHead+"  namespaces: "+value+"\n", "the list")
		check(strings.Replace(configHead, "data:\n", "data: "+value+"\n", 1), "data")
		check(strings.Replace(tenantHead, "{name: openshell-gateway, namespace: a}", value, 1), "metadata")
		check(strings.Replace(tenantHead, "namespace: a", "namespace: a, annotations: "+value, 1), "annotations")
		check(strings.Replace(tenantHead, "namespace: a", "namespace: "+value, 1), "namespace")
	}
	if checked < 1000 {
		t.Errorf("only %d messages", checked)
	}
}

// TestLargeListIsAppliedOnTheServerSide: kubectl apply keeps a copy of an object in an annotation, which is limited to 256 KiB.
func TestLargeListIsAppliedOnTheServerSide(t *testing.T) {
	for size, noted := range map[int]bool{200 << 10: false, 300 << 10: true} {
		input, _ := findingsIn(t, configHead+"  namespaces: |\n    #"+strings.Repeat("a", size)+"\n    []\n")
		if is := len(input.Notes) == 1 && strings.Contains(input.Notes[0], "kubectl apply --server-side"); is != noted {
			t.Errorf("%d bytes: the notes are %q", size, input.Notes)
		}
	}
}

// TestNamespacesThatAreNotWatchedAreRejected, as by the operator with the same flag.
func TestNamespacesThatAreNotWatchedAreRejected(t *testing.T) {
	settings, err := ReadSettings(t.Context(), nil, map[string]string{"watch-namespaces": "b"})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{tenantHead, "- {name: a, gateway: {serverDnsNames: []}}\n"} {
		for namespace, accepted := range map[string]bool{"a": false, "b": true} {
			text := strings.NewReplacer("namespace: a", "namespace: "+namespace, "name: a,", "name: "+namespace+",").Replace(text)
			input, err := Files([]string{"-"}, strings.NewReader(text), "", settings.Options.ConfigMaps())
			if err != nil {
				t.Fatal(err)
			}
			findings, err := Validate(input, settings)
			if err != nil || accepted != (len(findings) == 0) || !accepted && !strings.Contains(findings[0].Message, "--watch-namespaces") {
				t.Errorf("%s: %v, %v", text, findings, err)
			}
		}
	}
}

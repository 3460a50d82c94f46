package plugin

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	gatewayplan "github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden runs a function on each testdata/<folder>/*.in.yaml, and compares what it writes with *.out.txt.
func golden(t *testing.T, folder string, of func(t *testing.T, file string) string) {
	t.Helper()
	files, err := filepath.Glob("testdata/" + folder + "/*.in.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".in.yaml"), func(t *testing.T) {
			got, name := of(t, file), strings.TrimSuffix(file, ".in.yaml")+".out.txt"
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got; rewrite with make golden:\n%s", diff)
			}
		})
	}
}

// offline are the settings and the files, as without a cluster.
func offline(t *testing.T, file string) (Settings, Input) {
	t.Helper()
	settings, err := ReadSettings(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	input, err := Files([]string{file}, nil, "default", settings.Options.ConfigMaps())
	if err != nil {
		t.Fatal(err)
	}
	return settings, input
}

func TestValidateTellsFileLineFieldAndWayOut(t *testing.T) {
	golden(t, "validate", func(t *testing.T, file string) string {
		settings, input := offline(t, file)
		findings, err := Validate(input, settings)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for _, finding := range findings {
			fmt.Fprintln(&text, finding)
		}
		fmt.Fprintln(&text, input.Checked(settings.Platform), "checked,", len(findings), "found")
		return text.String()
	})
}

func TestSamplesAreAccepted(t *testing.T) {
	files, err := filepath.Glob("../../config/samples/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range files {
		if filepath.Base(file) == "kustomization.yaml" {
			continue
		}
		settings, input := offline(t, file)
		findings, err := Validate(input, settings)
		if err != nil || len(findings) > 0 {
			t.Errorf("%s: %v, %v", file, findings, err)
		}
		checked += input.Checked(settings.Platform)
	}
	if checked == 0 {
		t.Error("there is no sample")
	}
}

func TestDirectoryStandsForItsFiles(t *testing.T) {
	const samples = "../../config/samples"
	_, of := offline(t, samples)
	_, one := offline(t, samples+"/gatewaytenant.yaml")
	if len(of.Tenants) < len(one.Tenants) || len(of.Configs) == 0 {
		t.Errorf("%d GatewayTenants and %d ConfigMaps are in the directory of the samples", len(of.Tenants), len(of.Configs))
	}
	if _, err := Files([]string{t.TempDir()}, nil, "", entries.ConfigMaps{}); err == nil || !strings.Contains(err.Error(), "no file with the extension .yaml or .yml or .json is in this directory") {
		t.Errorf("an empty directory: %v", err)
	}
}

func TestPlanOffline(t *testing.T) {
	golden(t, "plan", func(t *testing.T, file string) string {
		settings, input := offline(t, file)
		plan, err := Planner{Settings: settings}.Plan(t.Context(), input)
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		var text bytes.Buffer
		plan.Text(&text, Plain)
		fmt.Fprintln(&text, "exit code", plan.ExitCode())
		return text.String()
	})
}

func TestTreeOfATenant(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	golden(t, "status", func(t *testing.T, file string) string {
		status := statusIn(t, file, now)
		var text bytes.Buffer
		Tree(&text, []Status{status}, Plain, now)
		Tree(&text, []Status{status}, Colours, now)
		if err := WriteAs(&text, "yaml", status); err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(text.String(), "\x1b", "␛")
	})
}

// statusIn is the status of the tenant in a file, with the objects beside it.
func statusIn(t *testing.T, file string, now time.Time) Status {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	live := observe.Snapshot{Secrets: map[string]*corev1.Secret{}, Unreadable: []string{"RoleBinding"}}
	var pod *corev1.Pod
	for _, document := range (&fileReader{into: &Input{}}).split(string(text)) {
		value, err := document.value()
		if err != nil {
			t.Fatal(err)
		}
		fields, is := value.(map[string]any)
		if !is {
			continue // an empty document
		}
		object := &unstructured.Unstructured{Object: fields}
		if object.GetKind() == "Pod" {
			pod = &corev1.Pod{}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, pod); err != nil {
				t.Fatal(err)
			}
			continue
		}
		live.Objects = append(live.Objects, object)
	}
	tenant, err := typed(live.Objects[0])
	if err != nil {
		t.Fatal(err)
	}
	return StatusOf(tenant, live, pod, now)
}

func TestPlanForPeople(t *testing.T) {
	plan := Plan{
		Tenants: []Outcome{
			{Namespace: "a", Action: Changed, Spec: []string{`spec.image: "x:1" → "x:2"`}, Restart: []string{"the image changes from x:1 to x:2"}, Objects: []Change{{Kind: "StatefulSet", Name: "openshell-gateway", Action: gatewayplan.Update, Fields: []string{"spec.template"}}}},
			{Namespace: "b", Action: Changed, Certificates: []string{"Secret openshell-server-tls lacks b.example.com"}},
			{Namespace: "c", Action: Removed, Message: "its volume claim stays"},
			{Namespace: "d", Action: Made},
			{Namespace: "e", Action: Unchanged},
			{Namespace: "f", Action: Unchanged, Unknown: true, Notes: []string{"StatefulSet cannot be read"}},
		},
		Notes: []string{"the settings are those of the flags"},
	}
	var text bytes.Buffer
	plan.Text(&text, Plain)
	want := `~ a changed, restarts once
    spec     image: "x:1" → "x:2"
    restart  the image changes from x:1 to x:2
    objects  StatefulSet openshell-gateway
~ b changed, certificates made anew
    renew    Secret openshell-server-tls lacks b.example.com
- c removed: its volume claim stays
+ d made
= f unchanged, as far as can be seen
    note     StatefulSet cannot be read
note: the settings are those of the flags
Plan: 1 made, 2 changed, 1 removed, 2 unchanged; 1 restart, 1 gateway with new certificates.
`
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Error(diff)
	}
	text.Reset()
	plan.Text(&text, Colours)
	if !strings.Contains(text.String(), "\x1b[31m- c\x1b[0m removed") {
		t.Errorf("no colours in %q", text.String())
	}
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		what     string
		tenants  []Outcome
		problems []string
		want     int
	}{
		{"nothing changes", []Outcome{{Action: Unchanged}, {Action: Kept}}, nil, ExitUnchanged},
		{"one is made", []Outcome{{Action: Made}, {Action: Unchanged}}, nil, ExitChanges},
		{"one changes and goes on", []Outcome{{Action: Changed}}, nil, ExitChanges},
		{"one restarts", []Outcome{{Action: Changed, Restart: []string{"why"}}, {Action: Made}}, nil, ExitRestarts},
		{"one is removed", []Outcome{{Action: Removed}, {Action: Made}}, nil, ExitRestarts},
		{"one is refused, and another removed", []Outcome{{Action: Removed}, {Action: Refused}}, nil, ExitRefused},
		{"of one it cannot be known", []Outcome{{Action: Changed, Unknown: true}, {Action: Made}}, nil, ExitRefused},
		{"one stays as it is, as far as is known", []Outcome{{Action: Unchanged, Unknown: true}}, nil, ExitRefused},
		{"one is held", []Outcome{{Action: Held}}, nil, ExitRefused},
		{"a list cannot be read", nil, []string{"is empty"}, ExitRefused},
	} {
		t.Run(c.what, func(t *testing.T) {
			if got := (Plan{Tenants: c.tenants, Problems: c.problems}).ExitCode(); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

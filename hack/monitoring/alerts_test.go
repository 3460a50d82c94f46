package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

// TestAlertsFireWhenTheyShould has promtool check the rules, and try each on series that are written for it.
func TestAlertsFireWhenTheyShould(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed; Debian has it in the package prometheus") // make test-unit says so, too
	}
	groups, _ := alerts(t)
	rules, err := yaml.JSONToYAML(groups)
	if err != nil {
		t.Fatal(err)
	}
	cases, err := os.ReadFile("testdata/alerts.test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string][]byte{"alerts.yaml": rules, "alerts.test.yaml": cases} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"check", "rules", "--lint=all", "--lint-fatal", "alerts.yaml"}, {"test", "rules", "alerts.test.yaml"}} {
		command := exec.CommandContext(t.Context(), promtool, args...)
		command.Dir = dir
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// TestEveryAlertIsTriedAndExplained: by the cases for promtool, and by a section of the page that its runbook_url names.
func TestEveryAlertIsTriedAndExplained(t *testing.T) {
	cases, err := os.ReadFile("testdata/alerts.test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rules := alerts(t)
	for _, rule := range rules {
		if !strings.Contains(string(cases), rule.Alert) {
			t.Errorf("no case lets %s fire", rule.Alert)
		}
		if !strings.Contains(string(page), "\n### "+rule.Alert+"\n") {
			t.Errorf("docs/troubleshooting.md has no section ### %s", rule.Alert)
		}
		if url := rule.Annotations["runbook_url"]; !strings.HasSuffix(url, "/docs/troubleshooting.md#"+strings.ToLower(rule.Alert)) {
			t.Errorf("%s: the runbook is %s", rule.Alert, url)
		}
		if severity := rule.Labels["severity"]; severity != "critical" && severity != "warning" {
			t.Errorf("%s: the severity is %q", rule.Alert, severity)
		}
	}
}

// TestObjectsOfPrometheusOperator: kubectl's own check of these is only there where their CRDs are installed.
func TestObjectsOfPrometheusOperator(t *testing.T) {
	for file, object := range map[string]any{
		"rules.yaml":          &monitoringv1.PrometheusRule{},
		"servicemonitor.yaml": &monitoringv1.ServiceMonitor{},
	} {
		t.Run(file, func(t *testing.T) {
			text, err := os.ReadFile(configDir + file)
			if err != nil {
				t.Fatal(err)
			}
			if err := yaml.UnmarshalStrict(text, object); err != nil {
				t.Error(err)
			}
		})
	}
}

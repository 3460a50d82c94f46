package plugin

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConvertTextsOfObjects(t *testing.T) {
	golden(t, "convert", func(t *testing.T, file string) string {
		settings, err := ReadSettings(t.Context(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		all, findings, err := Convert([]string{file}, nil, "default", settings.Options.ConfigMaps())
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		WriteConversions(&text, all)
		for _, conversion := range all {
			for _, note := range conversion.Notes {
				fmt.Fprintln(&text, note)
			}
		}
		for _, finding := range findings {
			fmt.Fprintln(&text, finding)
		}
		return text.String()
	})
}

// TestConvertAFileThatIsAText: if its name does not tell a text from files with objects, its content does.
func TestConvertAFileThatIsAText(t *testing.T) {
	settings, err := ReadSettings(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	for i, c := range []struct{ name, text, converted, wrong string }{
		{"-", "[openshell]\nversion = 1", "[openshell]\nversion = 2\n", ""},
		{"-", "", "", ""},
		{"a.toml", "openshell.version = 1\n", "openshell.version = 2\n", ""},
		{"config", "openshell.gateway.log_level = 'info'", "openshell.gateway.log_level = 'info'\n", ""},
		{"-", "\ufeff# a\n\n[[openshell.gateway.interceptors]] # b", "", "interceptors[0].name is missing"},
		{"a.toml", "openshell.version = \n", "", "a.toml:1: is not TOML in line 1"},
		{"-", "[openshell]\nversion = \n", "", "stdin:1: is not TOML in line 2"},
		{"config", "openshell.gateway.log_level = info\n", "", "config:1: is not TOML in line 1"},
		{"-", "- name: [a\n", "", "stdin:1: is not YAML"},
		{"-", "{\"kind\": \"GatewayTenant\"", "", "stdin:1: is not YAML"},
		{"-", "a: b", "", "no GatewayTenant, no ConfigMap platform-config"},
		{"a.yaml", "# nothing", "", "no GatewayTenant, no ConfigMap platform-config"},
		{"missing", "", "", "no such file"},
	} {
		name := c.name
		if name != "-" {
			name = filepath.Join(directory, fmt.Sprint(i)+c.name)
		}
		if name != "-" && c.name != "missing" {
			if err := os.WriteFile(name, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		all, findings, err := Convert([]string{name}, strings.NewReader(c.text), "default", settings.Options.ConfigMaps())
		if c.wrong != "" {
			if listed := fmt.Sprint(err, findings, notesOf(all)); !strings.Contains(listed, c.wrong) || len(findings) > 1 {
				t.Errorf("%s %q: %s, want %q", c.name, c.text, listed, c.wrong)
			}
			continue
		}
		var written bytes.Buffer
		WriteConversions(&written, all)
		if err != nil || len(findings) > 0 || written.String() != c.converted {
			t.Errorf("%s %q becomes %q (%v, %v), want %q", c.name, c.text, written.String(), findings, err, c.converted)
		}
	}
}

func notesOf(all []Conversion) (notes []ConversionNote) {
	for _, conversion := range all {
		notes = append(notes, conversion.Notes...)
	}
	return notes
}

// TestConvertADirectory: it may have texts, objects and other manifests.
func TestConvertADirectory(t *testing.T) {
	settings, err := ReadSettings(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	const tenant = "apiVersion: openshell.ambient-code.io/v1alpha1\nkind: GatewayTenant\nmetadata: {name: openshell-gateway, namespace: tenant-a}\nspec: {config: 'openshell.version = 1'}\n"
	for _, c := range []struct {
		what  string
		files map[string]string
		want  string
	}{
		{"an unrelated manifest and a text", map[string]string{"service.yaml": "apiVersion: v1\nkind: Service\n", "a.toml": "openshell.version = 1\n"}, "openshell.version = 2\n"},
		{"an unrelated manifest and a GatewayTenant", map[string]string{"service.yaml": "apiVersion: v1\nkind: Service\n", "tenant.yml": tenant}, "# GatewayTenant tenant-a/openshell-gateway\nopenshell.version = 2\n"},
		{"a comment and a GatewayTenant", map[string]string{"a.yaml": "# nothing\n", "tenant.yml": tenant}, "# GatewayTenant tenant-a/openshell-gateway\nopenshell.version = 2\n"},
		{"unrelated manifests only", map[string]string{"service.yaml": "apiVersion: v1\nkind: Service\n"}, "no GatewayTenant"},
		{"other files only", map[string]string{"README.md": "a"}, "no file with the extension .toml or .yaml or .yml or .json"},
	} {
		directory := t.TempDir()
		for name, text := range c.files {
			if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		all, findings, err := Convert([]string{directory}, nil, "default", settings.Options.ConfigMaps())
		var written bytes.Buffer
		WriteConversions(&written, all)
		if err != nil {
			written.WriteString(err.Error())
		}
		if len(findings) > 0 || !strings.Contains(written.String(), c.want) {
			t.Errorf("%s: %q (%v), want %q", c.what, written.String(), findings, c.want)
		}
	}
}

// TestConvertReadsSandboxTokens: a gateway without token keys cannot have gateway_jwt.
func TestConvertReadsSandboxTokens(t *testing.T) {
	settings, err := ReadSettings(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	const spec = "{config: 'openshell.gateway.gateway_jwt.ttl_secs = 60', sandboxTokens: "
	for text, decision := range map[string]bool{
		"apiVersion: openshell.ambient-code.io/v1alpha1\nkind: GatewayTenant\nmetadata: {name: openshell-gateway}\nspec: " + spec + "Disabled}": true,
		"apiVersion: openshell.ambient-code.io/v1alpha1\nkind: GatewayTenant\nmetadata: {name: openshell-gateway}\nspec: " + spec + "Enabled}":  false,
		"- name: tenant-a\n  gateway: " + spec + "Disabled}": true,
		"- name: tenant-a\n  gateway: " + spec + "Enabled}":  false,
	} {
		all, findings, err := Convert([]string{"-"}, strings.NewReader(text), "default", settings.Options.ConfigMaps())
		if notes := notesOf(all); err != nil || len(findings) > 0 || len(all) != 1 || (len(notes) > 0) != decision {
			t.Errorf("%s: %v (%v, %v)", text, notes, findings, err)
		}
	}
}

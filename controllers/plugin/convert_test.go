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

// TestConvertAFileThatIsAText: it is told from files with objects by its content, so its name and standard input do not matter.
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
		{"a.toml", "openshell.version = \n", "", "a.toml: is not TOML in line 1"},
		{"-", "a: b", "", "stdin: no GatewayTenant, no ConfigMap platform-config"},
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
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s %q: %v, want %q", c.name, c.text, err, c.wrong)
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

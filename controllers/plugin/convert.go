package plugin

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	"github.com/ambient-code/gatewaytenant-operator/manifests/gatewaytoml"
)

// Conversion is a text of gateway.toml that was converted to schema version 2.
type Conversion struct {
	// File is where the text is.
	File string
	// Object is what has the text. It is empty if the file is the text.
	Object string
	// Text is the converted text.
	Text string
	// Notes are what was dropped, and what to do.
	Notes []ConversionNote
}

// ConversionNote is a note about a conversion, with its place in a file.
type ConversionNote struct {
	Finding
	// Decision is set if the user has to decide or to do something before a gateway can run with the text.
	Decision bool
}

func (n ConversionNote) String() string {
	if n.Decision {
		return "decide: " + n.Finding.String()
	}
	return "note: " + n.Finding.String()
}

// Convert converts the texts of gateway.toml in files: files that are such a text, the spec.config of GatewayTenants, and that of
// each entry of a ConfigMap. The names are those of [Files]. The findings are what cannot be read or converted.
func Convert(names []string, in io.Reader, namespace string, configMaps entries.ConfigMaps) (all []Conversion, findings []Finding, err error) {
	files, err := filesOf(names)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range files {
		text, err := readFile(name, in)
		if err != nil {
			return nil, nil, err
		}
		converted, found, err := convertFile(name, text, namespace, configMaps)
		if err != nil {
			return nil, nil, err
		}
		all, findings = append(all, converted...), append(findings, found...)
	}
	return all, findings, nil
}

// convertFile converts what a file has. A file is a text of gateway.toml if it is TOML, which files with objects are not.
func convertFile(name string, text []byte, namespace string, configMaps entries.ConfigMaps) ([]Conversion, []Finding, error) {
	shown := name
	if name == "-" {
		shown = "stdin"
	}
	c := converter{}
	notTOML := c.text(Conversion{File: shown}, string(text), func(line int, message string) Finding { return Finding{File: shown, Line: line, Message: message} })
	if notTOML == nil {
		return c.all, nil, nil
	}
	if filepath.Ext(name) == ".toml" {
		return nil, nil, fmt.Errorf("%s: %w", shown, notTOML)
	}
	input, err := Files([]string{"-"}, bytes.NewReader(text), namespace, configMaps) // which was read already
	if err != nil {
		return nil, nil, fmt.Errorf("%s: no GatewayTenant, no ConfigMap %s and no list of its entries is in it, and it is not a text of gateway.toml either: %w", shown, configMaps.First.Name, notTOML)
	}
	input.setFile(shown)
	if len(input.Tenants)+len(input.Configs) == 0 {
		c.findings = append(c.findings, Finding{File: shown, Line: 1, Message: "it is not a text of gateway.toml either: " + notTOML.Error()})
	}
	for _, tenant := range input.Tenants {
		c.tenant(tenant)
	}
	for _, config := range input.Configs {
		c.config(config)
	}
	return c.all, append(input.Findings, c.findings...), nil
}

// setFile sets the file that an input is from.
func (i *Input) setFile(name string) {
	for j := range i.Tenants {
		i.Tenants[j].File = name
	}
	for j := range i.Configs {
		i.Configs[j].File = name
	}
	for j := range i.Findings {
		i.Findings[j].File = name
	}
}

// converter collects conversions.
type converter struct {
	all      []Conversion
	findings []Finding
}

// text converts a text. Where returns where a line of it is.
func (c *converter) text(conversion Conversion, text string, where func(line int, message string) Finding) error {
	converted, notes, err := gatewaytoml.Convert(text)
	if err != nil {
		return errors.New(strings.TrimLeft(strings.TrimPrefix(err.Error(), "spec.config"), ", ")) // where names the field
	}
	conversion.Text = converted
	for _, note := range notes {
		conversion.Notes = append(conversion.Notes, ConversionNote{where(note.Line, note.Message), note.Decision})
	}
	c.all = append(c.all, conversion)
	return nil
}

// tenant converts the spec.config of a GatewayTenant.
func (c *converter) tenant(tenant TenantInput) {
	node := entries.Child(entries.Child(tenant.node, "spec"), "config")
	c.node(Conversion{File: tenant.File, Object: tenant.name()}, node, func(line int, message string) Finding {
		return Finding{tenant.File, line, tenant.name(), "spec.config: " + message}
	})
}

// config converts the config of each entry of a ConfigMap, also of those that the operator refuses.
func (c *converter) config(config ConfigInput) {
	items, err := entries.Items(config.Config)
	if err != nil {
		c.findings = append(c.findings, Finding{File: config.File, Line: config.Line, Message: err.Error()})
		return
	}
	for i, item := range items {
		namespace := textAt(item, "name")
		of := Conversion{File: config.File, Object: fmt.Sprintf("entry %d (namespace %q)", i, namespace)}
		c.node(of, entries.Child(entries.Child(item, "gateway"), "config"), func(line int, message string) Finding {
			return config.finding(i, namespace, entries.Fault{Line: line, Message: "gateway.config: " + message})
		})
	}
}

// node converts the text of a YAML node. A text that is written as a block has its lines in the file.
func (c *converter) node(of Conversion, node *yaml.Node, where func(line int, message string) Finding) {
	if node == nil || node.Kind != yaml.ScalarNode {
		return
	}
	err := c.text(of, node.Value, func(line int, message string) Finding {
		if node.Style&yaml.LiteralStyle != 0 {
			return where(node.Line+line, message)
		}
		return where(node.Line, fmt.Sprintf("line %d: %s", line, message))
	})
	if err != nil {
		c.findings = append(c.findings, where(node.Line, err.Error()))
	}
}

// WriteConversions writes converted texts. A comment before each says whose it is, unless a file is the only text.
func WriteConversions(out io.Writer, all []Conversion) {
	for i, conversion := range all {
		if i > 0 {
			fmt.Fprintln(out)
		}
		if of := cmp.Or(conversion.Object, conversion.File); conversion.Object != "" || len(all) > 1 {
			fmt.Fprintln(out, "#", message.StripControls(of))
		}
		fmt.Fprint(out, conversion.Text)
		if text := conversion.Text; text != "" && text[len(text)-1] != '\n' {
			fmt.Fprintln(out)
		}
	}
}

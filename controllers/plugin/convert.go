package plugin

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
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
// each entry of a ConfigMap. The names are those of [Files], and directories may have .toml files as well. The findings are what
// cannot be read or converted. The error is about files that cannot be opened, or that have none of this.
func Convert(names []string, in io.Reader, namespace string, configMaps entries.ConfigMaps) ([]Conversion, []Finding, error) {
	files, err := filesOf(names, ".toml", ".yaml", ".yml", ".json")
	if err != nil {
		return nil, nil, err
	}
	c := converter{}
	var objects []string
	var fromStdin []byte
	for _, name := range files {
		text, err := readFile(name, in)
		if err != nil {
			return nil, nil, err
		}
		if isTOML(name, string(text)) {
			c.file(shownName(name), string(text))
			continue
		}
		objects = append(objects, name)
		if name == "-" {
			fromStdin = append(fromStdin, text...)
		}
	}
	input, err := readFiles(objects, bytes.NewReader(fromStdin), namespace, configMaps)
	if err != nil {
		return nil, nil, err
	}
	for _, tenant := range input.Tenants {
		c.tenant(tenant)
	}
	for _, config := range input.Configs {
		c.config(config)
	}
	c.findings = append(input.Findings, c.findings...)
	if len(c.all)+len(c.findings)+len(input.Tenants)+len(input.Configs) == 0 {
		return nil, nil, fmt.Errorf("%s: no GatewayTenant, no ConfigMap %s, no list of its entries and no text of gateway.toml is in it; give one of these with -f", strings.Join(names, ", "), configMaps.First.Name)
	}
	return c.all, c.findings, nil
}

// isTOML reports whether a file is a text of gateway.toml, even one with a syntax error. If the name does not tell, the content does.
func isTOML(name, text string) bool {
	switch filepath.Ext(name) {
	case ".toml":
		return true
	case ".yaml", ".yml", ".json":
		return false
	}
	for line := range strings.Lines(strings.TrimPrefix(text, entries.ByteOrderMark)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return tomlStatement.MatchString(line)
		}
	}
	return true
}

// tomlStatement matches a line with a header or a key of TOML, and no line with which a document of YAML or JSON with objects begins.
var tomlStatement = regexp.MustCompile(`^(\[\[?[-\w."' \t]+\]\]?[ \t]*(#.*)?|[-\w."' \t]+=.*)$`)

// converter collects conversions.
type converter struct {
	all      []Conversion
	findings []Finding
}

// file converts a file that is a text.
func (c *converter) file(name, text string) {
	where := func(line int, message string) Finding { return Finding{File: name, Line: line, Message: message} }
	if err := c.text(Conversion{File: name}, text, true, where); err != nil {
		c.findings = append(c.findings, where(1, err.Error()))
	}
}

// text converts a text. Tokens reports whether the gateway issues tokens to sandboxes, and where returns where a line of the text is.
func (c *converter) text(conversion Conversion, text string, tokens bool, where func(line int, message string) Finding) error {
	converted, notes, err := gatewaytoml.Convert(text, tokens)
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
	tokens := hasTokens(entries.Child(tenant.node, "spec"))
	c.node(Conversion{File: tenant.File, Object: tenant.name()}, node, tokens, func(line int, message string) Finding {
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
		gateway := entries.Child(item, "gateway")
		c.node(of, entries.Child(gateway, "config"), hasTokens(gateway), func(line int, message string) Finding {
			return config.finding(i, namespace, entries.Fault{Line: line, Message: "gateway.config: " + message})
		})
	}
}

// hasTokens reports whether a spec leaves the tokens of sandboxes enabled.
func hasTokens(spec *yaml.Node) bool {
	return textAt(spec, "sandboxTokens") != string(v1alpha1.SandboxTokensDisabled)
}

// node converts the text of a YAML node. A text that is written as a block has its lines in the file.
func (c *converter) node(of Conversion, node *yaml.Node, tokens bool, where func(line int, message string) Finding) {
	if node == nil || node.Kind != yaml.ScalarNode {
		return
	}
	err := c.text(of, node.Value, tokens, func(line int, message string) Finding {
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
		if conversion.Text != "" {
			fmt.Fprintln(out, strings.TrimSuffix(conversion.Text, "\n"))
		}
	}
}

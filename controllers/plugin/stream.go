package plugin

import (
	"encoding/json"
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	kyaml "sigs.k8s.io/yaml"

	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
)

// document is one document of a file.
type document struct {
	text   string
	before int // the number of lines before it
}

// parse returns the document with the lines of the file. It returns nil if the document has no value.
func (d document) parse() (*yaml.Node, error) {
	root, err := entries.Parse(d.text)
	if fault, is := errors.AsType[entries.Fault](err); is {
		fault.Line += d.before
		return nil, fault
	}
	if root != nil {
		moveDown(root, d.before)
	}
	return root, err
}

func moveDown(node *yaml.Node, lines int) {
	node.Line += lines
	for _, child := range node.Content {
		moveDown(child, lines)
	}
}

// value returns what kubectl makes of the document.
func (d document) value() (value any, err error) {
	text := []byte(d.text)
	if !isJSON(d.text) || !json.Valid(text) {
		if text, err = kyaml.YAMLToJSON(text); err != nil {
			return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
		}
	}
	return value, utiljson.Unmarshal(text, &value)
}

// isJSON reports whether kubectl takes a text for JSON.
func isJSON(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), "{") }

// split returns the documents of a file, as kubectl finds them: JSON objects one after the other, or YAML between lines of ---. A file
// that begins with one JSON object may go on as YAML.
func (r *fileReader) split(text string) []document {
	if !isJSON(text) {
		return r.splitYAML(text, 0)
	}
	var all []document
	decoder := json.NewDecoder(strings.NewReader(text))
	end := 0
	for {
		var object json.RawMessage
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil && len(all) > 1 {
			r.found(1+strings.Count(text[:end], "\n"), "is followed by text that is not JSON: %v", err)
			return all
		}
		if err != nil {
			rest := strings.TrimLeft(text[end:], " \t\r")
			return append(all, r.splitYAML(rest, strings.Count(text[:len(text)-len(rest)], "\n"))...)
		}
		end = int(decoder.InputOffset())
		all = append(all, document{string(object), strings.Count(text[:end-len(object)], "\n")})
	}
}

// splitYAML splits YAML that begins after some lines of the file.
func (r *fileReader) splitYAML(text string, line int) []document {
	var all []document
	var current strings.Builder
	before := line
	for one := range strings.Lines(text) {
		line++
		rest, is := strings.CutPrefix(one, "---")
		if !is {
			current.WriteString(one)
			continue
		}
		if rest = strings.TrimSpace(rest); rest != "" && !strings.HasPrefix(rest, "#") {
			r.found(line, "kubectl rejects a line that begins with --- and goes on; write the rest in the next line")
		}
		all = append(all, document{current.String(), before})
		current.Reset()
		before = line
	}
	return append(all, document{current.String(), before})
}

package plugin

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
)

// Finding is something that is wrong in a file.
type Finding struct {
	// File and Line, from 1, are where it is.
	File string `json:"file"`
	Line int    `json:"line"`
	// Object is what it is wrong with; empty: with the file.
	Object string `json:"object,omitempty"`
	// Message names the field, its value and the way out.
	Message string `json:"message"`
}

// String is how compilers tell of an error.
func (f Finding) String() string {
	text := fmt.Sprintf("%s:%d: ", f.File, f.Line)
	if f.Object != "" {
		text += f.Object + ": "
	}
	return text + f.Message
}

// Input is what files hold of GatewayTenants and of entries for them.
type Input struct {
	// Tenants are the GatewayTenants.
	Tenants []TenantInput
	// Configs are the ConfigMaps with entries. Their lists begin with as many empty lines as make the lines of what is said
	// of them those of the file.
	Configs []ConfigInput
	// Findings are what cannot be read.
	Findings []Finding
}

// TenantInput is a GatewayTenant in a file.
type TenantInput struct {
	File   string
	Object *unstructured.Unstructured
	node   *yaml.Node
}

// ConfigInput is a ConfigMap with entries, or a bare list of them, in a file.
type ConfigInput struct {
	File   string
	Line   int
	Config *corev1.ConfigMap
}

// Files reads files, and of directories the YAML and JSON files in them; - is in. Documents of other kinds are passed over.
// Namespace is that of GatewayTenants that name none, and configMaps identify those with entries; a bare list stands for the first one.
func Files(names []string, in io.Reader, namespace string, configMaps entries.ConfigMaps) (Input, error) {
	var input Input
	files, err := filesOf(names)
	if err != nil {
		return input, err
	}
	for _, name := range files {
		text, err := readFile(name, in)
		if err != nil {
			return input, err
		}
		if name == "-" {
			name = "stdin"
		}
		r := fileReader{&input, name, namespace, configMaps}
		for _, document := range documents(string(text)) {
			r.document(document)
		}
	}
	if len(input.Tenants)+len(input.Configs)+len(input.Findings) == 0 {
		return input, fmt.Errorf("%s: neither a GatewayTenant nor a ConfigMap %s nor a list of its entries is in it; give one of these with -f", strings.Join(names, ", "), configMaps.First.Name)
	}
	return input, nil
}

// filesOf puts the files that kubectl would read of a directory in its place.
func filesOf(names []string) ([]string, error) {
	var files []string
	for _, name := range names {
		entries, err := os.ReadDir(name)
		if err != nil { // no directory: reading the file tells what is wrong with it
			files = append(files, name)
			continue
		}
		before := len(files)
		for _, entry := range entries {
			if !entry.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(entry.Name())) {
				files = append(files, filepath.Join(name, entry.Name()))
			}
		}
		if len(files) == before {
			return nil, fmt.Errorf("%s: no YAML or JSON file is in this directory", name)
		}
	}
	return files, nil
}

func readFile(name string, in io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(name) //nolint:gosec // the file that the user names
}

// documents splits a text. Each is preceded by as many empty lines as make its lines those of the text.
func documents(text string) []string {
	var all []string
	var document strings.Builder
	line := 0
	for one := range strings.Lines(text) {
		if marker := strings.TrimRight(one, "\r\n"); marker == "---" || strings.HasPrefix(marker, "--- ") {
			all = append(all, document.String())
			document.Reset()
			document.WriteString(strings.Repeat("\n", line))
			one = strings.TrimPrefix(one, "---")
		}
		document.WriteString(one)
		line++
	}
	return append(all, document.String())
}

// fileReader reads the documents of one file.
type fileReader struct {
	into       *Input
	file       string
	namespace  string
	configMaps entries.ConfigMaps
}

func (r *fileReader) found(line int, format string, args ...any) {
	r.into.Findings = append(r.into.Findings, Finding{File: r.file, Line: line, Message: fmt.Sprintf(format, args...)})
}

// yamlLine is where a YAML parser says what is wrong.
var yamlLine = regexp.MustCompile(`line (\d+)`)

// lineIn is the line that an error names, or else another.
func lineIn(err error, other int) int {
	if at := yamlLine.FindStringSubmatch(err.Error()); at != nil {
		line, _ := strconv.Atoi(at[1])
		return line
	}
	return other
}

// Bounds on a document and on an object of it. Files hold lists of objects with their status, so these are higher than
// those on a list of entries.
const (
	maxValues     = 10 * entries.MaxValues
	maxObjectSize = 4 << 20
)

func (r *fileReader) document(text string) {
	if err := entries.CheckText(text, maxValues); err != nil {
		r.found(1+len(text)-len(strings.TrimLeft(text, "\n")), "%v; split it into several documents with lines of ---", err)
		return
	}
	var document yaml.Node
	err := yaml.NewDecoder(strings.NewReader(text)).Decode(&document)
	if errors.Is(err, io.EOF) {
		return
	}
	if err != nil {
		r.found(lineIn(err, 1), "is not YAML: %v", err)
		return
	}
	root := document.Content[0]
	if root.Kind == yaml.SequenceNode {
		config := &corev1.ConfigMap{Data: map[string]string{entries.Key: text}}
		config.Namespace, config.Name = r.configMaps.First.Namespace, r.configMaps.First.Name
		r.into.Configs = append(r.into.Configs, ConfigInput{r.file, root.Line, config})
		return
	}
	r.object(root)
}

// object takes what an object of a known kind says; of a list of objects, each.
func (r *fileReader) object(node *yaml.Node) {
	kind, version := textAt(node, "kind"), textAt(node, "apiVersion")
	group, _, _ := strings.Cut(version, "/")
	switch {
	case group == v1alpha1.GroupVersion.Group && kind == "GatewayTenant":
		r.tenant(node)
	case version == "v1" && kind == "ConfigMap":
		r.config(node)
	case strings.HasSuffix(kind, "List") && at(node, "items") != nil:
		for _, item := range at(node, "items").Content {
			r.object(item)
		}
	case group == v1alpha1.GroupVersion.Group:
		r.found(node.Line, "%q is not a kind of %s; write GatewayTenant", kind, group)
	}
}

func (r *fileReader) tenant(node *yaml.Node) {
	object, err := decode(node)
	if err != nil {
		r.found(lineIn(err, node.Line), "%v", err)
		return
	}
	if version := object.GetAPIVersion(); version != v1alpha1.GroupVersion.String() {
		r.found(node.Line, "apiVersion: %q is not a version that there is; write %s", version, v1alpha1.GroupVersion)
		return
	}
	if object.GetNamespace() == "" {
		object.SetNamespace(r.namespace)
	}
	r.into.Tenants = append(r.into.Tenants, TenantInput{r.file, object, node})
}

func (r *fileReader) config(node *yaml.Node) {
	object, err := decode(node)
	if err != nil {
		r.found(lineIn(err, node.Line), "%v", err)
		return
	}
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: object.GetName(), Namespace: object.GetNamespace(), Labels: object.GetLabels(), Annotations: object.GetAnnotations(),
	}}
	if !r.configMaps.HasEntries(config) {
		return
	}
	if config.Namespace == "" {
		config.Namespace = r.configMaps.First.Namespace
	}
	if list := at(node, "data", entries.Key); list != nil && list.Kind == yaml.ScalarNode {
		before := list.Line - 1
		if list.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			before++ // the list begins in the line after the one with the |
		}
		config.Data = map[string]string{entries.Key: strings.Repeat("\n", before) + list.Value}
	}
	r.into.Configs = append(r.into.Configs, ConfigInput{r.file, node.Line, config})
}

// decode makes an object of a node, with the types that JSON has.
func decode(node *yaml.Node) (*unstructured.Unstructured, error) {
	text, err := entries.ToJSON(node, maxObjectSize)
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{}
	return object, utiljson.Unmarshal(text, &object.Object)
}

func textAt(node *yaml.Node, path ...string) string {
	if found := at(node, path...); found != nil && found.Kind == yaml.ScalarNode {
		return found.Value
	}
	return ""
}

// at is what is at a path; nil: nothing.
func at(node *yaml.Node, path ...string) *yaml.Node {
	for _, step := range path {
		if node = entries.Child(node, step); node == nil {
			return nil
		}
	}
	return node
}

// lineOf is the line of a field, or else that of the nearest one around it that is there.
func lineOf(node *yaml.Node, field string) int {
	for _, step := range entries.Steps(field) {
		next := entries.Child(node, step)
		if next == nil {
			break
		}
		node = next
	}
	return node.Line
}

package plugin

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
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

// String returns the finding as compilers write errors, without characters that a terminal would execute.
func (f Finding) String() string {
	text := fmt.Sprintf("%s:%d: ", f.File, f.Line)
	if f.Object != "" {
		text += f.Object + ": "
	}
	return message.StripControls(text + f.Message)
}

// Input is what files hold of GatewayTenants and of entries for them.
type Input struct {
	// Tenants are the GatewayTenants.
	Tenants []TenantInput
	// Configs are the ConfigMaps with entries.
	Configs []ConfigInput
	// Findings are what cannot be read.
	Findings []Finding
	// Notes are hints about valid files.
	Notes []string
}

// TenantInput is a GatewayTenant in a file.
type TenantInput struct {
	File   string
	Object *unstructured.Unstructured
	node   *yaml.Node
}

// ConfigInput is a ConfigMap with entries, or a bare list of them, in a file.
type ConfigInput struct {
	File string
	// Line is where it begins.
	Line   int
	Config *corev1.ConfigMap
	// list is the line of the list. It is 0 if the list begins with as many empty lines as make its lines those of the file.
	list int
}

// Files reads files, and of directories the YAML and JSON files in them; - is in. Documents of other kinds are passed over.
// Namespace is that of GatewayTenants that name none, and configMaps identify those with entries; a bare list stands for the first one.
func Files(names []string, in io.Reader, namespace string, configMaps entries.ConfigMaps) (Input, error) {
	files, err := filesOf(names, ".yaml", ".yml", ".json")
	if err != nil {
		return Input{}, err
	}
	input, err := readFiles(files, in, namespace, configMaps)
	if err == nil && len(input.Tenants)+len(input.Configs)+len(input.Findings) == 0 {
		err = fmt.Errorf("%s: neither a GatewayTenant nor a ConfigMap %s nor a list of its entries is in it; give one of these with -f", strings.Join(names, ", "), configMaps.First.Name)
	}
	return input, err
}

// readFiles reads files that are not directories.
func readFiles(files []string, in io.Reader, namespace string, configMaps entries.ConfigMaps) (Input, error) {
	var input Input
	for _, name := range files {
		text, err := readFile(name, in)
		if err != nil {
			return input, err
		}
		r := fileReader{&input, shownName(name), strings.Split(string(text), "\n"), namespace, configMaps}
		for _, document := range r.split(string(text)) {
			r.document(document)
		}
	}
	return input, nil
}

// shownName returns the name of a file for messages.
func shownName(name string) string {
	if name == "-" {
		return "stdin"
	}
	return name
}

// filesOf replaces each directory by the files in it that have one of the extensions.
func filesOf(names []string, extensions ...string) ([]string, error) {
	var files []string
	for _, name := range names {
		entries, err := os.ReadDir(name)
		if err != nil { // no directory: reading the file tells what is wrong with it
			files = append(files, name)
			continue
		}
		before := len(files)
		for _, entry := range entries {
			if !entry.IsDir() && slices.Contains(extensions, filepath.Ext(entry.Name())) {
				files = append(files, filepath.Join(name, entry.Name()))
			}
		}
		if len(files) == before {
			return nil, fmt.Errorf("%s: no file with the extension %s is in this directory", name, strings.Join(extensions, " or "))
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

// fileReader reads the documents of one file.
type fileReader struct {
	into       *Input
	file       string
	lines      []string // of the file
	namespace  string
	configMaps entries.ConfigMaps
}

func (r *fileReader) found(line int, format string, args ...any) {
	r.into.Findings = append(r.into.Findings, Finding{File: r.file, Line: line, Message: fmt.Sprintf(format, args...)})
}

// failed adds a finding about an error that may name a line.
func (r *fileReader) failed(line int, what string, err error) {
	text := err.Error()
	if fault, is := errors.AsType[entries.Fault](err); is {
		line, text = fault.Line, fault.Message
	}
	r.found(line, "%s%s", what, text)
}

// Bounds on a document and on an object of it. Files hold lists of objects with their status, so these are higher than
// those on a list of entries.
const (
	maxValues     = 10 * entries.MaxValues
	maxObjectSize = 4 << 20
)

func (r *fileReader) document(d document) {
	first := d.before + 1
	if err := entries.CheckText(d.text, maxValues); err != nil {
		r.found(first, "%v; split it into several documents with lines of ---", err)
		return
	}
	root, err := d.parse()
	if err != nil {
		r.failed(first, "is not YAML: ", err)
		return
	}
	switch {
	case root == nil:
	case root.Kind == yaml.SequenceNode:
		config := &corev1.ConfigMap{Data: map[string]string{entries.Key: strings.Repeat("\n", d.before) + strings.TrimPrefix(d.text, entries.ByteOrderMark)}}
		config.Namespace, config.Name = r.configMaps.First.Namespace, r.configMaps.First.Name
		r.into.Configs = append(r.into.Configs, ConfigInput{File: r.file, Line: root.Line, Config: config})
	case r.concerns(root):
		value, err := d.value()
		if err != nil {
			if boundsErr := entries.CheckValue(root, maxObjectSize); boundsErr != nil {
				err = boundsErr
			}
			r.failed(root.Line, "kubectl cannot read this document: ", err)
			return
		}
		r.object(root, value)
	}
}

// concerns reports whether a document is of a kind that is read.
func (r *fileReader) concerns(root *yaml.Node) bool {
	kind, version := textAt(root, "kind"), textAt(root, "apiVersion")
	return kind == "ConfigMap" || strings.HasSuffix(kind, "List") || strings.HasPrefix(version, v1alpha1.GroupVersion.Group+"/")
}

// object reads an object of a known kind; of a list of objects, each. The value is what kubectl makes of the node.
func (r *fileReader) object(node *yaml.Node, value any) {
	fields, is := value.(map[string]any)
	if !is {
		return
	}
	object := &unstructured.Unstructured{Object: fields}
	kind, version := object.GetKind(), object.GetAPIVersion()
	group, _, _ := strings.Cut(version, "/")
	switch {
	case group == v1alpha1.GroupVersion.Group && kind == "GatewayTenant":
		r.tenant(node, object)
	case version == "v1" && kind == "ConfigMap":
		r.config(node, object)
	case strings.HasSuffix(kind, "List") && entries.Child(node, "items") != nil:
		items, _ := fields["items"].([]any)
		for i, item := range items {
			if child := entries.Child(entries.Child(node, "items"), strconv.Itoa(i)); child != nil {
				r.object(child, item)
			}
		}
	case group == v1alpha1.GroupVersion.Group:
		r.found(node.Line, "%q is not a kind of %s; write GatewayTenant", kind, group)
	}
}

// metadata are the fields of an object's metadata that are read.
type metadata struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// readable reports whether an object is within the bounds and its metadata has the right types. Otherwise, it adds findings.
func (r *fileReader) readable(node *yaml.Node, object *unstructured.Unstructured) bool {
	if err := entries.CheckValue(node, maxObjectSize); err != nil {
		r.failed(node.Line, "", err)
		return false
	}
	read := map[string]any{}
	given, is := object.Object["metadata"].(map[string]any)
	for _, field := range []string{"name", "namespace", "labels", "annotations"} {
		if value, there := given[field]; there {
			read[field] = value
		}
	}
	faults := entries.CheckTypes(node, read, reflect.TypeFor[metadata](), []string{"metadata"}, false)
	if _, there := object.Object["metadata"]; there && !is {
		faults = entries.CheckTypes(node, object.Object["metadata"], reflect.TypeFor[metadata](), []string{"metadata"}, false)
	}
	for _, fault := range faults {
		r.found(fault.Line, "%s", fault.Message)
	}
	return len(faults) == 0
}

func (r *fileReader) tenant(node *yaml.Node, object *unstructured.Unstructured) {
	if !r.readable(node, object) {
		return
	}
	if version := object.GetAPIVersion(); version != v1alpha1.GroupVersion.String() {
		r.found(node.Line, "apiVersion: %q is not a known version; write %s", version, v1alpha1.GroupVersion)
		return
	}
	if object.GetNamespace() == "" {
		object.SetNamespace(r.namespace)
	}
	r.into.Tenants = append(r.into.Tenants, TenantInput{r.file, object, node})
}

func textAt(node *yaml.Node, step string) string {
	if found := entries.Child(node, step); found != nil && found.Kind == yaml.ScalarNode {
		return found.Value
	}
	return ""
}

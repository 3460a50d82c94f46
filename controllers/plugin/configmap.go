package plugin

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
)

// config reads a ConfigMap if it is one with entries.
func (r *fileReader) config(node *yaml.Node, object *unstructured.Unstructured) {
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: object.GetName(), Namespace: object.GetNamespace(), Labels: object.GetLabels(), Annotations: object.GetAnnotations(),
	}}
	metadata, _ := object.Object["metadata"].(map[string]any)
	labels, _ := metadata["labels"].(map[string]any)
	_, isLabeled := labels[entries.LabelShard] // perhaps with a value of the wrong type
	if !r.configMaps.HasEntries(config) && !isLabeled || !r.readable(node, object) || !r.configMaps.HasEntries(config) {
		return
	}
	if config.Namespace == "" {
		config.Namespace = r.configMaps.First.Namespace
	}
	if config.Namespace != r.configMaps.First.Namespace {
		r.found(node.Line, "ConfigMap %s/%s is in a namespace whose ConfigMaps the operator does not read; move it to %s, or name the operator's namespace with --platform-namespace",
			config.Namespace, config.Name, r.configMaps.First.Namespace)
		return
	}
	input := ConfigInput{File: r.file, Line: node.Line, Config: config}
	data, _ := object.Object["data"].(map[string]any)
	if len(data) > 0 {
		config.Data = map[string]string{}
	}
	for key, value := range data {
		text, is := value.(string)
		if !is && key == entries.Key {
			r.found(entries.LineOf(node, []string{"data", key}), "data.%s is not a text, and the API server rejects it; write %s: | and the list below it, indented", key, key)
			return
		}
		config.Data[key] = text
	}
	if list := entries.Child(entries.Child(node, "data"), entries.Key); list != nil {
		text := strings.TrimPrefix(config.Data[entries.Key], entries.ByteOrderMark)
		before := list.Line - 1
		if list.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			before++ // the list begins in the line after the one with the |
		}
		if r.hasLines(text, before) {
			text = strings.Repeat("\n", before) + text
		} else {
			input.list = list.Line
		}
		config.Data[entries.Key] = text
	}
	r.into.Configs = append(r.into.Configs, input)
	const most = 256 << 10 // bytes of all annotations of an object, one of which kubectl apply writes
	if text, err := json.Marshal(object.Object); err == nil && len(text) > most {
		r.into.Notes = append(r.into.Notes, fmt.Sprintf("ConfigMap %s/%s is larger than 256 KiB: kubectl apply keeps a copy of it in an annotation, and the API server rejects one of that size; use kubectl apply --server-side -f %s",
			config.Namespace, config.Name, r.file))
	}
}

// hasLines reports whether the file has the lines of a text, each in a line of its own, after some lines. It does not if the text is
// written with escapes or folded.
func (r *fileReader) hasLines(text string, before int) bool {
	i := before
	for line := range strings.Lines(text) {
		if i >= len(r.lines) || !strings.Contains(r.lines[i], strings.TrimSpace(line)) {
			return false
		}
		i++
	}
	return true
}

// finding returns the finding about a fault of an entry.
func (c ConfigInput) finding(index int, namespace string, fault entries.Fault) Finding {
	entry := fmt.Sprintf("entry %d (namespace %q)", index, namespace)
	line := fault.Line
	if c.list > 0 {
		entry += fmt.Sprintf(", line %d of the list", line)
		line = c.list
	}
	return Finding{File: c.File, Line: line, Message: entry + ": " + fault.Message}
}

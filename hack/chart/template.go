package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// chart is what values can change, and what they are by default.
type chart struct {
	namespace string
	image     string
	replicas  int64
	resources map[string]any
	flags     map[string]any    // that are set
	known     []knownFlag       // that there are
	platform  map[string]string // entries of ConfigMaps
}

// keep is the annotation that makes Helm leave an object where it is when the release is uninstalled.
const keep = "helm.sh/resource-policy"

// newChart finds the defaults in the operator's objects, of which one is its Deployment.
func newChart(objects []*unstructured.Unstructured, known []knownFlag) (*chart, error) {
	c := &chart{known: known, platform: map[string]string{}}
	for _, object := range objects {
		if object.GetKind() != "Deployment" {
			continue
		}
		container, err := onlyContainer(object)
		if err != nil {
			return nil, err
		}
		c.namespace = object.GetNamespace()
		c.image, _ = container["image"].(string)
		c.replicas, _, _ = unstructured.NestedInt64(object.Object, "spec", "replicas")
		c.resources, _, _ = unstructured.NestedMap(container, "resources")
		c.known = slices.DeleteFunc(c.known, decided(container))
		args, _, _ := unstructured.NestedStringSlice(container, "args")
		if c.flags, err = flagsOf(args, c.known); err != nil {
			return nil, err
		}
	}
	if c.namespace == "" || c.image == "" {
		return nil, fmt.Errorf("config/%s has no Deployment with a namespace and an image", operator)
	}
	return c, nil
}

func onlyContainer(deployment *unstructured.Unstructured) (map[string]any, error) {
	containers, _, err := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "containers")
	if err != nil {
		return nil, err
	}
	if len(containers) != 1 {
		return nil, fmt.Errorf("the Deployment has %d containers instead of one", len(containers))
	}
	return containers[0].(map[string]any), nil
}

// template is a file of the chart: the objects of one kustomization. The namespace is Helm's to make.
func (c *chart) template(source string, objects []*unstructured.Unstructured) ([]byte, error) {
	var out bytes.Buffer
	fmt.Fprintf(&out, header, source)
	if source == monitoring {
		out.WriteString("{{- if .Values.monitoring.enabled }}\n")
	}
	for _, object := range objects {
		if object.GetKind() == "Namespace" {
			continue
		}
		object = object.DeepCopy()
		if source == before {
			annotations := object.GetAnnotations()
			if annotations == nil {
				annotations = map[string]string{}
			}
			annotations[keep] = "keep"
			object.SetAnnotations(annotations)
		}
		text, err := c.object(object)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
		out.WriteString("---\n" + text)
	}
	if source == monitoring {
		out.WriteString("{{- end }}\n")
	}
	return out.Bytes(), nil
}

// holes are the places of one object that a value decides. In the object stand their names, which are unlike anything
// that is there otherwise and need no quotes in YAML; in the text an action of the template takes the place of the name.
type holes map[string]string

func (h holes) make(action string) string {
	name := fmt.Sprintf("HOLE%dEND", len(h))
	h[name] = action
	return name
}

// object writes one object as a template.
func (c *chart) object(object *unstructured.Unstructured) (string, error) {
	h := holes{}
	if err := c.special(object, h); err != nil {
		return "", err
	}
	content, err := c.everywhere(object.Object, h)
	if err != nil {
		return "", err
	}
	text, err := yaml.Marshal(content)
	if err != nil {
		return "", err
	}
	template := strings.ReplaceAll(string(text), "{{", `{{ "{{" }}`) // what is there is text, not a template
	for name, action := range h {
		template = strings.Replace(template, name+": null", name, 1) // a field whose name is a value's, too
		template = strings.Replace(template, name, "{{ "+action+" }}", 1)
	}
	return template, nil
}

// special makes the holes of the Deployment and of ConfigMaps.
func (c *chart) special(object *unstructured.Unstructured, h holes) error {
	switch object.GetKind() {
	case "Deployment":
		container, err := onlyContainer(object)
		if err != nil {
			return err
		}
		container["args"] = h.make(`include "flags" .Values.flags`)
		container["resources"] = h.make("toJson .Values.resources")
		if err := unstructured.SetNestedField(object.Object, h.make("toJson .Values.replicas"), "spec", "replicas"); err != nil {
			return err
		}
		if err := unstructured.SetNestedField(object.Object, nil, "spec", "template", "spec", h.make(`include "fields" .Values.pod | nindent 6 | trim`)); err != nil {
			return err
		}
		return unstructured.SetNestedSlice(object.Object, []any{container}, "spec", "template", "spec", "containers")
	case "ConfigMap":
		data, _, err := unstructured.NestedStringMap(object.Object, "data")
		if err != nil || object.GetLabels()[dashboardLabel] != "" {
			return err
		}
		for key, value := range data {
			if value == c.image {
				continue
			}
			if _, twice := c.platform[key]; twice {
				return fmt.Errorf("the key %s is in another ConfigMap, too", key)
			}
			c.platform[key] = value
			data[key] = h.make("toJson .Values.platform." + key)
		}
		return unstructured.SetNestedStringMap(object.Object, data, "data")
	}
	return nil
}

// dashboardLabel is on ConfigMaps that Grafana reads, which hold nothing to be set.
const dashboardLabel = "grafana_dashboard"

// everywhere makes holes for the namespace and the image wherever they are, and returns the value with these.
func (c *chart) everywhere(value any, h holes) (any, error) {
	var err error
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			if value[key], err = c.everywhere(inner, h); err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
		}
	case []any:
		for i, inner := range value {
			if value[i], err = c.everywhere(inner, h); err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
		}
	case string:
		switch {
		case value == c.image:
			return h.make("toJson .Values.image"), nil
		case strings.Contains(value, c.image):
			return nil, fmt.Errorf("%q contains the image, and a value can only take the place of a whole string", value)
		case value == c.namespace:
			return h.make("toJson .Release.Namespace"), nil
		}
		for strings.Contains(value, c.namespace) {
			value = strings.Replace(value, c.namespace, h.make(".Release.Namespace"), 1)
		}
		return value, nil
	}
	return value, nil
}

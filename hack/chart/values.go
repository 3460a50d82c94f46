package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sigs.k8s.io/yaml"
)

// value is one of the chart's values, at the top level.
type value struct {
	name    string
	comment string
	is      any
	schema  map[string]any
}

func (c *chart) values() []value {
	flags, platform := map[string]any{}, map[string]any{}
	for _, f := range c.known {
		flags[f.name] = f.schema()
	}
	for key := range c.platform {
		platform[key] = map[string]any{"type": "string"}
		if values := platformEnums[key]; values != nil {
			platform[key] = map[string]any{"enum": values, "description": "An empty text means the gateway's own default."}
		}
	}
	values := []value{
		{"image", "The operator's image, of which the certgen Jobs of tenants are made, too: registry/repository:tag, or with a digest.",
			c.image, map[string]any{"type": "string", "minLength": 1}},
		{"replicas", "One works, the others stand by.", c.replicas, map[string]any{"type": "integer", "minimum": 0}},
		{"resources", "Those of the operator's container.", c.resources, map[string]any{"type": "object"}},
		{"pod", "Further fields of the operator's pods: where they run, and with what their image is pulled. values.schema.json lists them.", map[string]any{}, object(podFields)},
		{"flags", "Flags of the operator, by name without dashes; values.schema.json lists them.", c.flags, object(flags)},
		{"monitoring", "Alerts, a dashboard, and what Prometheus scrapes. Needs the CRDs of prometheus-operator.",
			map[string]any{"enabled": false}, object(map[string]any{"enabled": map[string]any{"type": "boolean"}})},
	}
	if len(platform) > 0 {
		values = append(values, value{"platform", "What the platform allows its tenants, and sets for those that do not set it. config/policy/platform.yaml explains each key.", c.platform, object(platform)})
	}
	return values
}

// platformEnums are the values of those keys of the ConfigMap gatewaytenant-platform that allow only a few.
var platformEnums = map[string][]any{
	"telemetry":              {"", "Enabled", "Disabled"},
	"sandboxAppArmorProfile": {"", "Unconfined"},
	"preflight":              {"", "Enabled", "Disabled"},
}

// podFields are the fields of a pod's spec that are for whoever installs to set: nothing in config/default sets them.
var podFields = map[string]any{
	"affinity":          map[string]any{"type": "object"},
	"imagePullSecrets":  map[string]any{"type": "array", "items": map[string]any{"type": "object"}},
	"nodeSelector":      map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}},
	"priorityClassName": map[string]any{"type": "string"},
	"tolerations":       map[string]any{"type": "array", "items": map[string]any{"type": "object"}},
}

// object is the schema of an object that has these properties and no others.
func object(properties map[string]any) map[string]any {
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}

func (c *chart) valuesFile() ([]byte, error) {
	var out bytes.Buffer
	fmt.Fprintf(&out, header, operator)
	for _, v := range c.values() {
		text, err := yaml.Marshal(map[string]any{v.name: v.is})
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "\n# %s\n%s", v.comment, text)
	}
	return out.Bytes(), nil
}

func (c *chart) schemaFile() ([]byte, error) {
	// Whoever makes this chart a part of another gives it global values, too.
	properties := map[string]any{"global": map[string]any{"type": "object"}}
	for _, v := range c.values() {
		v.schema["description"] = v.comment
		properties[v.name] = v.schema
	}
	schema := object(properties)
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	text, err := json.MarshalIndent(schema, "", "  ")
	return append(text, '\n'), err
}

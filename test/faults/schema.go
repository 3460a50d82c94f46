package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

const crdFile = "config/crd/bases/openshell.ambient-code.io_gatewaytenants.yaml"

// leaf is a field of the spec that has no fields of its own.
type leaf struct {
	path   []string
	schema apiextensionsv1.JSONSchemaProps
}

// leaves reads the CRD, so that a new field is walked without anybody's remembering it.
func leaves() ([]leaf, error) {
	text, err := os.ReadFile(crdFile)
	if err != nil {
		return nil, err
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(text, crd); err != nil {
		return nil, err
	}
	spec, there := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	if !there {
		return nil, errors.New("the CRD has no spec")
	}
	return leavesBelow(nil, spec), nil
}

func leavesBelow(path []string, schema apiextensionsv1.JSONSchemaProps) []leaf {
	if len(schema.Properties) == 0 {
		return []leaf{{path, schema}}
	}
	var all []leaf
	for name, below := range schema.Properties {
		all = append(all, leavesBelow(append(slices.Clone(path), name), below)...)
	}
	slices.SortFunc(all, func(a, b leaf) int { return strings.Compare(a.name(), b.name()) })
	return all
}

func (l leaf) name() string { return strings.Join(l.path, ".") }

// meaningful are values of which the schema alone does not tell that they mean something.
var meaningful = map[string][]any{
	"image": {
		"ghcr.io/nvidia/openshell/gateway:0.0.110", "ghcr.io/nvidia/openshell/gateway:0.0.105", "ghcr.io/nvidia/openshell/gateway:0.0.100",
		"ghcr.io/nvidia/openshell/gateway:latest", "registry.example.com/gateway:0.0.110", "ghcr.io/NVIDIA/openshell/gateway:0.0.110",
		"ghcr.io/nvidia/openshell/gateway:0.0.110 --help",
	},
	"version": {"0.0.111", "v0.0.111", "0.0.110", "0.0", "0.0.111.1"},
	"config": {
		"openshell.gateway.log_level = 'debug'", "openshell.gateway.log_level = 7", "[openshell.gateway]\nlog_level = 'warn'\n",
		"openshell.gateway.there_is_none = 1", "not TOML", "openshell.gateway.bind_address = '0.0.0.0:1'",
	},
	"serverDnsNames": {
		[]any{"a.example.com"}, []any{"b.example.com", "a.example.com"}, []any{"a.example.com", "b.example.com", "a.example.com"},
		[]any{"*.example.com"}, []any{"192.0.2.1", "2001:db8::1"}, []any{"foo.bar --exec=x"}, []any{"*.*.example.com"}, []any{""},
	},
	"storage.size":             {"1Gi", "2Gi", "0", "-1Gi", "much"},
	"storage.storageClassName": {"devcluster", "there-is-none"},
	"network.allowedClients":   clientLists,
	"network.metricsClients":   clientLists,
}

// clientLists are lists of clients with expressions in their selectors, the last one with an operator that does not exist.
var clientLists = []any{
	[]any{map[string]any{"podSelector": map[string]any{"matchExpressions": []any{map[string]any{"key": "app", "operator": "In", "values": []any{"a", "b"}}}}}},
	[]any{map[string]any{"namespaceSelector": map[string]any{"matchExpressions": []any{map[string]any{"key": "app", "operator": "Exists"}}}}},
	[]any{map[string]any{"podSelector": map[string]any{"matchExpressions": []any{map[string]any{"key": "app", "operator": "Like"}}}}},
}

// values are what a leaf is set to: what its schema names, its bounds, what is just beyond them, and the wrong type.
func (l leaf) values() []any {
	values := slices.Clone(meaningful[l.name()])
	for _, allowed := range l.schema.Enum {
		values = append(values, strings.Trim(string(allowed.Raw), `"`))
	}
	switch l.schema.Type {
	case "boolean":
		values = append(values, true, false, "true")
	case "string":
		values = append(values, 7, "", "a")
		if shortest := l.schema.MinLength; shortest != nil {
			values = append(values, strings.Repeat("a", int(*shortest)))
		}
		if longest := l.schema.MaxLength; longest != nil {
			values = append(values, strings.Repeat("a", int(*longest)), strings.Repeat("a", int(*longest)+1))
		}
		if len(l.schema.Enum) > 0 {
			values = append(values, "Neither")
		}
	case "integer", "number":
		for _, bound := range []*float64{l.schema.Minimum, l.schema.Maximum} {
			if bound != nil {
				values = append(values, *bound-1, *bound, *bound+1)
			}
		}
		values = append(values, 0, 1, "one")
	case "array":
		values = append(values, []any{}, "no list")
		for _, item := range (leaf{schema: *l.schema.Items.Schema}).items() {
			values = append(values, []any{item})
		}
		if most := l.schema.MaxItems; most != nil {
			values = append(values, l.full(int(*most)), l.full(int(*most)+1))
		}
	case "object":
		values = append(values, "no object", map[string]any{})
		if of := l.schema.AdditionalProperties; of != nil {
			for _, value := range (leaf{schema: *of.Schema}).values() {
				values = append(values, map[string]any{"some": value})
			}
		}
	}
	return values
}

// items are what an array may have in it.
func (l leaf) items() []any {
	if len(l.schema.Properties) == 0 {
		return l.values()
	}
	var items []any
	for _, one := range specs(leavesBelow(nil, l.schema)) {
		items = append(items, one.value)
	}
	return items
}

// full is an array of so many items that mean something.
func (l leaf) full(n int) []any {
	var list []any
	for i := range n {
		if l.schema.Items.Schema.Type == "string" {
			list = append(list, fmt.Sprintf("n%d.example.com", i))
		} else {
			list = append(list, meaningful[l.name()][0].([]any)...)
		}
	}
	return list
}

// spec is one in which a leaf has a value.
type spec struct {
	leaf  string
	value map[string]any
}

// and is a spec with the fields of both; of what both set, the other's.
func (s spec) and(other spec) spec {
	return spec{s.leaf + " and " + other.leaf, merge(deepCopy(s.value), deepCopy(other.value))}
}

func merge(into, from map[string]any) map[string]any {
	for key, value := range from {
		below, is := value.(map[string]any)
		if old, was := into[key].(map[string]any); is && was {
			value = merge(old, below)
		}
		into[key] = value
	}
	return into
}

// specs are the empty one, and one for each value of each leaf.
func specs(all []leaf) []spec {
	specs := []spec{{"", map[string]any{}}}
	for _, l := range all {
		for _, value := range l.values() {
			is := map[string]any{}
			field(is, l.path[:len(l.path)-1]...)[l.path[len(l.path)-1]] = value
			specs = append(specs, spec{l.name(), is})
		}
	}
	return specs
}

package platformconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Key is the key of the ConfigMap that holds the entries: a YAML list of {name, gateway}, where gateway is the spec of
// a GatewayTenant.
const Key = "namespaces"

// Entry is one valid entry.
type Entry struct {
	// Namespace is the tenant's.
	Namespace string
	// Spec is the spec of the GatewayTenant, with the fields that the entry sets and no others.
	Spec map[string]any
}

// Refusal is an entry that is not valid.
type Refusal struct {
	// Namespace is the tenant's; empty if the entry does not even tell that.
	Namespace string
	// Message names the entry, the field, the value and the way out.
	Message string
}

// Source is what the ConfigMap says.
type Source struct {
	Entries  []Entry
	Refusals []Refusal
}

// Read reads the entries of the ConfigMap. An error means that nothing can be known from it: it is not an empty list.
func Read(config *corev1.ConfigMap, platform manifests.Platform) (Source, error) {
	text, there := config.Data[Key]
	if !there {
		return Source{}, fmt.Errorf("the key %q is missing; for no tenants at all write []", Key)
	}
	var items []json.RawMessage
	asJSON, err := yaml.YAMLToJSONStrict([]byte(text))
	if err == nil {
		err = json.Unmarshal(asJSON, &items)
	}
	if err != nil {
		return Source{}, fmt.Errorf("the key %q is not a YAML list of entries: %w", Key, err)
	}
	if items == nil {
		return Source{}, fmt.Errorf("the key %q is empty; for no tenants at all write []", Key)
	}
	return readEntries(items, platform), nil
}

// readEntries reads every entry by itself, so that a bad one refuses itself alone. A namespace that is listed twice is
// refused in both places: none is righter than the other.
func readEntries(items []json.RawMessage, platform manifests.Platform) Source {
	var source Source
	places := map[string][]int{}
	entries := map[string]Entry{}
	for i, item := range items {
		entry, err := readEntry(item, platform)
		if entry.Namespace != "" {
			places[entry.Namespace] = append(places[entry.Namespace], i)
		}
		if err != nil {
			source.Refusals = append(source.Refusals, Refusal{entry.Namespace, fmt.Sprintf("entry %d (namespace %q): %v", i, entry.Namespace, err)})
			continue
		}
		entries[entry.Namespace] = entry
	}
	for i, item := range items {
		namespace := nameOf(item)
		entry, valid := entries[namespace]
		switch {
		case !valid:
		case len(places[namespace]) > 1:
			source.Refusals = append(source.Refusals, Refusal{namespace, fmt.Sprintf("entry %d (namespace %q): the namespace is listed in entries %v; keep one of them", i, namespace, places[namespace])})
		default:
			source.Entries = append(source.Entries, entry)
		}
	}
	return source
}

// nameOf is the namespace of an entry, as far as the entry tells it.
func nameOf(item json.RawMessage) string {
	var named struct {
		Name string `json:"name"`
	}
	if json.Unmarshal(item, &named) != nil {
		return ""
	}
	return named.Name
}

// readEntry checks an entry as far as that can be done without the cluster. What it returns with an error has the
// namespace at most.
func readEntry(item json.RawMessage, platform manifests.Platform) (Entry, error) {
	entry := Entry{Namespace: nameOf(item)}
	var fields struct {
		Name    string         `json:"name"`
		Gateway map[string]any `json:"gateway"`
	}
	if err := unmarshalStrict(item, &fields); err != nil {
		return entry, err
	}
	if problems := validation.IsDNS1123Label(fields.Name); len(problems) > 0 {
		// Nor is it known which namespace is meant, so this entry may be that of any tenant.
		return Entry{}, fmt.Errorf("name: %q is not the name of a namespace: %s", fields.Name, strings.Join(problems, "; "))
	}
	if fields.Gateway == nil {
		return entry, errors.New("gateway is missing; give the spec of a GatewayTenant")
	}
	if _, there := fields.Gateway["serverDnsNames"]; !there {
		return entry, errors.New("gateway.serverDnsNames is missing; give the names under which clients reach the gateway, or []")
	}
	spec, err := json.Marshal(fields.Gateway)
	if err != nil {
		return entry, err
	}
	tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: fields.Name}}
	if err := unmarshalStrict(spec, &tenant.Spec); err != nil {
		return entry, fmt.Errorf("gateway: %w", err)
	}
	if _, err := manifests.NewTenant(tenant, platform); err != nil {
		return entry, fmt.Errorf("gateway: %w", err)
	}
	return Entry{Namespace: fields.Name, Spec: fields.Gateway}, nil
}

// unmarshalStrict decodes JSON as the API server does, names of fields to the letter, and refuses unknown fields.
func unmarshalStrict(text []byte, into any) error {
	unknown, err := kjson.UnmarshalStrict(text, into)
	return errors.Join(append(unknown, err)...)
}

package platformconfig

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
)

// configMaps are the ConfigMaps that exist.
type configMaps struct {
	entries map[string]*corev1.ConfigMap // by name
	report  *corev1.ConfigMap            // nil if it does not exist
}

// listConfigMaps reads the ConfigMaps that are selected.
func listConfigMaps(ctx context.Context, reader client.Reader, selected entries.ConfigMaps) (configMaps, error) {
	configs := configMaps{entries: map[string]*corev1.ConfigMap{}}
	var list corev1.ConfigMapList
	if err := reader.List(ctx, &list, client.InNamespace(selected.First.Namespace)); err != nil {
		return configs, fmt.Errorf("listing the ConfigMaps with entries: %w", err)
	}
	for i := range list.Items {
		switch config := &list.Items[i]; {
		case selected.IsReport(config):
			configs.report = config
		case selected.HasEntries(config):
			configs.entries[config.Name] = config
		}
	}
	return configs, nil
}

// inOrder returns the ConfigMaps with entries in the order of their names.
func (c configMaps) inOrder() []*corev1.ConfigMap {
	var all []*corev1.ConfigMap
	for _, name := range slices.Sorted(maps.Keys(c.entries)) {
		all = append(all, c.entries[name])
	}
	return all
}

// named returns the ConfigMap with entries that has this name, or that has this source name. It is nil if there is none.
func (c configMaps) named(name types.NamespacedName) *corev1.ConfigMap {
	for _, config := range c.inOrder() {
		if entries.SourceOf(config) == name.String() {
			return config
		}
	}
	return c.entries[name.Name]
}

// reportVersion returns the version of the report. It is empty if the report does not exist.
func (c configMaps) reportVersion() string {
	if c.report == nil {
		return ""
	}
	return c.report.ResourceVersion
}

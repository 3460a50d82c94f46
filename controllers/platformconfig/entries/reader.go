package entries

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Read reads the entries of a ConfigMap.
func Read(config *corev1.ConfigMap, platform manifests.Platform) Source {
	return NewReader(platform).Read([]*corev1.ConfigMap{config})[0]
}

// Reader reads the entries of ConfigMaps, and reads those that did not change only once.
type Reader struct {
	platform manifests.Platform
	// results holds what was read from each ConfigMap, by its name. It can be derived from the ConfigMaps, but checking a
	// thousand entries takes longer than the rest of a reconcile. Losing it costs that time once.
	results map[string]result
}

// result is a source, with the version of the ConfigMap and the budget that it was read with.
type result struct {
	version string
	budget  int
	source  Source
	valid   map[entryHash]Entry
	size    int // of the entries, with aliases expanded
}

// NewReader returns a reader that has read nothing yet. The platform decides which entries are valid.
func NewReader(platform manifests.Platform) *Reader { return &Reader{platform: platform} }

// Read reads the entries of ConfigMaps of one namespace, and forgets other ConfigMaps. The total size of all entries is
// limited; earlier ConfigMaps take precedence.
func (r *Reader) Read(configs []*corev1.ConfigMap) []Source {
	results := map[string]result{}
	var sources []Source
	budget := maxTotalSize
	for _, config := range configs {
		before, known := r.results[config.Name]
		now := before
		if version := string(config.UID) + config.ResourceVersion; !known || before.version != version || !before.fits(budget) {
			now = before.reread(config, r.platform, budget)
			now.version = version
		}
		results[config.Name] = now
		budget -= now.size
		sources = append(sources, now.source)
	}
	r.results = results
	return sources
}

// fits reports whether reading the ConfigMap again with another budget returns the same source.
func (r result) fits(budget int) bool {
	return budget == r.budget || min(budget, r.budget) >= maxListSize
}

// reread reads a ConfigMap that was read as r before. Most of its entries are usually the same, and these are not checked
// again. Budget is the total size that its entries may have with aliases expanded, as far as other ConfigMaps decide that.
func (r result) reread(config *corev1.ConfigMap, platform manifests.Platform, budget int) result {
	source := Source{Origin: config.Namespace + "/" + config.Name, Name: SourceOf(config), Confirmed: config.Annotations[AnnotationConfirm]}
	reader := entryReader{platform: platform, sizer: newSizer(), before: r.valid, valid: map[entryHash]Entry{}}
	now := result{budget: budget}
	items, err := Items(config)
	if invalid := checkSourceName(config); err == nil {
		err = invalid
	}
	var refused []error
	if err == nil {
		now.size, refused, err = reader.measure(items, budget)
	}
	if err != nil {
		source.Err = err
	} else {
		source.Empty = len(items) == 0
		source.readEntries(items, refused, reader)
		now.valid = reader.valid
	}
	now.source = source
	return now
}

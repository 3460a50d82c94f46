package plugin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/crdschema"
	"github.com/ambient-code/gatewaytenant-operator/controllers/namedcache"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	bridgeplan "github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
)

// validateConfigs checks entries as the bridge does and, because the bridge applies them, against the schema.
func validateConfigs(configs []ConfigInput, settings Settings) ([]Finding, error) {
	var findings []Finding
	var sources []entries.Source
	var namespaces []metav1.PartialObjectMetadata // all that are named: whether they exist is not asked
	file := map[string]ConfigInput{}
	for _, config := range configs {
		source := entries.Read(config.Config, settings.Platform)
		if other, twice := file[source.Origin]; twice {
			findings = append(findings, Finding{config.File, config.Line, "ConfigMap " + source.Origin, fmt.Sprintf("is in %s:%d, too; keep one of them", other.File, other.Line)})
			continue
		}
		file[source.Origin] = config
		sources = append(sources, source)
		found, err := validateSource(config, source, settings)
		if err != nil {
			return nil, err
		}
		findings = append(findings, found...)
		for _, entry := range source.Entries {
			namespaces = append(namespaces, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: entry.Namespace}})
		}
	}
	snapshot := bridgeplan.NewSnapshot(nil, namespaces, namedcache.Only(settings.Options.WatchNamespaces).Include)
	snapshot.Reserved = settings.Platform.Reserves
	plan := bridgeplan.Compare(sources, snapshot, bridgeplan.DefaultGuard)
	for _, row := range plan.Rows { // faults that only all ConfigMaps together show
		for _, source := range sources {
			if row.State != bridgeplan.Refused || row.Source != source.Origin {
				continue
			}
			if i := slices.IndexFunc(source.Entries, func(e entries.Entry) bool { return e.Namespace == row.Namespace }); i >= 0 {
				entry := source.Entries[i]
				fault := entries.Fault{Line: entry.Line, Message: strings.TrimPrefix(row.Message, entry.Place+": ")}
				findings = append(findings, file[source.Origin].finding(entry.Index, entry.Namespace, fault))
			}
		}
	}
	return findings, nil
}

// validateSource returns what is wrong with the entries of one ConfigMap.
func validateSource(config ConfigInput, source entries.Source, settings Settings) ([]Finding, error) {
	var findings []Finding
	if source.Err != nil {
		finding := Finding{config.File, config.Line, "ConfigMap " + source.Origin, source.Err.Error()}
		if fault, is := errors.AsType[entries.Fault](source.Err); is {
			if finding.Line = fault.Line; config.list > 0 {
				finding.Line = config.list
			}
		}
		return []Finding{finding}, nil
	}
	items := sync.OnceValue(func() []*yaml.Node { // parsed only if an entry is refused
		items, _ := entries.Items(config.Config)
		return items
	})
	for _, refusal := range source.Refusals {
		faults := refusal.Faults
		if refusal.More > 0 {
			faults = entries.Check(items()[refusal.Index], settings.Platform)
		}
		for _, fault := range faults {
			findings = append(findings, config.finding(refusal.Index, refusal.Namespace, fault))
		}
		entry := entries.Entry{Namespace: refusal.Namespace, Index: refusal.Index, Spec: entries.SpecWithout(items()[refusal.Index], faults)}
		found, err := entryAgainstSchema(config, source.Origin, entry, items)
		if err != nil {
			return nil, err
		}
		findings = append(findings, found...)
	}
	for _, entry := range source.Entries {
		found, err := entryAgainstSchema(config, source.Origin, entry, items)
		if err != nil {
			return nil, err
		}
		findings = append(findings, found...)
	}
	return findings, nil
}

// entryAgainstSchema returns what the API server would reject of an entry, one of the items.
func entryAgainstSchema(config ConfigInput, origin string, entry entries.Entry, items func() []*yaml.Node) ([]Finding, error) {
	tenant := bridgeplan.Work{Entry: entry, Origin: origin}.Tenant()
	errs, err := crdschema.Check(tenant.Object, nil)
	if err != nil || len(errs) == 0 {
		return nil, err
	}
	var findings []Finding
	for _, e := range errs {
		e.Field = strings.Replace(e.Field, "spec", "gateway", 1)
		fault := entries.Fault{Line: entries.LineOf(items()[entry.Index], entries.Steps(e.Field)), Message: e.Error()}
		findings = append(findings, config.finding(entry.Index, entry.Namespace, fault))
	}
	return findings, nil
}

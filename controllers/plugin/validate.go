package plugin

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/crdschema"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	bridgeplan "github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Validate says what the API server and the operator would refuse of what files hold, as far as that can be known without
// a cluster. It comes in the order of files and lines.
func Validate(input Input, settings Settings) ([]Finding, error) {
	findings := slices.Clone(input.Findings)
	seen := map[string]string{} // by namespace, where its GatewayTenant is
	for _, tenant := range input.Tenants {
		found, err := tenant.validate(settings.Platform)
		if err != nil {
			return nil, err
		}
		here := Finding{File: tenant.File, Line: tenant.node.Line, Object: tenant.name()}
		if other := seen[tenant.name()]; other != "" {
			here.Message = "is in " + other + ", too; keep one of them: a namespace has one gateway"
			found = append(found, here)
		}
		seen[tenant.name()] = fmt.Sprintf("%s:%d", tenant.File, tenant.node.Line)
		findings = append(findings, found...)
	}
	found, err := validateConfigs(input.Configs, settings.Platform)
	findings = append(findings, found...)
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return findings, err
}

// Checked is how many GatewayTenants and entries there are in the input.
func (i Input) Checked(platform manifests.Platform) int {
	count := len(i.Tenants)
	for _, config := range i.Configs {
		source := entries.Read(config.Config, platform)
		count += len(source.Entries) + len(source.Refusals)
	}
	return count
}

func (t TenantInput) name() string {
	return fmt.Sprintf("GatewayTenant %s/%s", t.Object.GetNamespace(), t.Object.GetName())
}

// validate holds a GatewayTenant against the schema as an API server does, and then against what the operator checks.
func (t TenantInput) validate(platform manifests.Platform) ([]Finding, error) {
	errs, err := crdschema.Check(t.Object.Object, nil)
	if err != nil {
		return nil, err
	}
	var findings []Finding
	for _, e := range errs {
		findings = append(findings, Finding{t.File, lineOf(t.node, e.Field), t.name(), words(e)})
	}
	gt := &v1alpha1.GatewayTenant{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(t.Object.Object, gt); err != nil {
		return findings, nil // of another type: the schema has said so
	}
	tenant, err := manifests.NewTenant(gt, platform)
	if err == nil {
		err = tenant.CheckEarlierConfig(manifests.Volume{}) // as for a new gateway
	}
	if rejected, is := errors.AsType[*manifests.RejectedError](err); is && !told(findings, rejected.Field) {
		findings = append(findings, Finding{t.File, t.lineOf(rejected), t.name(), rejected.Message})
	}
	return findings, nil
}

// words are those of an error; one about a whole object names no field.
func words(e *field.Error) string {
	switch {
	case e.Field == "" || e.Field == "<nil>":
		return e.Detail
	case e.Type == field.ErrorTypeForbidden:
		return e.Field + " " + e.Detail
	}
	return e.Error()
}

// told tells whether the schema has said already what is wrong with a field.
func told(findings []Finding, field string) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return strings.HasPrefix(f.Message, field) })
}

// lineInText is where in a field's text something is wrong.
var lineInText = regexp.MustCompile(`line (\d+), column \d+`)

// lineOf is the line in the file of what a spec is rejected for; of TOML that is written as a block, that within it.
func (t TenantInput) lineOf(rejected *manifests.RejectedError) int {
	node := at(t.node, entries.Steps(rejected.Field)...)
	within := lineInText.FindStringSubmatch(rejected.Message)
	if node == nil || within == nil || node.Style&yaml.LiteralStyle == 0 {
		return lineOf(t.node, rejected.Field)
	}
	line, _ := strconv.Atoi(within[1])
	return node.Line + line
}

// validateConfigs holds entries against what the bridge checks and, since it applies what they say, against the schema.
func validateConfigs(configs []ConfigInput, platform manifests.Platform) ([]Finding, error) {
	var findings []Finding
	var sources []entries.Source
	var namespaces []metav1.PartialObjectMetadata // all that are named: whether they exist is not asked
	file := map[string]ConfigInput{}
	for _, config := range configs {
		source := entries.Read(config.Config, platform)
		if other, twice := file[source.Origin]; twice {
			findings = append(findings, Finding{config.File, config.Line, "ConfigMap " + source.Origin, fmt.Sprintf("is in %s:%d, too; keep one of them", other.File, other.Line)})
			continue
		}
		file[source.Origin] = config
		sources = append(sources, source)
		if source.Err != nil {
			findings = append(findings, Finding{config.File, lineIn(source.Err, config.Line), "ConfigMap " + source.Origin, source.Err.Error()})
		}
		for _, refusal := range source.Refusals {
			findings = append(findings, Finding{File: config.File, Line: refusal.Line, Message: refusal.Message})
		}
		items := sync.OnceValue(func() []*yaml.Node { return itemsOf(config) }) // parsed only if an entry is refused
		for _, entry := range source.Entries {
			found, err := entryAgainstSchema(config, source.Origin, entry, items)
			if err != nil {
				return nil, err
			}
			findings = append(findings, found...)
			namespaces = append(namespaces, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: entry.Namespace}})
		}
	}
	plan := bridgeplan.Compare(sources, bridgeplan.NewSnapshot(nil, namespaces, nil), bridgeplan.DefaultGuard)
	for _, row := range plan.Rows { // what only all of them together tell
		for _, source := range sources {
			if row.State != bridgeplan.Refused || row.Source != source.Origin {
				continue
			}
			if i := slices.IndexFunc(source.Entries, func(e entries.Entry) bool { return e.Namespace == row.Namespace }); i >= 0 {
				findings = append(findings, Finding{File: file[source.Origin].File, Line: source.Entries[i].Line, Message: row.Message})
			}
		}
	}
	return findings, nil
}

// itemsOf returns the items of a list of entries that has been read.
func itemsOf(config ConfigInput) []*yaml.Node {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(config.Config.Data[entries.Key]), &document); err != nil || len(document.Content) == 0 {
		return nil
	}
	return document.Content[0].Content
}

// entryAgainstSchema says what the API server would not take of an entry, one of the items.
func entryAgainstSchema(config ConfigInput, origin string, entry entries.Entry, items func() []*yaml.Node) ([]Finding, error) {
	tenant := bridgeplan.Work{Entry: entry, Origin: origin}.Tenant()
	errs, err := crdschema.Check(tenant.Object, nil)
	if err != nil || len(errs) == 0 {
		return nil, err
	}
	var findings []Finding
	for _, e := range errs {
		e.Field = strings.Replace(e.Field, "spec", "gateway", 1)
		line := entry.Line
		for _, item := range items() {
			if item.Line == entry.Line {
				line = lineOf(item, e.Field)
			}
		}
		findings = append(findings, Finding{File: config.File, Line: line, Message: fmt.Sprintf("%s (namespace %q): %v", entry.Place, entry.Namespace, e)})
	}
	return findings, nil
}

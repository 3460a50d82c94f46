package plugin

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/crdschema"
	"github.com/ambient-code/gatewaytenant-operator/controllers/namedcache"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Validate says what the API server and the operator would refuse of what files hold, as far as that can be known without
// a cluster. It comes in the order of files and lines.
func Validate(input Input, settings Settings) ([]Finding, error) {
	findings := slices.Clone(input.Findings)
	seen := map[string]string{} // by namespace, where its GatewayTenant is
	for _, tenant := range input.Tenants {
		found, err := tenant.validate(settings)
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
	found, err := validateConfigs(input.Configs, settings)
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
func (t TenantInput) validate(settings Settings) ([]Finding, error) {
	var findings []Finding
	add := func(line int, message string) {
		findings = append(findings, Finding{t.File, line, t.name(), message})
	}
	if !namedcache.Only(settings.Options.WatchNamespaces).Include(t.Object.GetNamespace()) {
		add(t.node.Line, "is in a namespace in which the operator does not work; see its flag --watch-namespaces")
	}
	gt := &v1alpha1.GatewayTenant{}
	gt.Name, gt.Namespace, gt.Annotations = t.Object.GetName(), t.Object.GetNamespace(), t.Object.GetAnnotations()
	reported := map[string]bool{} // fields
	spec, _ := t.Object.Object["spec"].(map[string]any)
	faults := entries.CheckTypes(t.node, t.Object.Object["spec"], reflect.TypeFor[v1alpha1.GatewayTenantSpec](), []string{"spec"}, false)
	for _, fault := range faults {
		reported[fault.Field] = true
		add(fault.Line, fault.Message)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(entries.WithoutFaults(spec, faults), &gt.Spec); err != nil {
		return nil, err // all types have been checked
	}
	rejections := manifests.Check(gt, settings.Platform)
	if tenant, err := manifests.NewTenant(gt, settings.Platform); err == nil {
		err = tenant.CheckEarlierConfig(manifests.Volume{}) // as for a new gateway
		if rejected, is := errors.AsType[*manifests.RejectedError](err); is {
			rejections = append(rejections, rejected)
		}
	}
	for _, rejected := range rejections {
		reported[rejected.Field] = true
		add(t.lineOf(rejected), rejected.Message)
	}
	errs, err := crdschema.Check(t.Object.Object, nil)
	for _, e := range errs {
		if !reported[e.Field] {
			add(entries.LineOf(t.node, entries.Steps(e.Field)), words(e))
		}
	}
	return findings, err
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

// lineInText is where in a field's text something is wrong.
var lineInText = regexp.MustCompile(`line (\d+), column \d+`)

// lineOf is the line in the file of what a spec is rejected for; of TOML that is written as a block, that within it.
func (t TenantInput) lineOf(rejected *manifests.RejectedError) int {
	steps := entries.Steps(rejected.Field)
	node := t.node
	for _, step := range steps {
		node = entries.Child(node, step)
	}
	within := lineInText.FindStringSubmatch(rejected.Message)
	if node == nil || within == nil || node.Style&yaml.LiteralStyle == 0 {
		return entries.LineOf(t.node, steps)
	}
	line, _ := strconv.Atoi(within[1])
	return node.Line + line
}

package crdschema

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/ambient-code/gatewaytenant-operator/config/crd"
	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
)

// rules is the compiled schema of the CustomResourceDefinition.
type rules struct {
	structural *structural.Structural
	validator  validation.SchemaValidator
	cel        *cel.Validator
}

var read = sync.OnceValues(func() (*rules, error) {
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(crd.GatewayTenants, &definition); err != nil {
		return nil, err
	}
	var props apiextensions.JSONSchemaProps
	err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(definition.Spec.Versions[0].Schema.OpenAPIV3Schema, &props, nil)
	if err != nil {
		return nil, err
	}
	r := &rules{}
	if r.structural, err = structural.NewStructural(&props); err != nil {
		return nil, err
	}
	if r.validator, _, err = validation.NewSchemaValidator(&props); err != nil {
		return nil, err
	}
	r.cel = cel.NewValidator(r.structural, true, celconfig.PerCallLimit)
	return r, nil
})

// Check returns what an API server would reject in a GatewayTenant: unknown fields, values that the schema does not allow
// and, if old is not nil, changes from old that it does not allow. It modifies neither object.
func Check(object, old map[string]any) (field.ErrorList, error) {
	r, err := read()
	if err != nil {
		return nil, fmt.Errorf("the CustomResourceDefinition that is built in cannot be used: %w", err)
	}
	object = runtime.DeepCopyJSON(object)
	var errs field.ErrorList
	pruned := runtime.DeepCopyJSON(object)
	for _, path := range pruning.PruneWithOptions(pruned, r.structural, true, structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}) {
		errs = append(errs, field.Forbidden(field.NewPath(path), "is an unknown field; "+suggestion(r.structural, path)))
	}
	var before any // an untyped nil if the object is new
	if old != nil {
		before = runtime.DeepCopyJSON(old)
		errs = append(errs, validation.ValidateCustomResourceUpdate(nil, pruned, before, r.validator)...)
	} else {
		errs = append(errs, validation.ValidateCustomResource(nil, pruned, r.validator)...)
	}
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, r.structural, pruned)...)
	if !slices.ContainsFunc(errs, func(e *field.Error) bool { return e.Type != field.ErrorTypeForbidden }) { // as in the API server: the rules only apply to values of the right types
		found, _ := r.cel.Validate(context.Background(), nil, r.structural, pruned, before, celconfig.RuntimeCELCostBudget)
		errs = append(errs, found...)
	}
	return errs, nil
}

// suggestion returns what to do about an unknown field at a path.
func suggestion(of *structural.Structural, path string) string {
	steps := strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
	for _, step := range steps[:len(steps)-1] {
		if _, err := strconv.Atoi(step); err == nil {
			of = of.Items
		} else {
			next := of.Properties[step]
			of = &next
		}
		if of == nil {
			return "remove it"
		}
	}
	if near := message.Nearest(steps[len(steps)-1], slices.Sorted(maps.Keys(of.Properties))); near != "" {
		return "did you mean " + near + "?"
	}
	return "remove it"
}

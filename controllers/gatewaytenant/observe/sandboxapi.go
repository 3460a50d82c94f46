package observe

import (
	"context"
	"fmt"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// The versions of the Sandbox API that the cluster serves are read from its CRD: unlike discovery, it can be watched and is never
// outdated.

// sandboxAPIs returns the versions of the Sandbox API that the cluster serves. It is not nil.
func (o *Observer) sandboxAPIs(ctx context.Context) ([]string, error) {
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if _, err := Exists(o.caches.SandboxCRD.Get(ctx, client.ObjectKey{Name: manifests.SandboxCRD}, crd)); err != nil {
		return nil, fmt.Errorf("reading CustomResourceDefinition %s: %w", manifests.SandboxCRD, err)
	}
	return ServedVersions(crd), nil
}

// ServedVersions returns the versions that a CRD serves, sorted. It is empty but not nil if the CRD is not established.
func ServedVersions(crd *apiextensionsv1.CustomResourceDefinition) []string {
	versions := []string{}
	established := slices.ContainsFunc(crd.Status.Conditions, func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
		return c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue
	})
	if !established || crd.DeletionTimestamp != nil {
		return versions
	}
	for _, version := range crd.Spec.Versions {
		if version.Served {
			versions = append(versions, version.Name)
		}
	}
	slices.Sort(versions)
	return versions
}

// ServedVersionsChanged selects the changes of a CRD that change which versions it serves.
func ServedVersionsChanged() predicate.TypedPredicate[client.Object] {
	served := func(object client.Object) []string {
		crd, is := object.(*apiextensionsv1.CustomResourceDefinition)
		if !is {
			return nil
		}
		return ServedVersions(crd)
	}
	return predicate.TypedFuncs[client.Object]{
		UpdateFunc: func(e event.TypedUpdateEvent[client.Object]) bool {
			return !slices.Equal(served(e.ObjectOld), served(e.ObjectNew))
		},
	}
}

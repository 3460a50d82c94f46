package gatewaytenant

import (
	"context"
	"fmt"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Which versions of the Sandbox API are served is read from its CRD: unlike discovery it can be watched, and it is not
// behind.
//
// +kubebuilder:rbac:groups=apiextensions.k8s.io,resources=customresourcedefinitions,resourceNames=sandboxes.agents.x-k8s.io,verbs=list;watch

// missingAPIError says that a gateway waits for an API. Its coming is an event, so there is nothing to retry.
type missingAPIError struct{ missing string }

func (e *missingAPIError) Error() string { return e.missing }

// sandboxAPIs are the versions of the Sandbox API that the cluster serves.
func (r *Reconciler) sandboxAPIs(ctx context.Context) ([]string, error) {
	crd := &apiextensionsv1.CustomResourceDefinition{}
	there, err := found(r.sandboxCRD.Get(ctx, client.ObjectKey{Name: manifests.SandboxCRD}, crd))
	if err != nil {
		return nil, fmt.Errorf("reading CustomResourceDefinition %s: %w", manifests.SandboxCRD, err)
	}
	if !there {
		return nil, nil
	}
	return Served(crd), nil
}

// Served are the versions that a CRD serves, sorted.
func Served(crd *apiextensionsv1.CustomResourceDefinition) []string {
	established := slices.ContainsFunc(crd.Status.Conditions, func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
		return c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue
	})
	if !established || crd.DeletionTimestamp != nil {
		return nil
	}
	var versions []string
	for _, version := range crd.Spec.Versions {
		if version.Served {
			versions = append(versions, version.Name)
		}
	}
	slices.Sort(versions)
	return versions
}

// keepCRD drops the schemas, which are nearly all of a CRD.
func keepCRD(object any) (any, error) {
	crd, ok := object.(*apiextensionsv1.CustomResourceDefinition)
	if !ok {
		return object, nil
	}
	kept := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: crd.Name, UID: crd.UID, ResourceVersion: crd.ResourceVersion, DeletionTimestamp: crd.DeletionTimestamp}}
	for _, version := range crd.Spec.Versions {
		kept.Spec.Versions = append(kept.Spec.Versions, apiextensionsv1.CustomResourceDefinitionVersion{Name: version.Name, Served: version.Served})
	}
	for _, condition := range crd.Status.Conditions {
		if condition.Type == apiextensionsv1.Established {
			kept.Status.Conditions = []apiextensionsv1.CustomResourceDefinitionCondition{{Type: condition.Type, Status: condition.Status}}
		}
	}
	return kept, nil
}

// servedChanges lets only those changes of the CRD through that change what it serves.
func servedChanges() predicate.TypedPredicate[client.Object] {
	of := func(object client.Object) []string {
		crd, _ := object.(*apiextensionsv1.CustomResourceDefinition)
		return Served(crd)
	}
	return predicate.TypedFuncs[client.Object]{
		UpdateFunc: func(e event.TypedUpdateEvent[client.Object]) bool {
			return !slices.Equal(of(e.ObjectOld), of(e.ObjectNew))
		},
	}
}

// everyTenant leads from what all tenants share to each of them.
func (r *Reconciler) everyTenant(ctx context.Context, _ client.Object) []reconcile.Request {
	var tenants v1alpha1.GatewayTenantList
	if err := r.List(ctx, &tenants); err != nil {
		return nil // the caches stop: so does the operator
	}
	requests := make([]reconcile.Request, 0, len(tenants.Items))
	for _, tenant := range tenants.Items {
		requests = append(requests, tenantIn(tenant.Namespace)...)
	}
	return requests
}

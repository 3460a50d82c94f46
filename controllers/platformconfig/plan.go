package platformconfig

import (
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// Plan is what the bridge does in one pass.
type Plan struct {
	// Apply are the entries whose GatewayTenant is to be as they say.
	Apply []Entry
	// Delete are the GatewayTenants that the bridge made and that no entry asks for any more.
	Delete []*v1alpha1.GatewayTenant
	// Report says, in the order of the entries, what is not done and why.
	Report []string
}

// Compare finds what to do, given the source, the GatewayTenants that there are, by namespace, and the namespaces that
// exist and are not being deleted. Origin is the ConfigMap, as namespace/name.
func Compare(source Source, tenants map[string]*v1alpha1.GatewayTenant, namespaces map[string]bool, origin string) Plan {
	var plan Plan
	wanted := map[string]bool{}
	nameless := false
	for _, refusal := range source.Refusals {
		wanted[refusal.Namespace] = true // what it made before stays
		nameless = nameless || refusal.Namespace == ""
		plan.Report = append(plan.Report, refusal.Message)
	}
	for _, entry := range source.Entries {
		wanted[entry.Namespace] = true
		switch tenant := tenants[entry.Namespace]; {
		case !namespaces[entry.Namespace]:
			plan.Report = append(plan.Report, fmt.Sprintf("namespace %s does not exist; its gateway is made when it appears", entry.Namespace))
		case tenant != nil && !madeFrom(tenant, origin):
			plan.Report = append(plan.Report, fmt.Sprintf("namespace %s: there is a GatewayTenant already that does not come from %s; it is left alone", entry.Namespace, origin))
		default:
			plan.Apply = append(plan.Apply, entry)
		}
	}
	for _, namespace := range slices.Sorted(maps.Keys(tenants)) {
		tenant := tenants[namespace]
		if !madeFrom(tenant, origin) || wanted[namespace] || tenant.DeletionTimestamp != nil {
			continue
		}
		if nameless {
			plan.Report = append(plan.Report, fmt.Sprintf("namespace %s: no entry asks for its gateway, but an entry without a name may be meant for it; it is kept", namespace))
			continue
		}
		plan.Delete = append(plan.Delete, tenant)
	}
	return plan
}

// madeFrom tells whether the bridge made a GatewayTenant from the ConfigMap origin.
func madeFrom(tenant *v1alpha1.GatewayTenant, origin string) bool {
	return tenant.Labels[v1alpha1.LabelSource] == v1alpha1.SourcePlatformConfig && tenant.Annotations[v1alpha1.AnnotationSource] == origin
}

// tenantOf is the GatewayTenant of an entry, with the fields that the bridge sets and no others.
func tenantOf(entry Entry, origin string) *unstructured.Unstructured {
	tenant := &unstructured.Unstructured{Object: map[string]any{"spec": entry.Spec}}
	tenant.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("GatewayTenant"))
	tenant.SetNamespace(entry.Namespace)
	tenant.SetName(v1alpha1.Name)
	tenant.SetLabels(map[string]string{v1alpha1.LabelSource: v1alpha1.SourcePlatformConfig})
	tenant.SetAnnotations(map[string]string{v1alpha1.AnnotationSource: origin})
	return tenant
}

// liveOf keeps a nil pointer from becoming an object that is not nil.
func liveOf(tenant *v1alpha1.GatewayTenant) metav1.Object {
	if tenant == nil {
		return nil
	}
	return tenant
}

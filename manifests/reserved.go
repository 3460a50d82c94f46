package manifests

import (
	"fmt"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// reservedPrefixes are prefixes of the names of namespaces that belong to the system. The admission policy
// gatewaytenant-namespaces has the same.
var reservedPrefixes = []string{"kube-", "openshift-"}

// In returns a copy of the platform with the namespace of the operator.
func (p Platform) In(namespace string) Platform {
	p.namespace = namespace
	return p
}

// Reserves reports whether a namespace allows no new GatewayTenant, because it is a system namespace or the operator's. A gateway
// runs other users' code, which must not run next to components that the cluster or the operator depends on.
func (p Platform) Reserves(namespace string) bool {
	for _, prefix := range reservedPrefixes {
		if strings.HasPrefix(namespace, prefix) {
			return true
		}
	}
	return namespace != "" && namespace == p.namespace
}

// CheckNamespace returns why a new gateway is not allowed in a tenant's namespace. The error is a [*RejectedError].
func (p Platform) CheckNamespace(namespace string) error {
	if !p.Reserves(namespace) {
		return nil
	}
	return &RejectedError{Reason: v1alpha1.ReasonNamespaceReserved, Field: "metadata.namespace", Message: fmt.Sprintf(
		"Namespace %s is reserved for the system or the operator, so no new gateway is created in it; create the GatewayTenant in another namespace, and delete this one: kubectl delete gatewaytenant %s -n %s",
		namespace, v1alpha1.Name, namespace)}
}

package plan

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// Presence is the state of a namespace.
type Presence int

// Presences.
const (
	Absent Presence = iota
	Present
	Terminating
	Unwatched // the operator does not work in it
)

// Snapshot is the state of the cluster, apart from the ConfigMaps with entries.
type Snapshot struct {
	// Tenants are the GatewayTenants, by namespace.
	Tenants map[string]*v1alpha1.GatewayTenant
	// Namespaces are the namespaces that exist.
	Namespaces map[string]Presence
	// Hold is the removal that the report records as held. It is empty if there is none.
	Hold Hold
	// Nonce differs in every snapshot.
	Nonce string
}

// NewSnapshot returns a snapshot of these GatewayTenants and namespaces. The operator works in the namespaces that watched
// reports, or in all if watched is nil. The tenants are not copied.
func NewSnapshot(tenants []v1alpha1.GatewayTenant, namespaces []metav1.PartialObjectMetadata, watched func(namespace string) bool) Snapshot {
	snapshot := Snapshot{Tenants: map[string]*v1alpha1.GatewayTenant{}, Namespaces: map[string]Presence{}}
	for i := range tenants {
		snapshot.Tenants[tenants[i].Namespace] = &tenants[i]
	}
	for _, namespace := range namespaces {
		switch {
		case watched != nil && !watched(namespace.Name):
			snapshot.Namespaces[namespace.Name] = Unwatched
		case namespace.DeletionTimestamp != nil:
			snapshot.Namespaces[namespace.Name] = Terminating
		default:
			snapshot.Namespaces[namespace.Name] = Present
		}
	}
	return snapshot
}

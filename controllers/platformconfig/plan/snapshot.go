package plan

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

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
	Restoring // a backup is being restored into it
)

// Snapshot is the state of the cluster, apart from the ConfigMaps with entries.
type Snapshot struct {
	// Tenants are the GatewayTenants, by namespace.
	Tenants map[string]*v1alpha1.GatewayTenant
	// Namespaces are the namespaces that exist.
	Namespaces map[string]Presence
	// UIDs are the uids of these namespaces.
	UIDs map[string]types.UID
	// Reserved reports whether no new GatewayTenant is allowed in a namespace. It is nil if all namespaces allow one.
	Reserved func(namespace string) bool
	// Hold is the removal that the report records as held. It is empty if there is none.
	Hold Hold
	// Applied are the namespaces in which the bridge has applied an entry, as the report records them. It is nil if no report
	// exists, or if it was written by a release that records none.
	Applied AppliedSet
	// Nonce differs in every snapshot.
	Nonce string
}

// NewSnapshot returns a snapshot of these GatewayTenants and namespaces. The operator works in the namespaces that watched
// reports, or in all if watched is nil. The tenants are not copied.
func NewSnapshot(tenants []v1alpha1.GatewayTenant, namespaces []metav1.PartialObjectMetadata, watched func(namespace string) bool) Snapshot {
	snapshot := Snapshot{Tenants: map[string]*v1alpha1.GatewayTenant{}, Namespaces: map[string]Presence{}, UIDs: map[string]types.UID{}}
	for i := range tenants {
		snapshot.Tenants[tenants[i].Namespace] = &tenants[i]
	}
	for _, namespace := range namespaces {
		snapshot.UIDs[namespace.Name] = namespace.UID
		switch {
		case watched != nil && !watched(namespace.Name):
			snapshot.Namespaces[namespace.Name] = Unwatched
		case namespace.DeletionTimestamp != nil:
			snapshot.Namespaces[namespace.Name] = Terminating
		case v1alpha1.Restoring(&namespace):
			snapshot.Namespaces[namespace.Name] = Restoring
		default:
			snapshot.Namespaces[namespace.Name] = Present
		}
	}
	return snapshot
}

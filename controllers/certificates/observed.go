package certificates

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Desired is the desired state of a tenant's Secrets.
type Desired struct {
	// Owner is the uid of the GatewayTenant that must own them.
	Owner types.UID
	// ServerNames are the names that the gateway's certificate must carry, in addition to those that every gateway has. If
	// it is empty, as while the spec is rejected, the names are not checked.
	ServerNames []string
	// Rotation is the rotations that are requested.
	Rotation manifests.Rotation
	// External are the Secrets that were last written by another issuer or a user. If one is missing, certgen does not issue it.
	External []string
}

// Need is what a Secret needs. A greater one is more urgent.
type Need int

// Needs, in ascending order.
const (
	Valid   Need = iota
	Unowned      // it is valid, but would outlive the tenant
	Due          // it is valid, and is due for renewal or rotation
	Invalid      // it exists, and cannot be used as it is
	Missing
)

// Finding is one Secret that needs something.
type Finding struct {
	Secret string
	Need   Need
	// Message says what is wrong. It continues a sentence that begins with the Secret's name, and does not change with time.
	Message string
	// Blocked says why certgen cannot help. It is empty if it can.
	Blocked string
	// HandOver names the Secret that a user must hand over to the operator for certgen to help, if that would suffice.
	HandOver string
	// External is set if the Secret is missing and another issuer or a user wrote it. The operator issues an empty Secret itself.
	External bool
	// RemoveOwner is set if the Secret is not the operator's and would be deleted with the GatewayTenant, so that certgen
	// must remove its owner.
	RemoveOwner bool
	// Terminating is set if the Secret is still being removed, and Kept if a finalizer keeps it.
	Terminating, Kept bool
}

// String says what is wrong with the Secret.
func (f Finding) String() string {
	if f.Blocked == "" {
		return fmt.Sprintf("Secret %s %s", f.Secret, f.Message)
	}
	return fmt.Sprintf("Secret %s %s, and %s", f.Secret, f.Message, f.Blocked)
}

// Observed is the observed state of a tenant's Secrets.
type Observed struct {
	// Findings are the Secrets that need something.
	Findings []Finding
	// ServerNames are the names that the gateway's certificate carries, sorted.
	ServerNames []string
	// ServerStored is when the gateway's certificate was stored in its Secret, at the earliest. It is zero if that is not known.
	ServerStored time.Time
	// NotAfter is when the first of the gateway's and its clients' certificates expires. It is zero while one is missing.
	NotAfter time.Time
	// RenewAt is when the first of the certificates that the operator manages is due for renewal. It is zero if there is none.
	RenewAt time.Time
	// NextCheck is when something changes by time alone. It is zero if nothing does.
	NextCheck time.Time
	// TokenKeyID is the ID of the token key. It is empty if there is none.
	TokenKeyID string
	// Complete is set if all Secrets exist and stay, so that a pod which mounts them can start.
	Complete bool
	// Terminating is set if a Secret is a former gateway's, which the garbage collector deletes.
	Terminating bool
	// Rotated are the rotations that are done.
	Rotated manifests.Rotation
	// Notes are full clauses about what is not managed, although nothing is wrong.
	Notes []string
	// External are the Secrets that another issuer or a user writes, including those that are missing now.
	External []string
	// Delayed says until when and why a due rotation of the CA waits. It is empty if none waits.
	Delayed string
}

// Worst returns the greatest need of all Secrets.
func (o Observed) Worst() Need {
	worst := Valid
	for _, finding := range o.Findings {
		worst = max(worst, finding.Need)
	}
	return worst
}

// NeedsCertgen reports whether certgen has something to do. While a former gateway's Secrets are being removed it has not:
// the Secrets that it issues belong together, and it could not write those. Their removal triggers a reconcile.
func (o Observed) NeedsCertgen() bool {
	return !o.Terminating && slices.ContainsFunc(o.Findings, func(f Finding) bool { return f.Blocked == "" || f.RemoveOwner })
}

// Finding returns what one Secret needs.
func (o Observed) Finding(name string) Finding {
	for _, finding := range o.Findings {
		if finding.Secret == name {
			return finding
		}
	}
	return Finding{Secret: name}
}

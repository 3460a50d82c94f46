package certificates

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Wanted is what a tenant's Secrets shall be.
type Wanted struct {
	// Owner is the uid of the GatewayTenant that they shall belong to.
	Owner types.UID
	// ServerNames are the names that the gateway's certificate must carry, and no others but those that every gateway has;
	// none: what it carries is right, since the spec is rejected and does not tell.
	ServerNames []string
	// Rotation is what shall have been made anew.
	Rotation manifests.Rotation
}

// Need is what a Secret needs, from nothing to everything.
type Need int

// Needs.
const (
	Fits    Need = iota
	Unowned      // it fits, but would outlive the tenant
	Due          // it does its work, and it is time for a newer one
	Unfit        // it is there, and does not do its work
	Missing
)

// Finding is one Secret that needs something.
type Finding struct {
	Secret string
	Need   Need
	// Why says what is the matter; it follows the Secret's name, and no clock is in it.
	Why string
	// Blocked says why certgen cannot help. It is empty if it can.
	Blocked string
	// HandOver names the Secret that a user must hand over to the operator for certgen to help, if that would suffice.
	HandOver string
	// Release is set if the Secret is not the operator's and would be deleted with the GatewayTenant, so that certgen
	// must remove its owner.
	Release bool
	// Leaving is set if the Secret is still being removed.
	Leaving bool
}

// String says what is the matter with the Secret.
func (f Finding) String() string {
	if f.Blocked == "" {
		return fmt.Sprintf("Secret %s %s", f.Secret, f.Why)
	}
	return fmt.Sprintf("Secret %s %s, and %s", f.Secret, f.Why, f.Blocked)
}

// Seen is what a tenant's Secrets are, as far as the operator looks at them.
type Seen struct {
	// Findings are the Secrets that need something.
	Findings []Finding
	// ServerNames are the names that the gateway's certificate carries, sorted.
	ServerNames []string
	// ServerStored is when the gateway's certificate was stored in its Secret, at the earliest. It is zero if that is not known.
	ServerStored time.Time
	// NotAfter is when the first of the gateway's and its clients' certificates ends; zero while one is missing.
	NotAfter time.Time
	// NextLook is when time alone will change something; zero: never.
	NextLook time.Time
	// TokenKey is the id of the token key; empty while there is none.
	TokenKey string
	// Complete tells that all Secrets exist and stay, so that a pod which mounts them can start.
	Complete bool
	// Leaving tells that some Secret is a former gateway's, which the garbage collector takes.
	Leaving bool
	// Rotated are the rotations that are done.
	Rotated manifests.Rotation
	// Notes are full clauses about what is not managed, or is put off, though nothing is wrong.
	Notes []string
}

// Worst is the greatest need of all Secrets.
func (s Seen) Worst() Need {
	worst := Fits
	for _, finding := range s.Findings {
		worst = max(worst, finding.Need)
	}
	return worst
}

// Work tells whether there is something for certgen to do. While a former gateway's Secrets are being removed there is
// not: what it makes hangs together, and it would fail at those. Their end is an event.
func (s Seen) Work() bool {
	return !s.Leaving && slices.ContainsFunc(s.Findings, func(f Finding) bool { return f.Blocked == "" || f.Release })
}

// Of is what was found about a Secret; the zero Finding if it needs nothing.
func (s Seen) Of(name string) Finding {
	for _, finding := range s.Findings {
		if finding.Secret == name {
			return finding
		}
	}
	return Finding{Secret: name}
}

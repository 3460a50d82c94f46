package platformconfig

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// AnnotationConfirm on a ConfigMap with entries confirms one removal that is held: its value is the plan's.
const AnnotationConfirm = "openshell.ambient-code.io/confirm-removal"

// Guard says from when on a removal is so great that it waits for a confirmation.
type Guard struct {
	// Most is how many GatewayTenants one edit may remove in any case, unless they are all that there are.
	Most int
	// Percent is the part of all bridged GatewayTenants, from 0 to 100, beyond which a removal of more than Most waits.
	Percent int
}

// DefaultGuard holds the removal of more than ten that are more than half.
var DefaultGuard = Guard{Most: 10, Percent: 50}

// Validate tells a guard that makes no sense.
func (g Guard) Validate() error {
	if g.Most < 0 {
		return fmt.Errorf("--removal-limit=%d: it must not be negative", g.Most)
	}
	if g.Percent < 0 || g.Percent > 100 {
		return fmt.Errorf("--removal-limit-percent=%d: it must be from 0 to 100", g.Percent)
	}
	return nil
}

// Hold is a removal that waits for a confirmation. It is on record in the report, and stays as it is until nothing of it
// is to be removed any more.
type Hold struct {
	// Plan is what a confirmation repeats. It is made from the tenants and from a number that is new each time, so that
	// it confirms no later hold.
	Plan string `json:"plan,omitempty"`
	// Tenants are the GatewayTenants, by namespace and the beginning of the uid.
	Tenants []string `json:"tenants,omitempty"`
	// Total is of how many they are.
	Total int `json:"total,omitempty"`
}

// newHold puts removals on hold. The nonce makes its plan another than any before.
func newHold(removals []*v1alpha1.GatewayTenant, total int, nonce string) Hold {
	hold := Hold{Total: total}
	for _, tenant := range removals {
		hold.Tenants = append(hold.Tenants, holdKey(tenant))
	}
	slices.Sort(hold.Tenants)
	sum := sha256.Sum256([]byte(nonce + "\n" + strings.Join(hold.Tenants, "\n")))
	hold.Plan = hex.EncodeToString(sum[:8])
	return hold
}

func holdKey(tenant *v1alpha1.GatewayTenant) string {
	uid := string(tenant.UID)
	return tenant.Namespace + "/" + uid[:min(len(uid), 8)]
}

// of are those of the removals that the hold is about.
func (h Hold) of(removals []*v1alpha1.GatewayTenant) []*v1alpha1.GatewayTenant {
	return slices.DeleteFunc(slices.Clone(removals), func(tenant *v1alpha1.GatewayTenant) bool {
		_, held := slices.BinarySearch(h.Tenants, holdKey(tenant))
		return !held
	})
}

// hold says which removals go, and what is on hold then. What is on record and confirmed goes; what is on record and not
// confirmed holds everything, by whatever else the same edit changed the proportion: an edit that renames all tenants
// makes as many as it would remove.
func (g Guard) hold(removals []*v1alpha1.GatewayTenant, total int, sources []Source, record Hold, nonce string) (Hold, []*v1alpha1.GatewayTenant) {
	plainly := !slices.ContainsFunc(sources, func(s Source) bool { return !s.Empty })
	if plainly && len(removals) <= g.Most {
		return Hold{}, removals // the literal [] says that all shall go
	}
	if onRecord := record.of(removals); len(onRecord) > 0 {
		if slices.ContainsFunc(sources, func(s Source) bool { return s.Confirmed == record.Plan }) {
			return record, onRecord
		}
		return record, nil
	}
	if !g.tooMany(len(removals), total) {
		return Hold{}, removals
	}
	return newHold(removals, total, nonce), nil
}

// tooMany tells whether nobody may have meant to remove so many.
func (g Guard) tooMany(removals, total int) bool {
	if removals == 0 {
		return false
	}
	return removals == total || removals > g.Most && removals*100 > total*g.Percent
}

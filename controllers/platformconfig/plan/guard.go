package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
)

// Guard decides which removals are so large that they wait for a confirmation.
type Guard struct {
	// Most is the number of GatewayTenants that one edit may always remove, unless they are all.
	Most int
	// Percent is a percentage of all bridged GatewayTenants. A removal of more than Most waits if it exceeds that, too.
	Percent int
}

// DefaultGuard holds the removal of more than ten GatewayTenants if they are more than half of all.
var DefaultGuard = Guard{Most: 10, Percent: 50}

// Validate returns an error if a limit is out of range.
func (g Guard) Validate() error {
	if g.Most < 0 {
		return fmt.Errorf("--removal-limit=%d: it must not be negative", g.Most)
	}
	if g.Percent < 0 || g.Percent > 100 {
		return fmt.Errorf("--removal-limit-percent=%d: it must be from 0 to 100", g.Percent)
	}
	return nil
}

// Hold is a removal that waits for a confirmation. The report records it. It does not change until none of its
// GatewayTenants is to be removed any more.
type Hold struct {
	// Token is the value that confirms this hold. It is derived from the tenants and a nonce, so that it confirms no later
	// hold. It is empty if there is no hold. Its name in the report is older.
	Token string `json:"plan,omitempty"`
	// Tenants are the GatewayTenants to remove, by namespace and the beginning of the UID.
	Tenants []string `json:"tenants,omitempty"`
	// Total is the number of GatewayTenants from which they are removed.
	Total int `json:"total,omitempty"`
}

// newHold returns a hold of removals.
func newHold(removals []*v1alpha1.GatewayTenant, total int, nonce string) Hold {
	hold := Hold{Total: total}
	for _, tenant := range removals {
		hold.Tenants = append(hold.Tenants, holdKey(tenant))
	}
	slices.Sort(hold.Tenants)
	sum := sha256.Sum256([]byte(nonce + "\n" + strings.Join(hold.Tenants, "\n")))
	hold.Token = hex.EncodeToString(sum[:8])
	return hold
}

func holdKey(tenant *v1alpha1.GatewayTenant) string {
	uid := string(tenant.UID)
	return tenant.Namespace + "/" + uid[:min(len(uid), 8)]
}

// held returns the removals that the hold contains.
func (h Hold) held(removals []*v1alpha1.GatewayTenant) []*v1alpha1.GatewayTenant {
	return slices.DeleteFunc(slices.Clone(removals), func(tenant *v1alpha1.GatewayTenant) bool {
		_, is := slices.BinarySearch(h.Tenants, holdKey(tenant))
		return !is
	})
}

// hold returns the new hold, and the GatewayTenants to remove now. A recorded hold that is confirmed is removed. A recorded
// hold that is not confirmed holds all removals, even if the same edit changed the percentage since: an edit that renames all
// tenants creates as many as it removes.
func (g Guard) hold(removals []*v1alpha1.GatewayTenant, total int, sources []entries.Source, record Hold, nonce string) (Hold, []*v1alpha1.GatewayTenant) {
	allEmpty := !slices.ContainsFunc(sources, func(s entries.Source) bool { return !s.Empty })
	if allEmpty && len(removals) <= g.Most {
		return Hold{}, removals // the literal [] asks for the removal of all
	}
	if recorded := record.held(removals); len(recorded) > 0 {
		if slices.ContainsFunc(sources, func(s entries.Source) bool { return s.Confirmed == record.Token }) {
			return record, recorded
		}
		return record, nil
	}
	if !g.tooMany(len(removals), total) {
		return Hold{}, removals
	}
	return newHold(removals, total, nonce), nil
}

// tooMany reports whether the removal of so many may be a mistake.
func (g Guard) tooMany(removals, total int) bool {
	if removals == 0 {
		return false
	}
	return removals == total || removals > g.Most && removals*100 > total*g.Percent
}

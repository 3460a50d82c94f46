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

// Hold is a removal that waits for a confirmation.
type Hold struct {
	// Plan is what a confirmation repeats: the hash of just these GatewayTenants, by namespace and uid. So it confirms
	// no later plan.
	Plan string
	// Removals of Total bridged GatewayTenants.
	Removals, Total int
}

// hold holds a removal that nobody may have meant: of all, or of very many. The literal [] says plainly that all shall
// go, so that it needs no confirmation for a few. What was held stays held, by whatever else the same edit changes the
// proportion: an edit that renames all tenants makes as many as it would remove.
func (g Guard) hold(removals []*v1alpha1.GatewayTenant, total int, sources []Source, held map[string]bool) Hold {
	n := len(removals)
	plainly := !slices.ContainsFunc(sources, func(s Source) bool { return !s.Empty })
	few := plainly && n <= g.Most
	many := n == total || n > g.Most && n*100 > total*g.Percent
	still := slices.ContainsFunc(removals, func(tenant *v1alpha1.GatewayTenant) bool { return held[tenant.Namespace] })
	if n == 0 || few || !many && !still {
		return Hold{}
	}
	plan := hash(removals)
	if slices.ContainsFunc(sources, func(s Source) bool { return s.Confirmed == plan }) {
		return Hold{}
	}
	return Hold{Plan: plan, Removals: n, Total: total}
}

func hash(tenants []*v1alpha1.GatewayTenant) string {
	lines := make([]string, 0, len(tenants))
	for _, tenant := range tenants {
		lines = append(lines, tenant.Namespace+"/"+string(tenant.UID))
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:8])
}

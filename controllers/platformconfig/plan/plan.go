package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
)

// Plan is what the bridge does in one reconcile.
type Plan struct {
	// Apply are the entries to apply.
	Apply []Work
	// Delete are the GatewayTenants that the bridge created and that no entry asks for any more.
	Delete []*v1alpha1.GatewayTenant
	// Release are those that stay without the bridge, as if their tenant had created them.
	Release []*v1alpha1.GatewayTenant
	// Rows describe each entry as it is if the plan succeeds, and each GatewayTenant that stays without an entry.
	Rows []Row
	// Problems are the problems of whole ConfigMaps.
	Problems []string
	// Hold is the removal that waits for a confirmation. It is empty if none does.
	Hold Hold
	// Applied are the namespaces in which the bridge has applied an entry, for the report to record.
	Applied AppliedSet
}

// WithoutFirst adds a problem if the first ConfigMap does not exist. If no entry and no GatewayTenant exists either, the
// bridge is not used, which is no problem.
func (p *Plan) WithoutFirst(config types.NamespacedName) {
	if len(p.Rows) > 0 {
		p.Problems = append(p.Problems, fmt.Sprintf("the ConfigMap %s is not there; no GatewayTenant that comes from it is made, changed or removed", config))
	}
}

// Compare plans what to do. The report has the order of the sources.
func Compare(sources []entries.Source, snapshot Snapshot, guard Guard) Plan {
	p := &planner{Snapshot: snapshot, sources: sources, listed: map[string][]string{}}
	for _, source := range sources {
		for _, namespace := range source.Namespaces() {
			p.listed[namespace] = append(p.listed[namespace], source.Origin)
		}
		if source.Err != nil {
			p.unreadable = append(p.unreadable, source.Origin)
			p.plan.Problems = append(p.plan.Problems, fmt.Sprintf("%s: %v; no GatewayTenant is removed, and none of its own is made or changed", source.Origin, source.Err))
		}
	}
	for _, source := range sources {
		p.planEntries(source)
	}
	p.removals(guard)
	p.recordApplied()
	return p.plan
}

// planner makes one plan.
type planner struct {
	Snapshot
	sources    []entries.Source
	listed     map[string][]string // by namespace, the sources that list it
	unreadable []string
	plan       Plan
}

func (p *planner) row(namespace string, state State, origin, format string, args ...any) {
	p.plan.Rows = append(p.plan.Rows, Row{namespace, state, origin, fmt.Sprintf(format, args...)})
}

// planEntries plans what a source's entries ask for.
func (p *planner) planEntries(source entries.Source) {
	for _, refusal := range source.Refusals {
		tenant := p.Tenants[refusal.Namespace]
		if refusal.Rest == nil || len(p.listed[refusal.Namespace]) > 1 || p.Namespaces[refusal.Namespace] != Present || tenant == nil || !p.isBridged(tenant) {
			p.row(refusal.Namespace, Refused, source.Origin, "%s", refusal.Message)
			continue
		}
		rest := keeping(*refusal.Rest, tenant, refusal.Rest.Kept...)
		p.apply(Work{Entry: rest, Origin: source.Name, Refused: refusal.Message}, source.Origin, tenant)
	}
	for _, entry := range source.Entries {
		tenant, presence := p.Tenants[entry.Namespace], p.Namespaces[entry.Namespace]
		switch others := p.listed[entry.Namespace]; {
		case len(others) > 1:
			p.row(entry.Namespace, Refused, source.Origin, "%s: the namespace is listed in %s; keep one of them", entry.Place, strings.Join(others[:min(len(others), 3)], " and "))
		case presence == Unwatched:
			p.row(entry.Namespace, Refused, source.Origin, "%s: the operator does not work in this namespace; see its flag --watch-namespaces", entry.Place)
		case tenant == nil && p.Reserved != nil && p.Reserved(entry.Namespace):
			p.row(entry.Namespace, Refused, source.Origin, "%s: namespace %q is reserved for the system or the operator, and a gateway there would run other users' code next to system components; use another namespace", entry.Place, entry.Namespace)
		case presence == Absent:
			p.row(entry.Namespace, Waiting, source.Origin, "the namespace does not exist; its gateway is made when it appears")
		case presence == Terminating:
			p.row(entry.Namespace, Waiting, source.Origin, "the namespace is being deleted; its gateway is made when it appears again")
		case presence == Restoring:
			p.row(entry.Namespace, Waiting, source.Origin, "a backup is being restored into the namespace, so nothing is changed in it; when the restore is complete: kubectl annotate namespace %s %s-", entry.Namespace, v1alpha1.AnnotationRestore)
		case tenant != nil && !p.isBridged(tenant) && tenant.Annotations[v1alpha1.AnnotationHandOver] != v1alpha1.HandOverToPlatform:
			p.row(entry.Namespace, Conflict, source.Origin, "there is a hand-made GatewayTenant; delete it, or hand it over: kubectl annotate gwt %s -n %s %s=%s",
				v1alpha1.Name, entry.Namespace, v1alpha1.AnnotationHandOver, v1alpha1.HandOverToPlatform)
		default:
			p.apply(Work{Entry: entry, Origin: source.Name}, source.Origin, tenant)
		}
	}
}

// apply plans to apply an entry, except for a storage class that differs from that of the existing GatewayTenant. The tenant
// is nil if none exists.
func (p *planner) apply(work Work, origin string, tenant *v1alpha1.GatewayTenant) {
	if work.bridged = tenant != nil && p.isBridged(tenant); work.bridged {
		if why := classChange(work.Entry, tenant); why != "" {
			work.refuse(why)
			work.Entry = keeping(work.Entry, tenant, "storage")
		}
	}
	state, message := Applied, ""
	if work.Refused != "" {
		state, message = Refused, work.Message()
	}
	work.Row = len(p.plan.Rows)
	p.plan.Apply = append(p.plan.Apply, work)
	p.row(work.Namespace, state, origin, "%s", message)
}

// removals plans what happens to bridged GatewayTenants that no entry asks for.
func (p *planner) removals(guard Guard) {
	var removals []*v1alpha1.GatewayTenant
	listed := 0
	for _, namespace := range slices.Sorted(maps.Keys(p.Tenants)) {
		tenant := p.Tenants[namespace]
		if !p.isMarked(tenant) || tenant.DeletionTimestamp != nil || p.Namespaces[namespace] != Present {
			continue
		}
		if len(p.listed[namespace]) > 0 {
			listed++
			continue
		}
		if why := p.keeps(tenant); why != "" {
			p.row(namespace, Kept, originOf(tenant), "no entry asks for this gateway; it stays, since %s", why)
			continue
		}
		if tenant.Annotations[v1alpha1.AnnotationHandOver] == v1alpha1.HandOverToTenant {
			p.plan.Release = append(p.plan.Release, tenant)
			continue
		}
		removals = append(removals, tenant)
	}
	// GatewayTenants that only claim to be bridged, and that no entry asks for, must not make a removal look smaller.
	p.plan.Hold, p.plan.Delete = guard.hold(removals, listed+len(removals), p.sources, p.Hold, p.Nonce)
	for _, tenant := range removals {
		if !slices.Contains(p.plan.Delete, tenant) {
			p.row(tenant.Namespace, Held, originOf(tenant), "no entry asks for this gateway; its removal waits for a confirmation")
		}
	}
}

// keeps returns why a GatewayTenant that no entry asks for stays. It is empty if the GatewayTenant is to be removed.
func (p *planner) keeps(tenant *v1alpha1.GatewayTenant) string {
	origin := tenant.Annotations[v1alpha1.AnnotationSource]
	switch {
	case !slices.ContainsFunc(p.sources, func(s entries.Source) bool { return s.Name == origin }):
		return fmt.Sprintf("the ConfigMap %q that it comes from does not exist; list it in another one, set the annotation %s there if that replaces the former, or delete the gateway: kubectl delete gatewaytenant %s -n %s",
			originOf(tenant), entries.AnnotationSourceName, v1alpha1.Name, tenant.Namespace)
	case len(p.unreadable) > 0:
		return strings.Join(p.unreadable, " and ") + " cannot be read, and may ask for it"
	case len(p.listed[""]) > 0:
		return "an entry whose name cannot be read may be meant for it (" + strings.Join(p.listed[""], " and ") + ")"
	}
	return ""
}

// recordApplied sets the namespaces for the report. Those of marked GatewayTenants are in it, and those that were in it before
// while an entry asks for them, or may do so.
func (p *planner) recordApplied() {
	p.plan.Applied = AppliedSet{}
	for namespace, uid := range p.UIDs {
		tenant := p.Tenants[namespace]
		if tenant != nil && p.isMarked(tenant) || p.wasApplied(namespace) && len(p.listed[namespace])+len(p.listed[""])+len(p.unreadable) > 0 {
			p.plan.Applied[hashOf(namespace, uid)] = struct{}{}
		}
	}
}

package platformconfig

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	"github.com/ambient-code/gatewaytenant-operator/controllers/namedcache"
)

// State is where an entry, or a bridged GatewayTenant without one, stands.
type State string

// States.
const (
	// Applied: the GatewayTenant is as the entry says. How its gateway fares is in the GatewayTenant's own status.
	Applied State = "Applied"
	// Waiting: the namespace does not exist, or is being deleted.
	Waiting State = "Waiting"
	// Refused: the entry is not valid, or the API server does not take it. A GatewayTenant that it made before stays. If
	// only independent fields are rejected, the rest of the entry is applied to it.
	Refused State = "Refused"
	// Conflict: there is a hand-made GatewayTenant.
	Conflict State = "Conflict"
	// Failed: the API server could not be asked, or did not answer well. It is tried again.
	Failed State = "Failed"
	// Kept: no entry asks for the GatewayTenant, and it stays since something may ask for it that cannot be read.
	Kept State = "Kept"
	// Held: the GatewayTenant would be removed, with so many others that this waits for a confirmation.
	Held State = "Held"
)

// Row is one line of the report.
type Row struct {
	Namespace string `json:"namespace"`
	State     State  `json:"state"`
	Source    string `json:"source"`
	Message   string `json:"message,omitempty"`
}

// Work is an entry that is to be applied, and the row that tells of it.
type Work struct {
	Entry
	Origin string
	// Refused is why a part of the entry is not applied. It is empty if all of it is.
	Refused string
	row     int
}

// Plan is what the bridge does in one pass.
type Plan struct {
	// Apply are the entries whose GatewayTenant is to be as they say.
	Apply []Work
	// Delete are the GatewayTenants that the bridge made and that no entry asks for any more.
	Delete []*v1alpha1.GatewayTenant
	// Release are those of them that are handed over: they stay, as hand-made ones.
	Release []*v1alpha1.GatewayTenant
	// Rows say where each entry stands if what is planned succeeds, and each GatewayTenant that stays without one.
	Rows []Row
	// Problems are what is wrong with whole ConfigMaps.
	Problems []string
	// Hold is the removal that waits for a confirmation; the zero value: none does.
	Hold Hold
}

// withoutFirst says what is wrong if the first ConfigMap is not there. If nothing comes from any, nobody uses the bridge.
func (p *Plan) withoutFirst(config types.NamespacedName) {
	if len(p.Rows) > 0 {
		p.Problems = append(p.Problems, fmt.Sprintf("the ConfigMap %s is not there; no GatewayTenant that comes from it is made, changed or removed", config))
	}
}

// Presence is what the bridge knows of a namespace.
type Presence int

// Presences.
const (
	Absent Presence = iota
	Present
	Leaving
	Unwatched // the operator does not work in it
)

// World is what there is, beside the sources.
type World struct {
	// Tenants are the GatewayTenants, by namespace.
	Tenants map[string]*v1alpha1.GatewayTenant
	// Namespaces are the namespaces that exist.
	Namespaces map[string]Presence
	// Hold is the removal that is on record as held; the zero value: none is.
	Hold Hold
	// Nonce is another each time.
	Nonce string
}

// WorldOf is the world with these GatewayTenants and namespaces, of which the operator works in those watched. The
// tenants are not copied.
func WorldOf(tenants []v1alpha1.GatewayTenant, namespaces []metav1.PartialObjectMetadata, watched namedcache.Namespaces) World {
	world := World{Tenants: map[string]*v1alpha1.GatewayTenant{}, Namespaces: map[string]Presence{}}
	for i := range tenants {
		world.Tenants[tenants[i].Namespace] = &tenants[i]
	}
	for _, namespace := range namespaces {
		switch {
		case !watched.Include(namespace.Name):
			world.Namespaces[namespace.Name] = Unwatched
		case namespace.DeletionTimestamp != nil:
			world.Namespaces[namespace.Name] = Leaving
		default:
			world.Namespaces[namespace.Name] = Present
		}
	}
	return world
}

// Compare finds what to do. The order of the sources is that of the report.
func Compare(sources []Source, world World, guard Guard) Plan {
	p := &planner{World: world, sources: sources, listed: map[string][]string{}}
	for _, source := range sources {
		for _, namespace := range source.namespaces() {
			p.listed[namespace] = append(p.listed[namespace], source.Origin)
		}
		if source.Err != nil {
			p.unreadable = append(p.unreadable, source.Origin)
			p.plan.Problems = append(p.plan.Problems, fmt.Sprintf("%s: %v; no GatewayTenant is removed, and none of its own is made or changed", source.Origin, source.Err))
		}
	}
	for _, source := range sources {
		p.entries(source)
	}
	p.removals(guard)
	return p.plan
}

// planner is one comparison.
type planner struct {
	World
	sources    []Source
	listed     map[string][]string // by namespace, the sources that list it
	unreadable []string
	plan       Plan
}

func (p *planner) row(namespace string, state State, origin, format string, args ...any) {
	p.plan.Rows = append(p.plan.Rows, Row{namespace, state, origin, fmt.Sprintf(format, args...)})
}

// entries plans what a source's entries ask for.
func (p *planner) entries(source Source) {
	for _, refusal := range source.Refusals {
		tenant := p.Tenants[refusal.Namespace]
		if refusal.Rest == nil || len(p.listed[refusal.Namespace]) > 1 || p.Namespaces[refusal.Namespace] != Present || tenant == nil || !Bridged(tenant) {
			p.row(refusal.Namespace, Refused, source.Origin, "%s", refusal.Message)
			continue
		}
		rest := refusal.Rest.keeping(tenant, refusal.Rest.Kept...)
		p.apply(Work{Entry: rest, Origin: source.Origin, Refused: refusal.Message}, tenant)
	}
	for _, entry := range source.Entries {
		tenant, presence := p.Tenants[entry.Namespace], p.Namespaces[entry.Namespace]
		switch others := p.listed[entry.Namespace]; {
		case len(others) > 1:
			p.row(entry.Namespace, Refused, source.Origin, "%s: the namespace is listed in %s; keep one of them", entry.Place, strings.Join(others[:min(len(others), 3)], " and "))
		case presence == Unwatched:
			p.row(entry.Namespace, Refused, source.Origin, "%s: the operator does not work in this namespace; see its flag --watch-namespaces", entry.Place)
		case presence == Absent:
			p.row(entry.Namespace, Waiting, source.Origin, "the namespace does not exist; its gateway is made when it appears")
		case presence == Leaving:
			p.row(entry.Namespace, Waiting, source.Origin, "the namespace is being deleted; its gateway is made when it appears again")
		case tenant != nil && !Bridged(tenant) && tenant.Annotations[v1alpha1.AnnotationHandOver] != v1alpha1.HandOverToPlatform:
			p.row(entry.Namespace, Conflict, source.Origin, "there is a hand-made GatewayTenant; delete it, or hand it over: kubectl annotate gwt %s -n %s %s=%s",
				v1alpha1.Name, entry.Namespace, v1alpha1.AnnotationHandOver, v1alpha1.HandOverToPlatform)
		default:
			p.apply(Work{Entry: entry, Origin: source.Origin}, tenant)
		}
	}
}

// apply plans that an entry is applied, but for a storage class that differs from that of the GatewayTenant that exists
// (nil if none does).
func (p *planner) apply(work Work, tenant *v1alpha1.GatewayTenant) {
	if tenant != nil && Bridged(tenant) {
		if why := classChange(work.Entry, tenant); why != "" {
			work.refuse(why)
			work.Entry = work.keeping(tenant, "storage")
		}
	}
	state, message := Applied, ""
	if work.Refused != "" {
		state, message = Refused, work.Message()
	}
	work.row = len(p.plan.Rows)
	p.plan.Apply = append(p.plan.Apply, work)
	p.row(work.Namespace, state, work.Origin, "%s", message)
}

// removals plans what becomes of bridged GatewayTenants that no entry asks for.
func (p *planner) removals(guard Guard) {
	var removals []*v1alpha1.GatewayTenant
	listed := 0
	for _, namespace := range slices.Sorted(maps.Keys(p.Tenants)) {
		tenant := p.Tenants[namespace]
		if !Bridged(tenant) || tenant.DeletionTimestamp != nil || p.Namespaces[namespace] != Present {
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
	// What merely says of itself that it is bridged, and no entry asks for, does not make a removal look smaller.
	p.plan.Hold, p.plan.Delete = guard.hold(removals, listed+len(removals), p.sources, p.Hold, p.Nonce)
	for _, tenant := range removals {
		if !slices.Contains(p.plan.Delete, tenant) {
			p.row(tenant.Namespace, Held, originOf(tenant), "no entry asks for this gateway; its removal waits for a confirmation")
		}
	}
}

// originOf returns where a GatewayTenant comes from according to its annotation. Any client may have written that, so it is truncated.
func originOf(tenant *v1alpha1.GatewayTenant) string {
	return message.Truncate(tenant.Annotations[v1alpha1.AnnotationSource], 320)
}

// keeps says why a GatewayTenant that no entry asks for stays; empty: it goes.
func (p *planner) keeps(tenant *v1alpha1.GatewayTenant) string {
	origin := tenant.Annotations[v1alpha1.AnnotationSource]
	switch {
	case !slices.ContainsFunc(p.sources, func(s Source) bool { return s.Origin == origin }):
		return fmt.Sprintf("the ConfigMap %q that it comes from is not there", originOf(tenant))
	case len(p.unreadable) > 0:
		return strings.Join(p.unreadable, " and ") + " cannot be read, and may ask for it"
	case len(p.listed[""]) > 0:
		return "an entry whose name cannot be read may be meant for it (" + strings.Join(p.listed[""], " and ") + ")"
	}
	return ""
}

// Bridged tells whether the bridge looks after a GatewayTenant: its field manager says so, which an edit of labels does
// not change, or a label and the source together do, which survive where managedFields are not kept, as in a backup.
func Bridged(tenant metav1.Object) bool {
	for _, entry := range tenant.GetManagedFields() {
		if entry.Manager == FieldOwner {
			return true
		}
	}
	return tenant.GetLabels()[v1alpha1.LabelSource] == v1alpha1.SourcePlatformConfig && tenant.GetAnnotations()[v1alpha1.AnnotationSource] != ""
}

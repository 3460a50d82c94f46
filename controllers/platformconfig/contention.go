package platformconfig

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
)

// maxClients is how many clients are reported for one GatewayTenant.
const maxClients = 4

// contention remembers what the bridge applied, and counts how often other clients changed or deleted a GatewayTenant so that
// the same had to be applied again. No object records a change that was reverted. Losing it is safe: a client that continues is
// reported after a few more changes, and each GatewayTenant is compared once.
type contention struct {
	mu sync.Mutex
	by map[string]*history // by namespace
}

// history is what the bridge did about one GatewayTenant.
type history struct {
	applied    string // the hash of what was applied last
	generation int64  // of the GatewayTenant before the last apply
	version    string // the resourceVersion that was observed as applied; empty until one was observed since the last apply
	changes    int    // each of which followed the one before it within the window
	last       time.Time
	clients    map[string]bool
}

// of returns the history of a GatewayTenant. The caller holds the lock.
func (c *contention) of(namespace string) *history {
	if c.by == nil {
		c.by = map[string]*history{}
	}
	if c.by[namespace] == nil {
		c.by[namespace] = &history{}
	}
	return c.by[namespace]
}

// settle records that this version of a GatewayTenant has the values of the entry with this hash.
func (c *contention) settle(tenant *v1alpha1.GatewayTenant, hash string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.of(tenant.Namespace)
	known.applied, known.version = hash, tenant.ResourceVersion
}

// isSettled reports whether this version of a GatewayTenant was found to have the values of the entry with this hash.
func (c *contention) isSettled(tenant *v1alpha1.GatewayTenant, hash string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.by[tenant.Namespace]
	return known != nil && known.applied == hash && known.version == tenant.ResourceVersion && hash != ""
}

// apply records that an entry with this hash was applied to a GatewayTenant, which is nil if none existed. Clients have changed the
// GatewayTenant if the same hash was applied before, and since then either a version with these values was observed or the
// generation increased by more than that apply. A cache that does not contain the last apply yet shows neither.
func (c *contention) apply(namespace, hash string, tenant *v1alpha1.GatewayTenant, clients []string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.of(namespace)
	generation := int64(0)
	if tenant != nil {
		generation = tenant.Generation
	}
	if known.applied == hash && (known.version != "" || generation > known.generation+1) {
		if now.Sub(known.last) > apply.ContentionWindow {
			known.changes, known.clients = 0, map[string]bool{}
		}
		known.changes++
		known.last = now
		for _, client := range clients[:min(len(clients), maxClients-min(len(known.clients), maxClients))] {
			known.clients[client] = true
		}
	}
	known.applied, known.generation, known.version = hash, generation, ""
}

// note notes an apply that succeeded. One that changed nothing reverted no client's change: an admission webhook sets another value than
// the entry, and would do so again.
func (c *contention) note(write apply.Write) {
	hash, err := apply.Hash(write.Desired)
	if err != nil {
		return // the apply would have failed
	}
	tenant, _ := write.Live.(*v1alpha1.GatewayTenant)
	if tenant != nil && tenant.ResourceVersion != "" && write.Result.GetResourceVersion() == tenant.ResourceVersion {
		c.settle(tenant, hash)
		return
	}
	c.apply(write.Desired.GetNamespace(), hash, tenant, clientsOf(tenant, write.Difference.Managers), time.Now())
}

// message returns what to report about a GatewayTenant, and how long until it is no longer to be reported. It is empty if there
// is nothing to report.
func (c *contention) message(namespace string, now time.Time) (string, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.by[namespace]
	if known == nil || known.changes <= apply.ContentionThreshold || now.Sub(known.last) >= apply.ContentionWindow {
		return "", 0
	}
	return fmt.Sprintf("the GatewayTenant is changed again and again by %s, and its entry is applied again each time; stop that client, write the value into the entry, or remove the field from the entry so that others may set it",
		strings.Join(slices.Sorted(maps.Keys(known.clients)), " and ")), apply.ContentionWindow - now.Sub(known.last)
}

// keepOnly drops all namespaces but those of entries that are applied.
func (c *contention) keepOnly(applied []plan.Work) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.by) == 0 {
		return
	}
	kept := make(map[string]*history, len(c.by))
	for i := range applied {
		if known := c.by[applied[i].Namespace]; known != nil {
			kept[applied[i].Namespace] = known
		}
	}
	c.by = kept
}

// clientsOf names the clients that changed a GatewayTenant: the managers that took fields from the bridge or, if there are none,
// the manager that wrote last. The tenant is nil if it was deleted.
func clientsOf(tenant *v1alpha1.GatewayTenant, managers []string) []string {
	if tenant == nil {
		return []string{"a client that deletes it, which only the audit log of the API server names"}
	}
	if len(managers) == 0 {
		last := apply.LastManager(tenant, plan.FieldOwner)
		if last == "" {
			return []string{fmt.Sprintf("a client that writes under the name of the bridge (%q), which only the audit log of the API server names", plan.FieldOwner)}
		}
		managers = []string{last}
	}
	clients := make([]string, len(managers))
	for i, manager := range managers {
		clients[i] = fmt.Sprintf("the field manager %q", manager)
	}
	return clients
}

package gatewaytenant

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/status"
)

const (
	// gracePerTenant is added to the grace and to the first lookup for each tenant in the backlog, since pods that start at the same
	// time wait for each other's volumes and nodes. A control plane with two processors makes four tenants a second Ready.
	gracePerTenant = 250 * time.Millisecond
	// graceMax is the longest of these times.
	graceMax = 5 * time.Minute
)

// tenantCounter counts the tenants in the cache, at most once a second.
type tenantCounter struct {
	tenants client.Reader

	mu             sync.Mutex
	counted        time.Time
	total, backlog int
}

// Grace returns how long a new gateway may take to start, and a pod may wait for a node, before the status reports it.
func (c *tenantCounter) Grace() time.Duration {
	return min(diagnose.Grace+time.Duration(c.countBacklog())*gracePerTenant, graceMax)
}

// FirstLookup returns how long a workload may have no running pod before Events and pods are read from the API server.
func (c *tenantCounter) FirstLookup() time.Duration {
	return min(observe.MinFirstLookup+time.Duration(c.countBacklog())*gracePerTenant, graceMax)
}

// countTotal returns the number of all tenants. It is zero before the cache is filled.
func (c *tenantCounter) countTotal() int {
	total, _ := c.count()
	return total
}

// countBacklog returns the number of tenants in the backlog.
func (c *tenantCounter) countBacklog() int {
	_, backlog := c.count()
	return backlog
}

func (c *tenantCounter) count() (total, backlog int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.counted) < time.Second {
		return c.total, c.backlog
	}
	var list v1alpha1.GatewayTenantList
	if err := c.tenants.List(context.Background(), &list, client.UnsafeDisableDeepCopy); err != nil {
		return c.total, c.backlog // the cache is not filled yet
	}
	c.counted, c.total, c.backlog = time.Now(), len(list.Items), 0
	for i := range list.Items {
		if inBacklog(&list.Items[i]) {
			c.backlog++
		}
	}
	return c.total, c.backlog
}

// inBacklog reports whether the gateway of a tenant is still starting.
func inBacklog(tenant *v1alpha1.GatewayTenant) bool {
	ready := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionReady)
	return ready == nil || ready.Reason == v1alpha1.ReasonPodEvicted || status.IsProgressing(ready.Reason)
}

package gatewaytenant

import (
	"crypto/sha256"
	"encoding/json"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// evaluationCache holds the result of manifests.NewTenant for the present spec of each tenant: one entry per tenant, which is
// replaced when the spec changes and dropped when the tenant no longer exists. The result depends on the spec, the annotations
// and the settings of the platform. Of these settings, only the default image changes while the process runs: it depends on the volume.
//
// Events about a tenant's objects lead to many reconciles of an unchanged spec. Without the cache, each of them would evaluate
// the spec again, and a tenant can make its spec expensive. The loss of an entry costs one evaluation.
type evaluationCache struct {
	mu          sync.Mutex
	byNamespace map[string]evaluation
}

// evaluation is the result of evaluating a spec. Neither the tenant nor the error is ever modified.
type evaluation struct {
	of     evaluated
	tenant manifests.Tenant
	err    error
}

// evaluated identifies what was evaluated. The API server gives each change of a spec a new generation.
type evaluated struct {
	uid         types.UID
	generation  int64
	annotations [sha256.Size]byte
	image       string // the default
}

// evaluate returns the result of manifests.NewTenant.
func (c *evaluationCache) evaluate(gt *v1alpha1.GatewayTenant, platform manifests.Platform) (manifests.Tenant, error) {
	annotations, err := json.Marshal(gt.Annotations) // sorted
	if err != nil {
		return manifests.Tenant{}, err
	}
	of := evaluated{gt.UID, gt.Generation, sha256.Sum256(annotations), platform.DefaultImage()}
	c.mu.Lock()
	last, there := c.byNamespace[gt.Namespace]
	c.mu.Unlock()
	if there && last.of == of {
		return last.tenant, last.err
	}
	tenant, err := manifests.NewTenant(gt, platform)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byNamespace == nil {
		c.byNamespace = map[string]evaluation{}
	}
	c.byNamespace[gt.Namespace] = evaluation{of, tenant, err}
	return tenant, err
}

// forget drops a tenant that no longer exists.
func (c *evaluationCache) forget(namespace string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byNamespace, namespace)
}

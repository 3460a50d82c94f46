package platformconfig

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/namedcache"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Options are the options of the bridge.
type Options struct {
	// ConfigMaps are the ConfigMaps with entries, and the report.
	ConfigMaps entries.ConfigMaps
	// Platform is what the platform sets for all tenants.
	Platform manifests.Platform
	// Guard holds mass removals.
	Guard plan.Guard
	// Concurrency is the number of GatewayTenants that are written concurrently, at least 1.
	Concurrency int
	// Namespaces are the namespaces in which the operator works. If it is empty, the operator works in all namespaces.
	Namespaces namedcache.Namespaces
}

// CacheOptions returns what the manager's cache keeps for the bridge: the ConfigMaps that it reads and, of others in their
// namespace, no contents.
func CacheOptions(configMaps entries.ConfigMaps) map[client.Object]cache.ByObject {
	transform := func(object any) (any, error) {
		if config, ok := object.(*corev1.ConfigMap); ok {
			if !configMaps.Include(config) {
				return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: config.Name, Namespace: config.Namespace, UID: config.UID, ResourceVersion: config.ResourceVersion}}, nil
			}
			config.ManagedFields = nil
		}
		return object, nil
	}
	return map[client.Object]cache.ByObject{
		&corev1.ConfigMap{}: {Namespaces: map[string]cache.Config{configMaps.First.Namespace: {}}, Transform: transform},
	}
}

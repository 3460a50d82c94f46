package observe

import (
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/namedcache"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Caches hold what the operator observes: the objects of tenants by name, and what all tenants share.
type Caches struct {
	// Children hold the objects in the tenants' namespaces.
	Children map[Ref]cache.Cache
	// Pods hold the gateways' pods.
	Pods cache.Cache
	// SandboxCRD holds the CustomResourceDefinition of the Sandbox API.
	SandboxCRD cache.Cache
	// SharedBinding holds the ClusterRoleBinding of an earlier control plane.
	SharedBinding cache.Cache
}

// NewCache makes a cache of the objects of one kind and name, such as namedcache.New.
type NewCache func(object client.Object, name string, transform toolscache.TransformFunc, namespaces namedcache.Namespaces) (cache.Cache, error)

// NewCaches makes the caches, filled from the given namespaces or, if there are none, from all.
func NewCaches(newCache NewCache, namespaces namedcache.Namespaces) (*Caches, error) {
	caches := &Caches{Children: make(map[Ref]cache.Cache, len(children))}
	for _, c := range children {
		named, err := newCache(c.object, c.Name, c.kept(), namespaces)
		if err != nil {
			return nil, err
		}
		caches.Children[c.Ref] = named
	}
	var err error
	if caches.Pods, err = newCache(&corev1.Pod{}, manifests.PodName, keepPod, namespaces); err != nil {
		return nil, err
	}
	if caches.SandboxCRD, err = newCache(&apiextensionsv1.CustomResourceDefinition{}, manifests.SandboxCRD, keepCRD, nil); err != nil {
		return nil, err
	}
	caches.SharedBinding, err = newCache(&rbacv1.ClusterRoleBinding{}, SharedBinding.Name, keepSubjects, nil)
	return caches, err
}

// StatefulSets returns the cache of the gateways' StatefulSets.
func (c *Caches) StatefulSets() cache.Cache {
	return c.Children[Workload]
}

// ForEachChild calls f with each cache of objects in the tenants' namespaces and an empty object of its type.
func (c *Caches) ForEachChild(f func(cache.Cache, client.Object)) {
	for _, child := range children {
		f(c.Children[child.Ref], child.object)
	}
}

// ManagerCacheOptions returns what the manager's own cache keeps: GatewayTenants with their spec, and namespaces and the tenants'
// ClusterRoleBindings as metadata, the latter with digests of their values.
func ManagerCacheOptions() map[client.Object]cache.ByObject {
	return map[client.Object]cache.ByObject{
		&v1alpha1.GatewayTenant{}: {Transform: compacted(keepTenant)},
		&corev1.Namespace{}:       {Transform: keepNamespace},
		&rbacv1.ClusterRoleBinding{}: {
			Transform: compacted(digest, keepMetadata, keepClusterRoleBinding), Label: labels.SelectorFromSet(labels.Set{manifests.LabelManagedBy: manifests.Manager}),
		},
	}
}

// kept returns the transform of the child's cache. Of a Secret, certificates.Transform decides which metadata is kept.
func (c child) kept() toolscache.TransformFunc {
	switch {
	case c.isSecret():
		return compacted(c.transform)
	case c.transform == nil:
		return compacted(keepMetadata)
	case hasValues(c.Kind):
		return compacted(digest, keepMetadata, c.transform)
	}
	return compacted(keepMetadata, c.transform)
}

// compacted applies transforms in order, and shares what is left and is equal in many objects.
func compacted(transforms ...toolscache.TransformFunc) toolscache.TransformFunc {
	compactor := apply.NewCompactor(manifests.Manager, manifests.BridgeManager)
	return func(object any) (any, error) {
		for _, transform := range transforms {
			var err error
			if object, err = transform(object); err != nil {
				return nil, err
			}
		}
		if metadata, err := meta.Accessor(object); err == nil {
			compactor.Compact(metadata)
		}
		return object, nil
	}
}

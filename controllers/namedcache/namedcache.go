// Package namedcache creates caches of the objects of one kind and one name, in every namespace. The names of a gateway's
// objects are fixed, so the operator needs neither the permission to read others nor the memory for them.
package namedcache

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/ambient-code/gatewaytenant-operator/controllers/bounded"
)

// Namespaces are the namespaces in which the operator works. If it is empty, the operator works in all namespaces.
type Namespaces map[string]cache.Config

// Only returns the given namespaces. If there are none, the operator works in all namespaces.
func Only(names []string) Namespaces {
	if len(names) == 0 {
		return nil
	}
	namespaces := Namespaces{}
	for _, name := range names {
		namespaces[name] = cache.Config{}
	}
	return namespaces
}

// Include reports whether the operator works in a namespace.
func (n Namespaces) Include(namespace string) bool {
	_, named := n[namespace]
	return named || len(n) == 0
}

// New returns a cache of the objects with the kind of object and with this name in the given namespaces. The manager starts
// it. The cache never stores what transform removes. Objects read from it are shared and must not be modified.
func New(mgr manager.Manager, object client.Object, name string, transform toolscache.TransformFunc, namespaces Namespaces) (cache.Cache, error) {
	shared := true
	named, err := cache.New(mgr.GetConfig(), cache.Options{
		Scheme:                       mgr.GetScheme(),
		Mapper:                       mgr.GetRESTMapper(),
		HTTPClient:                   mgr.GetHTTPClient(),
		ReaderFailOnMissingInformer:  true,
		DefaultUnsafeDisableDeepCopy: &shared,
		DefaultNamespaces:            namespaces,
		NewInformer:                  withoutIndex,
		ByObject: map[client.Object]cache.ByObject{
			object: {Field: fields.OneTermEqualSelector(metav1.ObjectNameField, name), Transform: transform},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("cache of objects named %s: %w", name, err)
	}
	if err := mgr.Add(standby{named}); err != nil {
		return nil, err
	}
	return named, nil
}

// withoutIndex returns an informer without indexes: each namespace has one object, which is found by its key.
func withoutIndex(source toolscache.ListerWatcher, object runtime.Object, resync time.Duration, _ toolscache.Indexers) toolscache.SharedIndexInformer {
	return bounded.NewInformer(source, object, resync, toolscache.Indexers{})
}

// standby is a cache that is filled before its process leads, so that a new leader does not have to wait for it.
type standby struct{ cache.Cache }

// NeedLeaderElection returns false.
func (standby) NeedLeaderElection() bool { return false }

// Package namedcache makes caches that hold the objects of one kind and one name, in every namespace. The names of a
// gateway's objects are fixed, so the operator needs no others: neither the right to read them nor the memory.
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

// Namespaces are those that the operator works in; none: all.
type Namespaces map[string]cache.Config

// Only are the given namespaces; none: all.
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

// Include tells whether the operator works in a namespace.
func (n Namespaces) Include(namespace string) bool {
	_, named := n[namespace]
	return named || len(n) == 0
}

// New makes a cache of the objects of the kind of object that are called name, in the given namespaces or, if there
// are none, in all; the manager starts it. What transform drops is never kept. What is read from it is shared and must
// not be changed.
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

// withoutIndex makes an informer that finds an object by its key alone: in a namespace there is one.
func withoutIndex(source toolscache.ListerWatcher, object runtime.Object, resync time.Duration, _ toolscache.Indexers) toolscache.SharedIndexInformer {
	return bounded.NewInformer(source, object, resync, toolscache.Indexers{})
}

// standby is a cache that is filled before its process leads, so that it need not be when it does.
type standby struct{ cache.Cache }

// NeedLeaderElection says that it does not.
func (standby) NeedLeaderElection() bool { return false }

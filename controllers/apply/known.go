package apply

import (
	"maps"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// known are the objects that were found to be as they should be, by namespace, so that one that did not change since is not
// looked at again. Objects without a namespace are none of them.
type known struct {
	mu sync.Mutex
	by map[string]map[kindName]found
}

type kindName struct{ kind, name string }

// found is what was wanted of an object, and of which version that holds.
type found struct{ hash, version string }

func (k *known) holds(stamped *unstructured.Unstructured, live metav1.Object) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	is, there := k.by[stamped.GetNamespace()][kindName{stamped.GetKind(), stamped.GetName()}]
	return there && is == of(stamped, live)
}

func (k *known) note(stamped *unstructured.Unstructured, live metav1.Object) {
	namespace := stamped.GetNamespace()
	if namespace == "" || live.GetResourceVersion() == "" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.by == nil {
		k.by = map[string]map[kindName]found{}
	}
	if k.by[namespace] == nil {
		k.by[namespace] = map[kindName]found{}
	}
	k.by[namespace][kindName{stamped.GetKind(), stamped.GetName()}] = of(stamped, live)
}

func of(stamped *unstructured.Unstructured, live metav1.Object) found {
	return found{AppliedHash(stamped), live.GetResourceVersion()}
}

// Forget drops what is remembered of a namespace in which nothing is applied any more.
func (c *Comparer) Forget(namespace string) {
	c.known.mu.Lock()
	defer c.known.mu.Unlock()
	delete(c.known.by, namespace)
}

// ForgetAllBut drops what is remembered of other namespaces than the given ones.
func (c *Comparer) ForgetAllBut(namespaces map[string]bool) {
	c.known.mu.Lock()
	defer c.known.mu.Unlock()
	maps.DeleteFunc(c.known.by, func(namespace string, _ map[kindName]found) bool { return !namespaces[namespace] })
}

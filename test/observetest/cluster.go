// Package observetest keeps the objects of one tenant in memory, with managedFields as an API server writes them, for tests that
// plan from what they observe.
package observetest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields/managedfieldstest"
	clientgoapply "k8s.io/client-go/applyconfigurations"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Namespace is the tenant's namespace.
const Namespace = "tenant-a"

var typeConverter = clientgoapply.NewTypeConverter(clientgoscheme.Scheme)

// Cluster holds the objects of a tenant.
type Cluster struct {
	t       *testing.T
	objects map[observe.Ref]*unstructured.Unstructured
}

// New returns a cluster without objects.
func New(t *testing.T) *Cluster {
	return &Cluster{t, map[observe.Ref]*unstructured.Unstructured{}}
}

// Apply applies an object as the operator does.
func (c *Cluster) Apply(desired *unstructured.Unstructured) {
	c.t.Helper()
	hash, err := apply.Hash(desired)
	if err != nil {
		c.t.Fatal(err)
	}
	hashed := desired.DeepCopy()
	annotations := map[string]string{apply.AnnotationHash: hash}
	maps.Copy(annotations, hashed.GetAnnotations())
	hashed.SetAnnotations(annotations)
	c.ApplyAs(manifests.Manager, hashed)
}

// ApplyAs applies an object as another field manager, and takes over the fields that conflict.
func (c *Cluster) ApplyAs(manager string, desired *unstructured.Unstructured) {
	c.t.Helper()
	ref, kind := observe.RefOf(desired), desired.GroupVersionKind()
	live := c.objects[ref]
	if live == nil {
		live = &unstructured.Unstructured{}
		live.SetGroupVersionKind(kind)
		live.SetName(desired.GetName())
		live.SetNamespace(desired.GetNamespace())
		live.SetUID(types.UID("uid-" + strings.ToLower(ref.Kind) + "-" + ref.Name))
		live.SetResourceVersion("1")
	}
	applied, err := managedfieldstest.NewFakeFieldManager(typeConverter, kind).Apply(live, desired.DeepCopy(), manager, true)
	if err != nil {
		c.t.Fatal(err)
	}
	c.objects[ref] = applied.(*unstructured.Unstructured)
}

// Put stores an object as it is.
func (c *Cluster) Put(object runtime.Object) {
	c.t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		c.t.Fatal(err)
	}
	stored := &unstructured.Unstructured{Object: content}
	if !strings.HasPrefix(stored.GetKind(), "Cluster") {
		stored.SetNamespace(Namespace)
	}
	c.objects[observe.RefOf(stored)] = stored
}

// Change changes an existing object and leaves its managedFields as they are.
func (c *Cluster) Change(ref observe.Ref, change func(object *unstructured.Unstructured)) {
	c.t.Helper()
	object := c.objects[ref]
	if object == nil {
		c.t.Fatalf("%s %s does not exist", ref.Kind, ref.Name)
	}
	change(object)
}

// Set sets a field of an existing object and leaves its managedFields as they are.
func (c *Cluster) Set(ref observe.Ref, value any, path ...string) {
	c.t.Helper()
	c.Change(ref, func(object *unstructured.Unstructured) {
		if err := unstructured.SetNestedField(object.Object, value, path...); err != nil {
			c.t.Fatal(err)
		}
	})
}

// Delete deletes an object.
func (c *Cluster) Delete(ref observe.Ref) { delete(c.objects, ref) }

// Snapshot returns what a client reads that may read all objects. The cluster has the Sandbox API, and no Secrets.
func (c *Cluster) Snapshot() observe.Snapshot {
	snapshot := observe.Snapshot{Secrets: map[string]*corev1.Secret{}, SandboxAPIs: []string{"v1alpha1"}}
	snapshot.Namespace = metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: Namespace, UID: "uid-namespace"}}
	for _, object := range c.objects {
		snapshot.Objects = append(snapshot.Objects, object.DeepCopy())
	}
	slices.SortFunc(snapshot.Objects, func(a, b *unstructured.Unstructured) int {
		return strings.Compare(a.GetKind()+" "+a.GetName(), b.GetKind()+" "+b.GetName())
	})
	return snapshot
}

package observe_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/controllers/namedcache"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/earlier"
	"github.com/ambient-code/gatewaytenant-operator/test/observetest"
)

var (
	now         = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	statefulSet = observe.Ref{Kind: "StatefulSet", Name: manifests.GatewayName}
	service     = observe.Ref{Kind: "Service", Name: manifests.GatewayName}
)

// fixture is a tenant and what exists of its gateway.
type fixture struct {
	t       *testing.T
	tenant  *v1alpha1.GatewayTenant
	cluster *observetest.Cluster
	secrets map[string]*corev1.Secret
}

// snapshot returns what kubectl gatewaytenant reads.
func (f *fixture) snapshot() observe.Snapshot {
	f.t.Helper()
	snapshot := f.cluster.Snapshot()
	for name, secret := range f.secrets {
		transformed, err := certificates.Transform(secret.DeepCopy())
		if err != nil {
			f.t.Fatal(err)
		}
		snapshot.Secrets[name] = transformed.(*corev1.Secret)
	}
	return snapshot
}

// fromSnapshot returns what kubectl gatewaytenant observes.
func (f *fixture) fromSnapshot() *observe.Observed {
	f.t.Helper()
	observed, err := f.snapshot().Observed(f.tenant.UID)
	if err != nil {
		f.t.Fatal(err)
	}
	return observed
}

// fromCaches returns what the operator observes.
func (f *fixture) fromCaches() *observe.Observed {
	f.t.Helper()
	caches, err := observe.NewCaches(func(object client.Object, name string, transform toolscache.TransformFunc, _ namedcache.Namespaces) (cache.Cache, error) {
		return &objectCache{f: f, object: object, name: name, transform: transform}, nil
	}, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	var keepBinding toolscache.TransformFunc
	for object, options := range observe.ManagerCacheOptions() {
		if _, is := object.(*rbacv1.ClusterRoleBinding); is {
			keepBinding = options.Transform
		}
	}
	manager := &objectCache{f: f, object: &rbacv1.ClusterRoleBinding{}, name: observe.Binding(observetest.Namespace).Name, transform: keepBinding}
	observer := observe.NewObserver(manager, f.server(), caches, &observe.Evictions{}, grace{}, func() time.Time { return now })
	namespace := f.snapshot().Namespace
	observed, err := observer.Observe(f.t.Context(), f.tenant, &namespace)
	if err != nil {
		f.t.Fatal(err)
	}
	tenant, err := f.evaluate(observed)
	if err == nil {
		observer.AddFiles(f.t.Context(), tenant, observed)
	}
	return observed
}

// server returns the API server, from which the operator reads gateway.toml. It has no Events and no pods of Jobs.
func (f *fixture) server() client.Reader {
	return interceptor.NewClient(nil, interceptor.Funcs{
		List: func(_ context.Context, _ client.WithWatch, list client.ObjectList, _ ...client.ListOption) error {
			configs, is := list.(*corev1.ConfigMapList)
			live := f.cluster.Snapshot().Find(observe.Ref{Kind: "ConfigMap", Name: manifests.ConfigName})
			if !is || live == nil {
				return nil
			}
			configs.Items = make([]corev1.ConfigMap, 1)
			return runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &configs.Items[0])
		},
	})
}

// grace reports no problem of a gateway that starts.
type grace struct{}

func (grace) Grace() time.Duration       { return diagnose.Grace }
func (grace) FirstLookup() time.Duration { return observe.MinFirstLookup }

// objectCache returns what a cache keeps of an object.
type objectCache struct {
	cache.Cache
	f         *fixture
	object    client.Object
	name      string
	transform toolscache.TransformFunc
}

func (c *objectCache) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	object, err := c.live()
	if err != nil {
		return err
	}
	if object == nil || key.Name != c.name {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "objects"}, key.Name)
	}
	kept, err := c.transform(object)
	if err != nil {
		return err
	}
	reflect.ValueOf(into).Elem().Set(reflect.ValueOf(kept).Elem())
	return nil
}

// live returns the object with the type that the cache has. It is nil if it does not exist.
func (c *objectCache) live() (client.Object, error) {
	switch c.object.(type) {
	case *corev1.Secret:
		if secret := c.f.secrets[c.name]; secret != nil {
			return secret.DeepCopy(), nil
		}
		return nil, nil
	case *apiextensionsv1.CustomResourceDefinition:
		crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: c.name}}
		crd.Spec.Versions = []apiextensionsv1.CustomResourceDefinitionVersion{{Name: "v1alpha1", Served: true}}
		crd.Status.Conditions = []apiextensionsv1.CustomResourceDefinitionCondition{{Type: apiextensionsv1.Established, Status: apiextensionsv1.ConditionTrue}}
		return crd, nil
	}
	kinds, _, err := clientgoscheme.Scheme.ObjectKinds(c.object)
	if metadata, is := c.object.(*metav1.PartialObjectMetadata); is {
		kinds, err = []schema.GroupVersionKind{metadata.GroupVersionKind()}, nil
	}
	if err != nil {
		return nil, err
	}
	live := c.f.cluster.Snapshot().Find(observe.Ref{Kind: kinds[0].Kind, Name: c.name})
	if live == nil {
		return nil, nil
	}
	typed := c.object.DeepCopyObject().(client.Object)
	return typed, runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, typed)
}

func (f *fixture) platform() manifests.Platform {
	f.t.Helper()
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		f.t.Fatal(err)
	}
	return platform
}

func (f *fixture) evaluate(observed *observe.Observed) (manifests.Tenant, error) {
	f.t.Helper()
	return manifests.NewTenant(f.tenant, f.platform().For(f.tenant, observed.Volume))
}

// plan returns the plan for what was observed.
func (f *fixture) plan(observed *observe.Observed) *plan.Plan {
	f.t.Helper()
	in := plan.Input{
		GatewayTenant: f.tenant, Platform: f.platform(), Observed: observed, SlotGranted: true, Now: now,
		Comparer: apply.NewComparer(clientgoscheme.Scheme, manifests.Manager, apply.Exclusive),
	}
	var err error
	in.Tenant, err = f.evaluate(observed)
	errors.As(err, &in.Rejected)
	p := plan.Make(in)
	if p.Incomplete != nil {
		f.t.Fatal(p.Incomplete)
	}
	return p
}

// steps returns the steps of a plan as lines of text.
func steps(p *plan.Plan) []string {
	var lines []string
	for _, s := range p.Steps {
		lines = append(lines, fmt.Sprintf("%s %s %s, waits for %q, because %q, blocked: %v, takes over: %t, managers: %q, in stage %d, requires %v",
			s.Action, s.Object.Kind, s.Object.Name, s.Waits, s.Reason, s.Blocked, s.Difference.Takeover != nil, s.Difference.Managers, s.Stage, s.Requires))
	}
	return lines
}

// adopted returns a gateway of an earlier control plane.
func adopted(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{
		t: t, cluster: observetest.New(t), secrets: map[string]*corev1.Secret{},
		tenant: &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: observetest.Namespace, Name: v1alpha1.Name, UID: "1"}},
	}
	creator := interceptor.NewClient(nil, interceptor.Funcs{
		Create: func(_ context.Context, _ client.WithWatch, object client.Object, _ ...client.CreateOption) error {
			switch object := object.(type) {
			case *corev1.Secret:
				f.secrets[object.Name] = object
			case *unstructured.Unstructured:
				f.cluster.ApplyAs(earlier.FieldOwner, object)
			}
			return nil
		},
	})
	if err := earlier.Create(t.Context(), creator, observetest.Namespace); err != nil {
		t.Fatal(err)
	}
	f.serve()
	return f
}

func (f *fixture) serve() {
	f.cluster.Set(statefulSet, int64(1), "metadata", "generation")
	f.cluster.Set(statefulSet, map[string]any{
		"observedGeneration": int64(1), "replicas": int64(1), "updatedReplicas": int64(1), "readyReplicas": int64(1), "currentRevision": "1", "updateRevision": "1",
	}, "status")
}

// adopt executes plans of the operator, and what its certgen Jobs do, until nothing is left to do.
func (f *fixture) adopt() {
	f.t.Helper()
	for range 4 {
		p := f.plan(f.fromCaches())
		for _, step := range p.Steps {
			if step.Object.Kind == "Job" {
				f.issue(p.Tenant.ServerNames)
				continue
			}
			if !step.IsExecutable() {
				continue
			}
			if step.Action == plan.Delete || step.Action == plan.Recreate {
				f.cluster.Delete(step.Object)
			}
			if step.Action == plan.Update && step.Difference.Takeover != nil {
				f.cluster.Change(step.Object, func(object *unstructured.Unstructured) { object.SetManagedFields(step.Difference.Takeover) })
			}
			if step.Desired != nil {
				f.cluster.Apply(step.Desired)
			}
		}
	}
}

// own makes another object the controller of one that exists.
func (f *fixture) own(ref observe.Ref) {
	controller := true
	f.cluster.Change(ref, func(object *unstructured.Unstructured) {
		object.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: "other", UID: "2", Controller: &controller}})
	})
}

// breakPod adds a pod of a revision that is not ready.
func (f *fixture) breakPod(revision string) {
	controller := true
	f.cluster.Set(statefulSet, int64(0), "status", "readyReplicas")
	f.cluster.Put(&corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name: manifests.PodName, UID: "uid-pod", Labels: map[string]string{"controller-revision-hash": revision},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: statefulSet.Name, UID: "uid-statefulset-openshell-gateway", Controller: &controller}},
		},
	})
}

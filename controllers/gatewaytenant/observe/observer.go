package observe

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/workload"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Observer observes tenants.
type Observer struct {
	manager   client.Reader // the manager's cache
	live      client.Reader // the API server
	caches    *Caches
	grace     Grace
	lookups   *lookups
	evictions *Evictions
	now       func() time.Time
}

// Grace returns how long problems that many starting tenants have in common are not reported.
type Grace interface {
	// Grace is how long a new gateway may take to start, and a pod may wait for a node.
	Grace() time.Duration
	// FirstLookup is how long a workload may have no running pod before Events and pods are read from the API server.
	FirstLookup() time.Duration
}

// NewObserver makes an Observer that reads from the manager's cache, other caches and the API server.
func NewObserver(manager, live client.Reader, caches *Caches, evictions *Evictions, grace Grace, now func() time.Time) *Observer {
	return &Observer{manager: manager, live: live, caches: caches, grace: grace, lookups: newLookups(), evictions: evictions, now: now}
}

// Forget drops the state of a tenant that no longer exists.
func (o *Observer) Forget(namespace string) {
	o.lookups.forget(namespace)
	o.evictions.forget(namespace)
}

// Observe reads the state of a tenant. If a read fails, it returns what was read before, together with the error.
func (o *Observer) Observe(ctx context.Context, tenant *v1alpha1.GatewayTenant, namespace *metav1.PartialObjectMetadata) (*Observed, error) {
	observed := &Observed{
		NamespaceUID: namespace.UID, PodSecurity: namespace.Labels[LabelPodSecurity], Restoring: v1alpha1.Restoring(namespace),
		Owners: []types.UID{tenant.UID}, Objects: make(map[Ref]metav1.Object, len(children)+1), Secrets: map[string]*corev1.Secret{},
	}
	for _, c := range children {
		object := c.object.DeepCopyObject().(client.Object)
		exists, err := Exists(o.caches.Children[c.Ref].Get(ctx, client.ObjectKey{Namespace: tenant.Namespace, Name: c.Name}, object))
		if err != nil {
			return observed, fmt.Errorf("reading %s %s/%s: %w", c.Kind, tenant.Namespace, c.Name, err)
		}
		if exists {
			observed.add(c.Ref, object, tenant.UID)
		}
	}
	if err := o.observeShared(ctx, tenant.Namespace, observed); err != nil {
		return observed, err
	}
	return observed, o.observeProblems(ctx, tenant, observed)
}

// AddFiles reads the texts of gateway.toml, which no cache holds, if a valid tenant needs them or a preflight has rejected one.
func (o *Observer) AddFiles(ctx context.Context, tenant manifests.Tenant, observed *Observed) {
	needed := tenant.NeedsFiles(observed.Volume) || observed.PreflightProblem.Reason == v1alpha1.ReasonPreflightFailed
	if observed.Restoring || !needed {
		return
	}
	config, err := o.files(ctx, tenant.Namespace)
	if observed.FilesErr = err; err == nil {
		observed.setFiles(config, config.Data)
	}
}

// add adds an object in the tenant's namespace.
func (o *Observed) add(ref Ref, object metav1.Object, tenant types.UID) {
	o.Objects[ref] = object
	switch object := object.(type) {
	case *appsv1.StatefulSet:
		o.setStatefulSet(object)
	case *corev1.PersistentVolumeClaim:
		o.Volume.Claim = object
	case *corev1.ConfigMap:
		o.Volume.FileKeys = slices.Sorted(maps.Keys(object.Data))
	case *batchv1.Job:
		if ref == Preflight {
			o.Preflight = object
		} else {
			o.Job = object
		}
	case *corev1.Secret:
		o.Secrets[object.Name] = object
		if object.Name == manifests.TokenKeysName {
			o.Volume.TokenKeys = !manifests.OfFormer(object, tenant)
		}
	}
}

// observeShared reads what is not in the tenant's namespace.
func (o *Observer) observeShared(ctx context.Context, namespace string, observed *Observed) error {
	binding, err := o.Binding(ctx, namespace)
	if err != nil {
		return err
	}
	if binding != nil {
		observed.Objects[Binding(namespace)] = binding
	}
	shared := &rbacv1.ClusterRoleBinding{}
	if _, err := Exists(o.caches.SharedBinding.Get(ctx, client.ObjectKey{Name: SharedBinding.Name}, shared)); err != nil {
		return fmt.Errorf("reading %s %s: %w", SharedBinding.Kind, SharedBinding.Name, err)
	}
	observed.SharedSubjects = shared.Subjects
	observed.SandboxAPIs, err = o.sandboxAPIs(ctx)
	return err
}

// Binding reads the ClusterRoleBinding of a tenant. It returns nil if it does not exist.
func (o *Observer) Binding(ctx context.Context, namespace string) (*rbacv1.ClusterRoleBinding, error) {
	ref := Binding(namespace)
	binding := &rbacv1.ClusterRoleBinding{}
	exists, err := Exists(o.manager.Get(ctx, client.ObjectKey{Name: ref.Name}, binding))
	if err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", ref.Kind, ref.Name, err)
	}
	if !exists {
		return nil, nil
	}
	return binding, nil
}

// observeProblems finds out why a Job or a gateway does not do its work.
func (o *Observer) observeProblems(ctx context.Context, tenant *v1alpha1.GatewayTenant, observed *Observed) error {
	if job := observed.Job; job == nil || diagnose.JobCondition(job, batchv1.JobComplete) != nil {
		o.lookups.settle(lookupKey{tenant.Namespace, "Job"})
	} else {
		observed.JobProblem = o.due(observed, o.explainJob(ctx, job, observed)).Description()
	}
	if job := observed.Preflight; job == nil || diagnose.JobCondition(job, batchv1.JobComplete) != nil {
		o.lookups.settle(lookupKey{tenant.Namespace, preflightLookup})
	} else {
		observed.PreflightProblem = o.due(observed, o.explainPreflight(ctx, job, observed))
	}
	set := observed.StatefulSet
	if set == nil {
		o.lookups.settle(lookupKey{tenant.Namespace, "StatefulSet"})
		return nil
	}
	pod, other, err := o.gatewayPod(ctx, set)
	if err != nil {
		return err
	}
	if pod != nil {
		observed.setPod(pod)
		if diagnose.IsReady(pod) && diagnose.Eviction(pod).IsZero() {
			o.evictions.forget(tenant.Namespace)
		}
	}
	switch {
	case workload.Serves(set):
		o.lookups.settle(lookupKey{tenant.Namespace, "StatefulSet"})
		if pod != nil {
			observed.Problem = diagnose.Eviction(pod) // it still serves, but will end soon
		}
	case other != nil:
		o.lookups.settle(lookupKey{tenant.Namespace, "StatefulSet"})
		observed.Problem = o.due(observed, diagnose.OtherPod(other, set)...)
	case pod != nil || set.Status.Replicas > 0: // a pod that is not in the cache has not arrived there yet, or has succeeded
		observed.Problem = o.explainPod(ctx, tenant.Namespace, observed)
	default:
		observed.Problem = o.explainMissingPod(ctx, set, o.unavailableSince(tenant), observed)
	}
	if observed.Problem.IsZero() {
		observed.Problem = o.evictions.last(tenant.Namespace)
	}
	return nil
}

// Exists distinguishes an object that is absent from one that could not be read.
func Exists(err error) (bool, error) {
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

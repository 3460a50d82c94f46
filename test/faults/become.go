package main

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// cache holds all that a state is made of: listing it for each of thousands of transitions would be most of their work.
func (c *campaign) cache(ctx context.Context) (client.Reader, error) {
	cached, err := cache.New(c.cluster.Config(), cache.Options{Scheme: c.admin.Scheme()})
	if err != nil {
		return nil, err
	}
	for _, gvk := range statesKinds() {
		object := &unstructured.Unstructured{}
		object.SetGroupVersionKind(gvk)
		if _, err := cached.GetInformer(ctx, object, cache.BlockUntilSynced(false)); err != nil {
			return nil, err
		}
	}
	go func() { _ = cached.Start(ctx) }() // it ends with the context
	if !cached.WaitForCacheSync(ctx) {
		return nil, fmt.Errorf("the cache of the transitions was not filled: %w", ctx.Err())
	}
	return cached, nil
}

// tenantTo makes a namespace for a tenant.
func (w *walk) tenantTo(ctx context.Context, what string) (*trial, error) {
	t, err := w.newTrial(ctx, plan{workload: &workload{name: what}, kind: undisturbed})
	if err == nil {
		t.reads = w.cached
	}
	return t, err
}

// become gives a tenant a spec, and waits until that has led to something.
func (w *walk) become(ctx context.Context, t *trial, spec map[string]any) (is settled) {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("GatewayTenant"))
	err := t.admin.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: v1alpha1.Name}, object)
	absent := apierrors.IsNotFound(err)
	if client.IgnoreNotFound(err) != nil {
		is.err = err
		return is
	}
	object.SetNamespace(t.namespace)
	object.SetName(v1alpha1.Name)
	object.Object["spec"] = deepCopy(spec)
	if absent {
		err = t.admin.Create(ctx, object)
	} else {
		err = t.admin.Update(ctx, object)
	}
	switch {
	case apierrors.IsConflict(err):
		return w.become(ctx, t, spec) // its status was written meanwhile
	case apierrors.IsInvalid(err) || apierrors.IsBadRequest(err):
		is.refused = strings.ReplaceAll(err.Error(), t.namespace, "NAMESPACE")
	case err != nil:
		is.err = err
		return is
	default:
		is.err = t.cameTo(ctx, object.GetGeneration())
	}
	if is.err == nil {
		is.state, is.err = t.read(ctx, t.reads)
	}
	return is
}

// read is what there is of a tenant, less its history.
func (t *trial) read(ctx context.Context, from client.Reader) (state, error) {
	is, err := t.stateOf(ctx, from)
	withoutHistory(is)
	return is, err
}

// withoutHistory drops what is meant to tell of the past: the last Job, and the versions that have used the volume.
func withoutHistory(s state) {
	maps.DeleteFunc(s, func(name string, _ any) bool { return strings.HasPrefix(name, "Job ") })
	claim, _ := s["PersistentVolumeClaim "+manifests.ClaimName].(map[string]any)
	unstructured.RemoveNestedField(claim, "metadata", "annotations", "openshell.ambient-code.io/highest-version")
	for _, fact := range []string{"key-encryption-key-path", "gateway-id", "supervisor-sideload-method"} {
		unstructured.RemoveNestedField(claim, "metadata", "annotations", "openshell.ambient-code.io/"+fact)
	}
}

// cameTo waits until the operator has said where a generation has led to, and does not change its mind for a second.
func (t *trial) cameTo(ctx context.Context, generation int64) error {
	ctx, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	var last uint64
	var since time.Time
	return poll(ctx, func() error {
		tenant, err := t.tenant()
		if err != nil {
			return err
		}
		if tenant.Generation < generation || tenant.Status.ObservedGeneration < tenant.Generation {
			return fmt.Errorf("generation %d was not observed", generation)
		}
		if is := t.recorder.newest(t.namespace); is != last {
			last, since = is, time.Now()
		}
		if time.Since(since) < calmOf(tenant.Status.Conditions) {
			return fmt.Errorf("it still changes: %+v", tenant.Status.Conditions)
		}
		return nil
	})
}

// calmOf is how long nothing must happen to a tenant with such conditions before it is believed to be all.
func calmOf(conditions []metav1.Condition) time.Duration {
	certificates := meta.FindStatusCondition(conditions, v1alpha1.ConditionCertificatesReady)
	switch {
	case certificates != nil && (certificates.Status == metav1.ConditionFalse || certificates.Reason == v1alpha1.ReasonRenewing):
		return time.Minute // certgen is at work, or will be
	case meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReconciling):
		return 15 * time.Second // it will not get any further
	}
	return 300 * time.Millisecond
}

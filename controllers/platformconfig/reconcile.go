package platformconfig

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Reconciler keeps the GatewayTenants as the ConfigMap says.
type Reconciler struct {
	client.Client               // reads from the manager's caches
	source        client.Reader // the cache of the ConfigMap
	live          client.Reader // reads from the API server: only before something is deleted
	applier       *apply.Applier
	events        events.EventRecorder
	platform      manifests.Platform
	watched       func(namespace string) bool
	concurrency   int
	reported      string // the last report that was told, so that each is told once
}

// Reconcile is one pass over all entries. There is only ever one at a time.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	config := &corev1.ConfigMap{}
	err := r.source.Get(ctx, request.NamespacedName, config)
	if apierrors.IsNotFound(err) {
		ctrl.LoggerFrom(ctx).Info("There is no such ConfigMap: no GatewayTenant is made, changed or removed")
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	source, err := Read(config, r.platform)
	if err != nil {
		r.tell(ctx, config, []string{fmt.Sprintf("%v; no GatewayTenant is made, changed or removed", err)})
		return ctrl.Result{}, nil // an edit wakes us
	}
	tenants, err := r.tenants(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	namespaces, err := r.namespaces(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	plan := Compare(source, tenants, namespaces, request.String())
	r.tell(ctx, config, plan.Report)
	return ctrl.Result{}, errors.Join(r.apply(ctx, plan.Apply, tenants, request.String()), r.remove(ctx, plan.Delete, config))
}

// tenants are all GatewayTenants, by namespace.
func (r *Reconciler) tenants(ctx context.Context) (map[string]*v1alpha1.GatewayTenant, error) {
	var list v1alpha1.GatewayTenantList
	if err := r.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	tenants := make(map[string]*v1alpha1.GatewayTenant, len(list.Items))
	for i := range list.Items {
		tenants[list.Items[i].Namespace] = &list.Items[i]
	}
	return tenants, nil
}

// namespaces are those in which a GatewayTenant can be made.
func (r *Reconciler) namespaces(ctx context.Context) (map[string]bool, error) {
	list := metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	if err := r.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	namespaces := make(map[string]bool, len(list.Items))
	for _, namespace := range list.Items {
		namespaces[namespace.Name] = namespace.DeletionTimestamp == nil && r.watched(namespace.Name)
	}
	return namespaces, nil
}

// apply brings the entries' GatewayTenants to what the entries say, several at a time; one that fails stops no other.
func (r *Reconciler) apply(ctx context.Context, entries []Entry, tenants map[string]*v1alpha1.GatewayTenant, origin string) error {
	errs := make([]error, len(entries))
	var workers errgroup.Group
	workers.SetLimit(r.concurrency)
	for i, entry := range entries {
		workers.Go(func() error {
			errs[i] = r.applier.Apply(ctx, tenantOf(entry, origin), liveOf(tenants[entry.Namespace]))
			return nil
		})
	}
	_ = workers.Wait() // the workers' errors are in errs: all of them, not the first
	return errors.Join(errs...)
}

// remove deletes GatewayTenants that no entry asks for, after a live read has confirmed that the ConfigMap still is the
// one that says so.
func (r *Reconciler) remove(ctx context.Context, tenants []*v1alpha1.GatewayTenant, config *corev1.ConfigMap) error {
	if len(tenants) == 0 {
		return nil
	}
	live := &corev1.ConfigMap{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(config), live); err != nil {
		return client.IgnoreNotFound(err) // a ConfigMap that is gone removes nothing
	}
	if live.UID != config.UID || live.ResourceVersion != config.ResourceVersion {
		return nil // the change is an event on its way
	}
	var errs []error
	for _, tenant := range tenants {
		err := r.Delete(ctx, tenant, client.Preconditions{UID: &tenant.UID, ResourceVersion: &tenant.ResourceVersion})
		if client.IgnoreNotFound(err) != nil {
			errs = append(errs, fmt.Errorf("deleting GatewayTenant %s/%s: %w", tenant.Namespace, tenant.Name, err))
		}
	}
	return errors.Join(errs...)
}

package platformconfig

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
)

// Reconciler keeps the GatewayTenants as the entries specify them.
type Reconciler struct {
	cache    client.Reader
	options  Options
	reader   *entries.Reader
	applier  tenantApplier
	remover  tenantRemover
	reporter reporter
}

// Reconcile reconciles all entries. It never runs concurrently.
func (r *Reconciler) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	configs, err := listConfigMaps(ctx, r.cache, r.options.ConfigMaps)
	if err != nil {
		return ctrl.Result{}, err
	}
	snapshot, err := r.snapshot(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	recorded := r.reporter.latest(configs.report)
	snapshot.Hold, snapshot.Applied, snapshot.Reserved = recorded.hold, recorded.applied, r.options.Platform.Reserves
	first := configs.named(r.options.ConfigMaps.First)

	p := plan.Compare(r.reader.Read(configs.inOrder()), snapshot, r.options.Guard)
	if first == nil {
		p.WithoutFirst(r.options.ConfigMaps.First)
	}
	if p.Hold.Token != "" && p.Hold.Token != recorded.hold.Token { // recorded before an apply changes the percentage
		if recorded, err = r.reporter.recordHold(ctx, p.Hold, recorded.applied, configs.report); err != nil {
			return ctrl.Result{}, err
		}
	}
	again, err := r.applier.applyAll(ctx, &p, snapshot.Tenants)
	err = errors.Join(err, r.remover.removeAll(ctx, p, configs, recorded.version))
	wait, reportErr := r.reporter.report(ctx, p, configs.report, first)
	if err == nil && reportErr == nil {
		if wait == 0 {
			wait = again
		}
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	if wait > 0 { // the failure must be in the report before it is retried, which may take a while
		select {
		case <-ctx.Done():
		case <-time.After(wait):
			_, reportErr = r.reporter.report(ctx, p, configs.report, first)
		}
	}
	return ctrl.Result{}, errors.Join(err, reportErr)
}

// snapshot reads the state of the cluster, apart from the ConfigMaps, from the cache.
func (r *Reconciler) snapshot(ctx context.Context) (plan.Snapshot, error) {
	var tenants v1alpha1.GatewayTenantList
	namespaces := metav1.PartialObjectMetadataList{}
	namespaces.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	err := errors.Join(r.cache.List(ctx, &tenants, client.UnsafeDisableDeepCopy), r.cache.List(ctx, &namespaces, client.UnsafeDisableDeepCopy))
	if err != nil {
		return plan.Snapshot{}, fmt.Errorf("listing GatewayTenants and namespaces: %w", err)
	}
	snapshot := plan.NewSnapshot(tenants.Items, namespaces.Items, r.options.Namespaces.Include)
	snapshot.Nonce = rand.Text()
	return snapshot, nil
}

package platformconfig

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// tenantRemover deletes and releases GatewayTenants.
type tenantRemover struct {
	client      client.Client
	live        client.Reader // of the API server
	configMaps  entries.ConfigMaps
	concurrency int
}

// removeAll deletes and releases the planned GatewayTenants. The plan was made from caches, which may be behind, so it does
// nothing if the API server has other versions of the ConfigMaps, or of the report, whose version is that with the planned
// hold. An event about the change is on its way then, and triggers another reconcile.
func (r *tenantRemover) removeAll(ctx context.Context, p plan.Plan, configs configMaps, reportVersion string) error {
	if len(p.Delete)+len(p.Release) == 0 {
		return nil
	}
	live, err := listConfigMaps(ctx, r.live, r.configMaps)
	if err != nil {
		return err
	}
	if live.reportVersion() != reportVersion {
		return nil
	}
	for name, config := range live.entries {
		if was := configs.entries[name]; was == nil || was.UID != config.UID || was.ResourceVersion != config.ResourceVersion {
			return nil
		}
	}
	sources := map[string]bool{}
	for _, config := range live.entries {
		sources[entries.SourceOf(config)] = true
	}
	errs := make([]error, len(p.Delete)+len(p.Release))
	var workers errgroup.Group
	workers.SetLimit(r.concurrency)
	for i, tenant := range slices.Concat(p.Delete, p.Release) {
		act, origin := r.deleteTenant, tenant.Annotations[v1alpha1.AnnotationSource]
		if i >= len(p.Delete) {
			act = r.release
		}
		if !sources[origin] {
			continue // a ConfigMap that does not exist removes nothing
		}
		workers.Go(func() error {
			errs[i] = r.ifUnchanged(ctx, tenant, act)
			return nil
		})
	}
	_ = workers.Wait()
	return errors.Join(errs...)
}

// ifUnchanged calls act on a GatewayTenant if the API server's version equals the cached one in uid and in the annotations
// that the cache keeps. The status may differ: it is written all the time, so a conflict is retried immediately. Otherwise,
// the rest of a large removal would be held again.
func (r *tenantRemover) ifUnchanged(ctx context.Context, tenant *v1alpha1.GatewayTenant, act func(context.Context, *v1alpha1.GatewayTenant) error) error {
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		live := &v1alpha1.GatewayTenant{}
		if err := r.live.Get(ctx, client.ObjectKeyFromObject(tenant), live); err != nil {
			return err
		}
		if live.UID != tenant.UID || !maps.Equal(kept(live.Annotations), kept(tenant.Annotations)) || !plan.Bridged(live) {
			return nil // the event about the change triggers another reconcile
		}
		return act(ctx, live)
	})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("removing GatewayTenant %s/%s: %w", tenant.Namespace, tenant.Name, err)
	}
	return nil
}

// kept returns the annotations of a GatewayTenant that the cache keeps.
func kept(annotations map[string]string) map[string]string {
	return apply.TrimAnnotations(annotations, manifests.TenantAnnotations...)
}

func (r *tenantRemover) deleteTenant(ctx context.Context, tenant *v1alpha1.GatewayTenant) error {
	if err := r.client.Delete(ctx, tenant, client.Preconditions{UID: &tenant.UID, ResourceVersion: &tenant.ResourceVersion}); err != nil {
		return err
	}
	ctrl.LoggerFrom(ctx).Info("Deleted object", "object", fmt.Sprintf("GatewayTenant %s/%s, which no entry asks for", tenant.Namespace, tenant.Name))
	return nil
}

// release makes the bridge stop reconciling a GatewayTenant. It removes the bridge's label and annotations, and the bridge's
// ownership of fields. It removes the request to hand over, too: the owner could not replace the GatewayTenant by a manifest without it.
func (r *tenantRemover) release(ctx context.Context, tenant *v1alpha1.GatewayTenant) error {
	released := tenant.DeepCopy()
	delete(released.Labels, v1alpha1.LabelSource)
	delete(released.Annotations, v1alpha1.AnnotationSource)
	delete(released.Annotations, v1alpha1.AnnotationHandOver)
	delete(released.Annotations, apply.AnnotationHash)
	released.ManagedFields = slices.DeleteFunc(released.ManagedFields, func(entry metav1.ManagedFieldsEntry) bool { return entry.Manager == plan.FieldOwner })
	return r.client.Patch(ctx, released, client.MergeFromWithOptions(tenant, client.MergeFromWithOptimisticLock{}), client.FieldOwner(manifests.Manager))
}

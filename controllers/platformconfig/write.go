package platformconfig

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/retry"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// applyAll brings the entries' GatewayTenants to what the entries say, several at a time; one that fails stops no other.
// What goes wrong is said in the entry's row. What the API server will never take is not tried again.
func (r *Reconciler) applyAll(ctx context.Context, plan *Plan, world World) error {
	errs := make([]error, len(plan.Apply))
	var workers errgroup.Group
	workers.SetLimit(r.options.Concurrency)
	r.refused.forget(time.Now())
	for i := range plan.Apply {
		workers.Go(func() error {
			errs[i] = r.applyWork(ctx, &plan.Apply[i], world.Tenants[plan.Apply[i].Namespace])
			return nil
		})
	}
	_ = workers.Wait() // the workers' errors are in errs: all of them, not the first
	for i, err := range errs {
		work := &plan.Apply[i]
		row := &plan.Rows[work.row]
		if err == nil {
			if work.Refused != "" {
				row.State, row.Message = Refused, work.Message()
			}
			continue
		}
		row.State, row.Message = Failed, fmt.Sprintf("%s: %v", work.Place, err)
		if work.Refused != "" {
			row.Message += "; " + work.Refused
		}
		if isRejection(err) {
			row.State, errs[i] = Refused, nil
		} else if apierrors.IsNotFound(err) || apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			row.State, row.Message, errs[i] = Waiting, "the namespace is going; its gateway is made when it appears again", nil
		}
	}
	return errors.Join(errs...)
}

// remove deletes GatewayTenants that no entry asks for, or hands them over, after live reads have confirmed that the
// ConfigMaps still are the ones that say so: caches may be old.
func (r *Reconciler) remove(ctx context.Context, plan Plan, configs map[string]*corev1.ConfigMap) error {
	if len(plan.Delete)+len(plan.Release) == 0 {
		return nil
	}
	live, err := r.configs(ctx, r.live)
	if err != nil {
		return err
	}
	if HoldIn(live[r.options.report().Name]).Plan != plan.Hold.Plan && r.hold == nil {
		return nil // somebody else has held or released something: the change is an event on its way
	}
	delete(live, r.options.report().Name)
	for name, config := range live {
		if was := configs[name]; was == nil || was.UID != config.UID || was.ResourceVersion != config.ResourceVersion {
			return nil // the change is an event on its way
		}
	}
	errs := make([]error, len(plan.Delete)+len(plan.Release))
	var workers errgroup.Group
	workers.SetLimit(r.options.Concurrency)
	for i, tenant := range slices.Concat(plan.Delete, plan.Release) {
		act, origin := r.deleteTenant, tenant.Annotations[v1alpha1.AnnotationSource]
		if i >= len(plan.Delete) {
			act = r.release
		}
		if namespace, name, _ := strings.Cut(origin, "/"); namespace != r.options.Config.Namespace || live[name] == nil {
			continue // a ConfigMap that is gone removes nothing
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
func (r *Reconciler) ifUnchanged(ctx context.Context, tenant *v1alpha1.GatewayTenant, act func(context.Context, *v1alpha1.GatewayTenant) error) error {
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		live := &v1alpha1.GatewayTenant{}
		if err := r.live.Get(ctx, client.ObjectKeyFromObject(tenant), live); err != nil {
			return err
		}
		if live.UID != tenant.UID || !maps.Equal(kept(live.Annotations), kept(tenant.Annotations)) || !Bridged(live) {
			return nil // the change is an event on its way
		}
		return act(ctx, live)
	})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("removing GatewayTenant %s/%s: %w", tenant.Namespace, tenant.Name, err)
	}
	return nil
}

// kept are those of a GatewayTenant's annotations that the cache keeps.
func kept(annotations map[string]string) map[string]string {
	return apply.TrimAnnotations(annotations, manifests.TenantAnnotations...)
}

func (r *Reconciler) deleteTenant(ctx context.Context, tenant *v1alpha1.GatewayTenant) error {
	if err := r.Delete(ctx, tenant, client.Preconditions{UID: &tenant.UID, ResourceVersion: &tenant.ResourceVersion}); err != nil {
		return err
	}
	ctrl.LoggerFrom(ctx).Info("Deleted", "object", fmt.Sprintf("GatewayTenant %s/%s, which no entry asks for", tenant.Namespace, tenant.Name))
	return nil
}

// release makes a bridged GatewayTenant one that was made by hand: the bridge's marks go, and its fields become nobody's.
func (r *Reconciler) release(ctx context.Context, tenant *v1alpha1.GatewayTenant) error {
	released := tenant.DeepCopy()
	delete(released.Labels, v1alpha1.LabelSource)
	delete(released.Annotations, v1alpha1.AnnotationSource)
	delete(released.Annotations, apply.AnnotationHash)
	released.ManagedFields = slices.DeleteFunc(released.ManagedFields, func(entry metav1.ManagedFieldsEntry) bool { return entry.Manager == FieldOwner })
	return r.Patch(ctx, released, client.MergeFromWithOptions(tenant, client.MergeFromWithOptimisticLock{}), client.FieldOwner(manifests.Manager))
}

// TenantOf is what the bridge applies for an entry: a GatewayTenant with the fields that it sets and no others.
func TenantOf(work Work) *unstructured.Unstructured {
	tenant := &unstructured.Unstructured{Object: map[string]any{"spec": work.Spec}}
	tenant.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("GatewayTenant"))
	tenant.SetNamespace(work.Namespace)
	tenant.SetName(v1alpha1.Name)
	tenant.SetLabels(map[string]string{v1alpha1.LabelSource: v1alpha1.SourcePlatformConfig})
	tenant.SetAnnotations(map[string]string{v1alpha1.AnnotationSource: work.Origin})
	return tenant
}

// liveOf keeps a nil pointer from becoming an object that is not nil.
func liveOf(tenant *v1alpha1.GatewayTenant) metav1.Object {
	if tenant == nil {
		return nil
	}
	return tenant
}

package gatewaytenant

import (
	"context"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// removeBinding deletes the ClusterRoleBinding of a tenant whose GatewayTenant is gone: it is cluster-scoped, so the
// GatewayTenant could not own it. Both are read from the API server first, since a cache may be old.
func (r *Reconciler) removeBinding(ctx context.Context, tenant client.ObjectKey) error {
	binding, err := r.binding(ctx, tenant.Namespace)
	if err != nil || binding == nil || binding.DeletionTimestamp != nil || !apply.AppliedBy(binding, manifests.Manager) {
		return err // another's may be called like ours
	}
	if there, err := found(r.live.Get(ctx, tenant, &v1alpha1.GatewayTenant{})); err != nil || there {
		return err
	}
	if there, err := found(r.live.Get(ctx, client.ObjectKeyFromObject(binding), binding)); err != nil || !there {
		return err // deleted already
	}
	return r.delete(ctx, binding, fmt.Sprintf("ClusterRoleBinding %s, whose GatewayTenant is gone", binding.Name),
		client.Preconditions{UID: &binding.UID, ResourceVersion: &binding.ResourceVersion})
}

// binding reads a tenant's ClusterRoleBinding, nil if there is none.
func (r *Reconciler) binding(ctx context.Context, namespace string) (*metav1.PartialObjectMetadata, error) {
	binding := &metav1.PartialObjectMetadata{}
	binding.SetGroupVersionKind(rbacv1.SchemeGroupVersion.WithKind("ClusterRoleBinding"))
	there, err := found(r.Get(ctx, client.ObjectKey{Name: manifests.NodeReaderPrefix + namespace}, binding))
	if err != nil || !there {
		return nil, err
	}
	return binding, nil
}

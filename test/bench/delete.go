package main

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// ownedKinds are the kinds of a gateway's objects. Volumes are not among them: these are kept.
var ownedKinds = []schema.GroupVersionKind{
	appsv1.SchemeGroupVersion.WithKind("StatefulSet"), batchv1.SchemeGroupVersion.WithKind("Job"),
	corev1.SchemeGroupVersion.WithKind("Pod"), corev1.SchemeGroupVersion.WithKind("Secret"), corev1.SchemeGroupVersion.WithKind("Service"),
	corev1.SchemeGroupVersion.WithKind("ServiceAccount"), corev1.SchemeGroupVersion.WithKind("ConfigMap"),
	networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy"), rbacv1.SchemeGroupVersion.WithKind("RoleBinding"),
	rbacv1.SchemeGroupVersion.WithKind("ClusterRoleBinding"),
}

// deletion deletes all tenants at once. Without platform-config the bridge leaves them alone.
func (l *leg) deletion(ctx context.Context, p plan, r *result) error {
	if err := l.admin.Delete(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: platformNamespace, Name: "platform-config"}}); err != nil {
		return err
	}
	if err := operatortest.Pause(ctx, settling); err != nil {
		return err
	}
	before, err := l.log.Mark()
	if err != nil {
		return err
	}
	var all v1alpha1.GatewayTenantList
	if err := l.admin.List(ctx, &all); err != nil {
		return err
	}
	say("%d tenants are deleted", len(all.Items))
	start := time.Now()
	err = each(ctx, len(all.Items), func(ctx context.Context, i int) error { return l.admin.Delete(ctx, &all.Items[i]) })
	if err != nil {
		return err
	}
	// What is left at the end of the time is a figure and no error: its limit says that it must be nothing.
	left := 0
	err = await(ctx, p.limit(len(all.Items)), func() error {
		var what string
		if left, what, err = l.left(ctx); err == nil && left > 0 {
			err = fmt.Errorf("%d %s objects are still there", left, what)
			_ = operatortest.Pause(ctx, time.Second) // counting is work for the API server, too
		}
		return err
	})
	if err != nil {
		say("  %v", err)
	}
	say("  all gone after %.0f s", time.Since(start).Seconds())
	if err := operatortest.Pause(ctx, settling); err != nil {
		return err
	}
	calls, err := l.log.Since(before)
	if err != nil {
		return err
	}
	writes, confirmed := 0, 0
	for _, c := range calls {
		switch {
		case isTenantWrite(c) && kindOf(c) != bridge: // whose report says that they are gone
			writes++
		case kindOf(c) == reads:
			confirmed++
		}
	}
	r.set("leftovers", float64(left))
	r.set("delete_writes_per_tenant", float64(writes)/float64(len(all.Items)))
	r.set("delete_reads_per_tenant", float64(confirmed)/float64(len(all.Items)))
	return nil
}

// left counts the tenants' objects of the first kind of which there are any.
func (l *leg) left(ctx context.Context) (int, string, error) {
	for _, gvk := range ownedKinds {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		if err := l.admin.List(ctx, list, client.MatchingLabels{manifests.LabelManagedBy: manifests.Manager}); err != nil && !apierrors.IsNotFound(err) {
			return 0, "", err
		}
		count := 0
		for _, object := range list.Items {
			if object.Namespace != platformNamespace { // the report of the bridge
				count++
			}
		}
		if count > 0 {
			return count, gvk.Kind, nil
		}
	}
	return 0, "", nil
}

package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// backlog is the number of tenants that are created or removed together.
const backlog = 80

// forEachInBacklog calls do for each namespace of the backlog, a few at a time.
func forEachInBacklog(t *testing.T, do func(namespace string) error) {
	t.Helper()
	errs, turns := make(chan error, backlog), make(chan struct{}, 16)
	var all sync.WaitGroup
	for i := range backlog {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			errs <- do(fmt.Sprintf("backlog-%03d", i))
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestManyTenantsGoWithoutATrace removes GatewayTenants while the operator is down, and then tenants with their namespaces.
func TestManyTenantsGoWithoutATrace(t *testing.T) {
	forEachInBacklog(t, func(namespace string) error {
		return admin.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: map[string]string{"backlog": "yes"}}})
	})
	makeBacklog(t)
	operator.stop(t)
	forEachInBacklog(t, func(namespace string) error {
		return admin.Delete(t.Context(), operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	})
	cluster.Eventually(t, 120*time.Second, func() error { return leftOf(t, false) })
	if err := operator.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 60*time.Second, func() error { return leftOf(t, true) })

	makeBacklog(t)
	forEachInBacklog(t, func(namespace string) error {
		return admin.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	})
	cluster.Eventually(t, 180*time.Second, func() error {
		var list metav1.PartialObjectMetadataList
		list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
		if err := admin.List(t.Context(), &list, client.MatchingLabels{"backlog": "yes"}); err != nil || len(list.Items) > 0 {
			return fmt.Errorf("%d namespaces are still there (%w)", len(list.Items), err)
		}
		return nil
	})
	cluster.Eventually(t, 60*time.Second, func() error { return leftOf(t, true) })
}

// makeBacklog makes the tenants and waits until all are Ready.
func makeBacklog(t *testing.T) {
	t.Helper()
	forEachInBacklog(t, func(namespace string) error {
		return admin.Create(t.Context(), operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	})
	cluster.Eventually(t, 180*time.Second, func() error {
		var list v1alpha1.GatewayTenantList
		if err := admin.List(t.Context(), &list); err != nil {
			return err
		}
		ready := 0
		for _, tenant := range list.Items {
			if strings.HasPrefix(tenant.Namespace, "backlog-") && meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionReady) {
				ready++
			}
		}
		if ready < backlog {
			return fmt.Errorf("%d of %d are Ready", ready, backlog)
		}
		return nil
	})
}

// leftOf returns an error if objects of the tenants still exist, except volumes. It also checks cluster-scoped ones if requested.
func leftOf(t *testing.T, clusterWide bool) error {
	t.Helper()
	kinds := namespacedKinds()
	if clusterWide {
		kinds["ClusterRoleBinding"] = &rbacv1.ClusterRoleBindingList{}
	}
	for kind, list := range kinds {
		if err := admin.List(t.Context(), list, client.MatchingLabels{manifests.LabelManagedBy: manifests.Manager}); err != nil {
			return err
		}
		for _, object := range items(t, list) {
			if strings.Contains(object.GetNamespace()+object.GetName(), "backlog-") {
				return fmt.Errorf("%s %s/%s is still there", kind, object.GetNamespace(), object.GetName())
			}
		}
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
)

// tenants are the namespaces of the samples that are applied.
var tenants = []string{"tenant-a", "tenant-b", "tenant-c"}

// watch prints a line whenever the Ready condition of a tenant changes, until all are Ready at their generation.
func watch(ctx context.Context, cluster *devcluster.Cluster) error {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	watcher, err := client.NewWithWatch(cluster.Config(), client.Options{Scheme: scheme})
	if err != nil {
		return err
	}
	changes, err := watcher.Watch(ctx, &v1alpha1.GatewayTenantList{})
	if err != nil {
		return err
	}
	defer changes.Stop()
	began, said, ready := time.Now(), map[string]string{}, map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("not all tenants became Ready: %w", ctx.Err())
		case change, open := <-changes.ResultChan():
			if !open {
				return errors.New("the watch on GatewayTenants broke off; run the demo again")
			}
			tenant, is := change.Object.(*v1alpha1.GatewayTenant)
			if !is || !slices.Contains(tenants, tenant.Namespace) {
				continue
			}
			line, isReady := describe(tenant)
			ready[tenant.Namespace] = isReady
			if said[tenant.Namespace] != line {
				said[tenant.Namespace] = line
				say("  %5.1f s  %s: %s", time.Since(began).Seconds(), tenant.Namespace, line)
			}
			if !slices.ContainsFunc(tenants, func(name string) bool { return !ready[name] }) {
				return nil
			}
		}
	}
}

// describe says where a tenant stands, and whether it is Ready at its present generation.
func describe(tenant *v1alpha1.GatewayTenant) (string, bool) {
	is := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionReady)
	if is == nil || is.ObservedGeneration != tenant.Generation {
		return "waits for the operator", false
	}
	return fmt.Sprintf("%s: %s", is.Reason, is.Message), is.Status == metav1.ConditionTrue
}

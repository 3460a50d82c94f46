package operatortest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// OneFile returns the key of the gateway.toml of a gateway with schema version 2. It returns an error unless that gateway is all that is
// left: one gateway.toml, its RoleBinding, and no preflight Job.
func OneFile(ctx context.Context, admin client.Reader, namespace string) (string, error) {
	config := &corev1.ConfigMap{}
	if err := admin.Get(ctx, client.ObjectKey{Namespace: namespace, Name: manifests.ConfigName}, config); err != nil {
		return "", err
	}
	keys := slices.Sorted(maps.Keys(config.Data))
	if len(keys) != 1 || keys[0] == manifests.ConfigKey {
		return "", fmt.Errorf("the ConfigMap has the keys %q, want one of its own", keys)
	}
	for _, c := range []struct {
		object client.Object
		name   string
		exists bool
	}{
		{&rbacv1.RoleBinding{}, manifests.SandboxName, false},
		{&rbacv1.RoleBinding{}, manifests.SandboxV2Name, true},
		{&batchv1.Job{}, manifests.PreflightName, false},
	} {
		err := admin.Get(ctx, client.ObjectKey{Namespace: namespace, Name: c.name}, c.object)
		if client.IgnoreNotFound(err) != nil {
			return "", err
		}
		if exists := err == nil; exists != c.exists {
			return "", fmt.Errorf("%T %s exists: %v", c.object, c.name, exists)
		}
	}
	return keys[0], nil
}

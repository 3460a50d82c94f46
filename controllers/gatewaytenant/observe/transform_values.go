package observe

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// The operator compares the values of what it applied, and the caches keep digests of them. The transforms of this file drop the
// values themselves.

var digester = apply.NewDigester(manifests.Manager)

// digest adds digests of an object's values to its metadata.
func digest(object any) (any, error) {
	if typed, ok := object.(runtime.Object); ok {
		digester.Add(typed)
	}
	return object, nil
}

func keepServiceAccount(object any) (any, error) {
	if account, ok := object.(*corev1.ServiceAccount); ok {
		account.Secrets, account.ImagePullSecrets, account.AutomountServiceAccountToken = nil, nil, nil
	}
	return object, nil
}

// keepConfigMap keeps the keys of the texts of gateway.toml, as far as they fit.
func keepConfigMap(object any) (any, error) {
	if config, ok := object.(*corev1.ConfigMap); ok {
		keys := slices.DeleteFunc(slices.Sorted(maps.Keys(config.Data)), func(key string) bool { return !manifests.IsFileKey(key) })
		config.Data, config.BinaryData, config.Immutable = map[string]string{}, nil, nil
		for _, key := range keys[:min(len(keys), maxFileKeys)] {
			config.Data[key] = ""
		}
	}
	return object, nil
}

func keepNetworkPolicy(object any) (any, error) {
	if policy, ok := object.(*networkingv1.NetworkPolicy); ok {
		policy.Spec = networkingv1.NetworkPolicySpec{}
	}
	return object, nil
}

func keepService(object any) (any, error) {
	if service, ok := object.(*corev1.Service); ok {
		service.Spec, service.Status = corev1.ServiceSpec{}, corev1.ServiceStatus{}
	}
	return object, nil
}

func keepClusterRoleBinding(object any) (any, error) {
	if binding, ok := object.(*rbacv1.ClusterRoleBinding); ok {
		binding.Subjects, binding.RoleRef = nil, keptRole(binding.RoleRef)
	}
	return object, nil
}

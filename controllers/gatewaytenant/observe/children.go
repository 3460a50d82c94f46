package observe

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// An earlier control plane created gateways with the same names. Objects with the names that the operator uses are adopted in place.
// Leftovers are the objects that have no successor.
var (
	// ClientsPolicy exists only while the tenant requests it.
	ClientsPolicy = Ref{"NetworkPolicy", manifests.ClientsName}
	// Optional are all objects that exist only while the tenant or the gateway's release needs them.
	Optional = []Ref{
		ClientsPolicy, {"RoleBinding", manifests.SandboxName}, {"RoleBinding", manifests.SandboxV2Name},
		{"ServiceAccount", manifests.PreflightName}, {"NetworkPolicy", manifests.PreflightName},
	}
	// Leftovers are objects of an earlier control plane that are deleted.
	Leftovers = []Ref{
		{"Role", manifests.SandboxName}, {"Role", manifests.CertgenName},
		{"NetworkPolicy", "openshell-gateway-sandbox-ssh-v2"}, {"NetworkPolicy", "openshell-gateway-allow-sandbox-v2"},
	}
	// Preflight is the Job that checks gateway.toml before a pod is replaced.
	Preflight = Ref{"Job", manifests.PreflightName}
	// OtherWorkload is a gateway of an earlier control plane with a database server of its own.
	OtherWorkload = Ref{"Deployment", manifests.GatewayName}
	// Workload is the gateway's StatefulSet.
	Workload = Ref{"StatefulSet", manifests.GatewayName}
	// SharedBinding is the ClusterRoleBinding that an earlier control plane shares among all tenants.
	SharedBinding = Ref{"ClusterRoleBinding", "openshell-gateway-node-reader"}
)

// Binding identifies the tenant's ClusterRoleBinding.
func Binding(namespace string) Ref {
	return Ref{"ClusterRoleBinding", manifests.NodeReaderPrefix + namespace}
}

// child is an object in a tenant's namespace: the type as which it is cached, and what the cache drops.
type child struct {
	Ref
	object    client.Object
	transform toolscache.TransformFunc
}

// children are the objects of a gateway, and what an earlier control plane may have left. Of most of them, the caches keep the
// metadata and digests of the values that the operator applied. Of those that the operator does not apply, metadata is enough.
var children = []child{
	{Ref{"ServiceAccount", manifests.GatewayName}, &corev1.ServiceAccount{}, keepServiceAccount},
	{Ref{"ServiceAccount", manifests.SandboxName}, &corev1.ServiceAccount{}, keepServiceAccount},
	{Ref{"ServiceAccount", manifests.CertgenName}, &corev1.ServiceAccount{}, keepServiceAccount},
	{Ref{"ServiceAccount", manifests.PreflightName}, &corev1.ServiceAccount{}, keepServiceAccount},
	{Ref{"RoleBinding", manifests.SandboxName}, &rbacv1.RoleBinding{}, keepRoleBinding},
	{Ref{"RoleBinding", manifests.SandboxV2Name}, &rbacv1.RoleBinding{}, keepRoleBinding},
	{Ref{"RoleBinding", manifests.CertgenName}, &rbacv1.RoleBinding{}, keepRoleBinding},
	{Ref{"ConfigMap", manifests.ConfigName}, &corev1.ConfigMap{}, keepConfigMap},
	{Ref{"NetworkPolicy", manifests.SandboxSSHName}, &networkingv1.NetworkPolicy{}, keepNetworkPolicy},
	{Ref{"NetworkPolicy", manifests.SandboxSSHLabelName}, &networkingv1.NetworkPolicy{}, keepNetworkPolicy},
	{Ref{"NetworkPolicy", manifests.PreflightName}, &networkingv1.NetworkPolicy{}, keepNetworkPolicy},
	{Ref{"NetworkPolicy", manifests.ClientsName}, &networkingv1.NetworkPolicy{}, keepNetworkPolicy},
	{Ref{"Service", manifests.GatewayName}, &corev1.Service{}, keepService},
	{Ref{"PersistentVolumeClaim", manifests.ClaimName}, &corev1.PersistentVolumeClaim{}, keepClaims()},
	{Ref{"Job", manifests.CertgenName}, &batchv1.Job{}, keepJob},
	{Preflight, &batchv1.Job{}, keepJob},
	{Workload, &appsv1.StatefulSet{}, keepStatefulSet},
	{Ref{"Secret", manifests.CAName}, &corev1.Secret{}, keepSecret},
	{Ref{"Secret", manifests.ServerTLSName}, &corev1.Secret{}, keepSecret},
	{Ref{"Secret", manifests.ClientTLSName}, &corev1.Secret{}, keepSecret},
	{Ref{"Secret", manifests.TokenKeysName}, &corev1.Secret{}, keepSecret},
	metadata("Role", manifests.SandboxName),
	metadata("Role", manifests.CertgenName),
	metadata("NetworkPolicy", Leftovers[2].Name),
	metadata("NetworkPolicy", Leftovers[3].Name),
	metadata(OtherWorkload.Kind, OtherWorkload.Name),
}

func metadata(kind, name string) child {
	ref := Ref{kind, name}
	return child{ref, ref.in(""), nil}
}

// groupVersions are the API versions of the kinds that the operator reads and writes.
var groupVersions = map[string]schema.GroupVersion{
	"ServiceAccount": corev1.SchemeGroupVersion, "ConfigMap": corev1.SchemeGroupVersion, "Service": corev1.SchemeGroupVersion,
	"PersistentVolumeClaim": corev1.SchemeGroupVersion, "Secret": corev1.SchemeGroupVersion, "Pod": corev1.SchemeGroupVersion,
	"RoleBinding": rbacv1.SchemeGroupVersion, "Role": rbacv1.SchemeGroupVersion, "ClusterRoleBinding": rbacv1.SchemeGroupVersion,
	"NetworkPolicy": networkingv1.SchemeGroupVersion,
	"StatefulSet":   appsv1.SchemeGroupVersion, "Deployment": appsv1.SchemeGroupVersion,
	"Job": batchv1.SchemeGroupVersion,
}

// GroupVersionKind returns the API version and kind of the object.
func (r Ref) GroupVersionKind() schema.GroupVersionKind {
	return groupVersions[r.Kind].WithKind(r.Kind)
}

// In returns the object's metadata with nothing but its kind, name and, unless it is cluster-scoped, namespace.
func (r Ref) In(namespace string) *metav1.PartialObjectMetadata {
	if r.Kind == "ClusterRoleBinding" {
		namespace = metav1.NamespaceNone
	}
	object := r.in(namespace)
	object.Name = r.Name
	return object
}

// Describe names the object in messages, as kind and name, with its namespace if it has one.
func (r Ref) Describe(namespace string) string {
	object := r.In(namespace)
	if object.Namespace == metav1.NamespaceNone {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + object.Namespace + "/" + r.Name
}

func (r Ref) in(namespace string) *metav1.PartialObjectMetadata {
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(r.GroupVersionKind())
	object.Namespace = namespace
	return object
}

// isSecret reports whether the child is a Secret.
func (c child) isSecret() bool { return c.Kind == "Secret" }

// hasValues reports whether the values of objects of a kind are compared. The spec of a Job is immutable, and nearly all of a volume
// claim's; what a claim's annotations record is read from there.
func hasValues(kind string) bool {
	return slices.Contains([]string{"ServiceAccount", "RoleBinding", "ClusterRoleBinding", "ConfigMap", "NetworkPolicy", "Service", "StatefulSet"}, kind)
}

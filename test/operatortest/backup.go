package operatortest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// backupKinds are the kinds of a Backup. Velero restores no Jobs that are complete.
var backupKinds = []schema.GroupVersionKind{
	{Version: "v1", Kind: "PersistentVolumeClaim"}, {Version: "v1", Kind: "Secret"}, {Version: "v1", Kind: "ConfigMap"},
	{Version: "v1", Kind: "ServiceAccount"}, {Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRoleBinding"},
	v1alpha1.GroupVersion.WithKind("GatewayTenant"), {Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "RoleBinding"}, {Version: "v1", Kind: "Service"},
	{Group: "apps", Version: "v1", Kind: "StatefulSet"},
}

// Backup returns the objects of a tenant as Velero restores them: without owner references, status, and what the cluster has
// allotted.
func Backup(ctx context.Context, reader client.Reader, namespace string) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for _, kind := range backupKinds {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		if err := reader.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return nil, err
		}
		for i := range list.Items {
			object := &list.Items[i]
			name := object.GetName()
			ofCluster := kind.Kind == "ClusterRoleBinding" && name != manifests.NodeReaderPrefix+namespace
			if ofCluster || name == "default" && kind.Kind == "ServiceAccount" || name == "kube-root-ca.crt" {
				continue
			}
			all = append(all, forRestore(object))
		}
	}
	return all, nil
}

// forRestore drops from an object what Velero does not restore.
func forRestore(object *unstructured.Unstructured) *unstructured.Unstructured {
	for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "ownerReferences", "finalizers"} {
		unstructured.RemoveNestedField(object.Object, "metadata", field)
	}
	delete(object.Object, "status")
	for _, field := range []string{"volumeName", "clusterIP", "clusterIPs"} {
		unstructured.RemoveNestedField(object.Object, "spec", field)
	}
	annotations := object.GetAnnotations()
	for key := range annotations {
		if strings.HasPrefix(key, "pv.kubernetes.io/") || strings.HasPrefix(key, "volume.") {
			delete(annotations, key)
		}
	}
	object.SetAnnotations(annotations)
	return object
}

// Restore creates an object of a Backup as Velero does, with its managed fields and labels that name the restore.
func Restore(ctx context.Context, writer client.Writer, object *unstructured.Unstructured) error {
	fields, err := json.Marshal(map[string]any{"metadata": map[string]any{"managedFields": object.GetManagedFields()}})
	if err != nil {
		return err
	}
	object = object.DeepCopy()
	object.SetManagedFields(nil)
	labels := object.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels["velero.io/restore-name"] = "restore"
	object.SetLabels(labels)
	if err := writer.Create(ctx, object, client.FieldOwner("velero-server")); err != nil {
		return err
	}
	return writer.Patch(ctx, object, client.RawPatch(types.MergePatchType, fields), client.FieldOwner("velero-server"))
}

// RestoringNamespace returns a Namespace into which a backup is about to be restored.
func RestoringNamespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{v1alpha1.AnnotationRestore: v1alpha1.RestoreInProgress}}}
}

// EndRestore takes from a Namespace the annotation that keeps the operator from changing what is in it.
func EndRestore(ctx context.Context, writer client.Writer, namespace string) error {
	patch := fmt.Sprintf(`{"metadata": {"annotations": {%q: null}}}`, v1alpha1.AnnotationRestore)
	return writer.Patch(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, client.RawPatch(types.MergePatchType, []byte(patch)))
}

// RestoreOrders are orders in which the kinds of a Backup may be restored. The claim always precedes the StatefulSet, whose controller
// would create another one, and so does the ServiceAccount, without which that creates no pod.
var RestoreOrders = map[string][]string{
	"Secrets and claim first": { // as Velero does
		"PersistentVolumeClaim", "Secret", "ConfigMap", "ServiceAccount", "ClusterRoleBinding", "GatewayTenant", "NetworkPolicy", "RoleBinding", "Service", "StatefulSet",
	},
	"GatewayTenant first": {
		"GatewayTenant", "Service", "RoleBinding", "NetworkPolicy", "ClusterRoleBinding", "ServiceAccount", "ConfigMap", "Secret", "PersistentVolumeClaim", "StatefulSet",
	},
	"mixed": {
		"ClusterRoleBinding", "ServiceAccount", "ConfigMap", "PersistentVolumeClaim", "StatefulSet", "GatewayTenant", "Service", "RoleBinding", "Secret", "NetworkPolicy",
	},
}

// InOrder returns the objects of a Backup in an order of kinds.
func InOrder(objects []*unstructured.Unstructured, kinds []string) []*unstructured.Unstructured {
	objects = slices.Clone(objects)
	slices.SortStableFunc(objects, func(a, b *unstructured.Unstructured) int {
		return slices.Index(kinds, a.GetKind()) - slices.Index(kinds, b.GetKind())
	})
	return objects
}

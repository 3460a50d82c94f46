package observe

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Snapshot is a tenant's state as read by a client that may not be allowed to read all of it.
type Snapshot struct {
	// Namespace is the tenant's namespace. It has no uid if it is unknown.
	Namespace metav1.PartialObjectMetadata
	// Objects are those of Refs that exist.
	Objects []*unstructured.Unstructured
	// Secrets are the tenant's, by name, without private keys. It is nil if they could not be read.
	Secrets map[string]*corev1.Secret
	// Unreadable are the kinds that could not be read.
	Unreadable []string
	// SandboxAPIs are the versions of the Sandbox API that the cluster serves. It is nil if they could not be read.
	SandboxAPIs []string
}

// Refs returns the objects to read for a Snapshot: those of a gateway, what an earlier control plane may have left, and the gateway's
// pod, but no Secrets.
func Refs(namespace string) []Ref {
	var refs []Ref
	for _, c := range children {
		if !c.isSecret() {
			refs = append(refs, c.Ref)
		}
	}
	return append(refs, Binding(namespace), SharedBinding, podRef)
}

// podRef identifies the gateway's pod.
var podRef = Ref{"Pod", manifests.PodName}

// Find returns an object of the Snapshot. It is nil if it does not exist.
func (s Snapshot) Find(ref Ref) *unstructured.Unstructured {
	for _, object := range s.Objects {
		if RefOf(object) == ref {
			return object
		}
	}
	return nil
}

// Observed returns what the operator would observe of the tenant with this uid.
func (s Snapshot) Observed(tenant types.UID) (*Observed, error) {
	observed := &Observed{
		NamespaceUID: s.Namespace.UID, PodSecurity: s.Namespace.Labels[LabelPodSecurity], Restoring: v1alpha1.Restoring(&s.Namespace),
		Owners: []types.UID{tenant}, Objects: map[Ref]metav1.Object{}, Secrets: map[string]*corev1.Secret{}, SandboxAPIs: s.SandboxAPIs, Unreadable: s.Unreadable,
	}
	pod := &corev1.Pod{}
	for _, object := range s.Objects {
		typed, err := asCached(object)
		if err != nil {
			return nil, err
		}
		switch typed := typed.(type) {
		case *corev1.Pod:
			pod = typed
		case *rbacv1.ClusterRoleBinding:
			if RefOf(object) == SharedBinding {
				observed.SharedSubjects = typed.Subjects
				continue
			}
			observed.add(RefOf(object), typed, tenant)
		default:
			observed.add(RefOf(object), typed, tenant)
		}
		if object.GetKind() == "ConfigMap" {
			data, _, _ := unstructured.NestedStringMap(object.Object, "data")
			observed.setFiles(object, data)
		}
	}
	for name, secret := range s.Secrets {
		observed.add(Ref{"Secret", name}, secret, tenant)
	}
	if s.Secrets == nil {
		observed.Secrets = nil
	}
	if set := observed.StatefulSet; set != nil && isGatewayPod(pod, set) {
		observed.setPod(pod)
	}
	return observed, nil
}

// asCached returns an object with the type that the operator's caches hold, and with digests of the values that are compared.
func asCached(object *unstructured.Unstructured) (metav1.Object, error) {
	typed := typeOf(RefOf(object))
	if typed == nil {
		return object, nil
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, typed); err != nil {
		return nil, fmt.Errorf("reading %s %s/%s: %w", object.GetKind(), object.GetNamespace(), object.GetName(), err)
	}
	if hasValues(object.GetKind()) {
		digester.Add(typed)
	}
	return typed, nil
}

// typeOf returns an empty object of the type that the operator's caches hold. It is nil if that is metadata.
func typeOf(ref Ref) client.Object {
	switch {
	case ref.Kind == "ClusterRoleBinding":
		return &rbacv1.ClusterRoleBinding{}
	case ref == podRef:
		return &corev1.Pod{}
	}
	for _, c := range children {
		if c.Ref == ref && c.transform != nil {
			return c.object.DeepCopyObject().(client.Object)
		}
	}
	return nil
}

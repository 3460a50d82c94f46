package gatewaytenant

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Live is what there is of a tenant, as somebody has read it who only wants to know.
type Live struct {
	// Namespace is the tenant's namespace; one without a uid is not known.
	Namespace metav1.PartialObjectMetadata
	// Objects are those of [Names] that exist, without Secrets. The pod among them is not applied: it says why the gateway
	// ended.
	Objects []*unstructured.Unstructured
	// Secrets are the tenant's, by name, stripped; nil: they could not be read.
	Secrets map[string]*corev1.Secret
	// Unreadable are the kinds that could not be read; nothing is said of them.
	Unreadable []string
	// SandboxAPIs are the versions of the Sandbox API that the cluster serves; nil: that is not known.
	SandboxAPIs []string
}

// Names returns the objects to read for a [Live]: those of a gateway in the namespace and its pod, but no Secrets. Each has
// its kind and its name and nothing else.
func Names(namespace string, scheme *runtime.Scheme) ([]*unstructured.Unstructured, error) {
	var names []*unstructured.Unstructured
	for _, c := range watchedChildren() {
		if _, is := c.object.(*corev1.Secret); is {
			continue
		}
		gvk := c.object.GetObjectKind().GroupVersionKind()
		if gvk.Kind == "" {
			kinds, _, err := scheme.ObjectKinds(c.object)
			if err != nil {
				return nil, err
			}
			gvk = kinds[0]
		}
		object := &unstructured.Unstructured{}
		object.SetGroupVersionKind(gvk)
		object.SetNamespace(namespace)
		object.SetName(c.name)
		names = append(names, object)
	}
	binding := &unstructured.Unstructured{}
	binding.SetAPIVersion("rbac.authorization.k8s.io/v1")
	binding.SetKind("ClusterRoleBinding")
	binding.SetName(manifests.NodeReaderPrefix + namespace)
	pod := &unstructured.Unstructured{}
	pod.SetAPIVersion("v1")
	pod.SetKind("Pod")
	pod.SetNamespace(namespace)
	pod.SetName(manifests.PodName)
	return append(names, binding, pod), nil
}

// Plain are the objects of a tenant in the namespace of which nothing is known but whether they are as applied.
func Plain(namespace string) []Change {
	plain := []Change{{Kind: "ClusterRoleBinding", Name: manifests.NodeReaderPrefix + namespace}}
	for _, c := range children {
		if _, is := c.object.(*metav1.PartialObjectMetadata); is && c.childKey != clientsPolicy.childKey {
			plain = append(plain, Change{Kind: c.kind, Name: c.name})
		}
	}
	slices.SortStableFunc(plain, func(a, b Change) int { return strings.Compare(a.Kind, b.Kind) })
	return plain
}

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// id names an object.
type id struct{ Resource, Namespace, Name string }

// snapshot holds all objects of the cluster at one time, without the fields that every write changes.
type snapshot map[id]map[string]any

// unrecorded lists resources that other controllers write all the time, or that the audit log covers.
var unrecorded = []string{"events", "leases", "endpoints", "endpointslices", "controllerrevisions"}

// clusterScoped lists the resources outside of namespaces that can belong to tenants.
var clusterScoped = []string{"clusterrolebindings", "persistentvolumes", "namespaces"}

// takeSnapshot reads all objects of all kinds, so that it also sees kinds that only one of the versions uses.
func takeSnapshot(ctx context.Context, config *rest.Config) (snapshot, error) {
	kinds, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	groups, err := kinds.ServerPreferredResources()
	if err != nil {
		return nil, err
	}
	all := snapshot{}
	for _, group := range groups {
		version, err := schema.ParseGroupVersion(group.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, resource := range group.APIResources {
			if !recorded(resource) {
				continue
			}
			list, err := client.Resource(version.WithResource(resource.Name)).List(ctx, metav1.ListOptions{})
			if err != nil {
				return nil, fmt.Errorf("listing %s: %w", resource.Name, err)
			}
			for _, object := range list.Items {
				all[id{resource.Name, object.GetNamespace(), object.GetName()}] = clean(resource.Name, object)
			}
		}
	}
	return all, nil
}

// recorded reports whether a snapshot holds the objects of a resource.
func recorded(r metav1.APIResource) bool {
	if !slices.Contains(r.Verbs, "list") || slices.Contains(unrecorded, r.Name) {
		return false
	}
	return r.Namespaced || slices.Contains(clusterScoped, r.Name)
}

// clean removes the fields that every write changes. It replaces the values of a Secret with their hashes.
func clean(resource string, object unstructured.Unstructured) map[string]any {
	for _, field := range []string{"managedFields", "resourceVersion", "generation"} {
		unstructured.RemoveNestedField(object.Object, "metadata", field)
	}
	dropObservedGeneration(object.Object)
	if data, is := object.Object["data"].(map[string]any); is && resource == "secrets" {
		for key, value := range data {
			sum := sha256.Sum256([]byte(fmt.Sprint(value)))
			data[key] = hex.EncodeToString(sum[:8])
		}
	}
	return object.Object
}

// dropObservedGeneration removes the generation that a status and its conditions speak of.
func dropObservedGeneration(value any) {
	switch value := value.(type) {
	case map[string]any:
		delete(value, "observedGeneration")
		for _, field := range value {
			dropObservedGeneration(field)
		}
	case []any:
		for _, element := range value {
			dropObservedGeneration(element)
		}
	}
}

// tenantOf returns the namespace of the tenant that an object belongs to. It is empty for other objects outside of namespaces.
func (s snapshot) tenantOf(object id) string {
	switch object.Resource {
	case "namespaces":
		return object.Name
	case "clusterrolebindings":
		_, namespace, _ := strings.Cut(object.Name, ":")
		return namespace
	case "persistentvolumes":
		namespace, _, _ := unstructured.NestedString(s[object], "spec", "claimRef", "namespace")
		return namespace
	}
	return object.Namespace
}

// uid returns the uid of an object. It is empty if the object does not exist.
func (s snapshot) uid(object id) string {
	uid, _, _ := unstructured.NestedString(s[object], "metadata", "uid")
	return uid
}

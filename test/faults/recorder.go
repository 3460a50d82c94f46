package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// kinds are those of a tenant's objects.
var kinds = []schema.GroupVersionKind{
	v1alpha1.GroupVersion.WithKind("GatewayTenant"),
	appsv1.SchemeGroupVersion.WithKind("StatefulSet"),
	corev1.SchemeGroupVersion.WithKind("ServiceAccount"),
	corev1.SchemeGroupVersion.WithKind("ConfigMap"),
	corev1.SchemeGroupVersion.WithKind("Service"),
	corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim"),
	corev1.SchemeGroupVersion.WithKind("Secret"),
	batchv1.SchemeGroupVersion.WithKind("Job"),
	networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy"),
	rbacv1.SchemeGroupVersion.WithKind("RoleBinding"),
	rbacv1.SchemeGroupVersion.WithKind("Role"),
	rbacv1.SchemeGroupVersion.WithKind("ClusterRoleBinding"),
}

// whole are the kinds of which more than metadata is recorded.
var whole = map[string]bool{"GatewayTenant": true, "StatefulSet": true, "Pod": true}

// change is one version of an object.
type change struct {
	version uint64 // of the whole cluster: it orders changes of all kinds
	id      id
	uid     types.UID
	gone    bool
	object  *unstructured.Unstructured // nil unless its kind is recorded whole
}

// id names an object within a tenant.
type id struct{ kind, name string }

func (i id) String() string { return i.kind + " " + i.name }

// recorder remembers every change of every tenant's objects, as an administrator's watch sees them.
type recorder struct {
	mu sync.Mutex
	of map[string][]change // by namespace; nil: forgotten

	// pods has the gateways' pods, by namespace. It has a nil value for a namespace that was forgotten.
	pods map[string][]change
}

// record starts a recorder; it ends with the context.
func record(ctx context.Context, admin client.WithWatch) (*recorder, error) {
	r := &recorder{of: map[string][]change{}, pods: map[string][]change{}}
	for _, gvk := range statesKinds() {
		var list client.ObjectList
		if whole[gvk.Kind] {
			objects := &unstructured.UnstructuredList{}
			objects.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
			list = objects
		} else {
			objects := &metav1.PartialObjectMetadataList{}
			objects.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
			list = objects
		}
		w, err := admin.Watch(ctx, list)
		if err != nil {
			return nil, fmt.Errorf("watching %s: %w", gvk.Kind, err)
		}
		go r.follow(ctx, admin, list, gvk.Kind, w)
	}
	return r, nil
}

// follow notes what a watch tells. API servers end watches after some time; then it goes on where it was. One that was
// started again does not know that any more: then all that there is comes anew, and of what went meanwhile, another's uid
// in its place tells.
func (r *recorder) follow(ctx context.Context, admin client.WithWatch, list client.ObjectList, kind string, w watch.Interface) {
	last := ""
	for ctx.Err() == nil {
		for event := range w.ResultChan() {
			object, is := event.Object.(client.Object)
			if !is {
				last = ""
				continue // the watch's own end
			}
			last = object.GetResourceVersion()
			if event.Type != watch.Bookmark {
				r.note(kind, object, event.Type == watch.Deleted)
			}
		}
		next, err := admin.Watch(ctx, list, &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: last}})
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		w = next
	}
}

func (r *recorder) note(kind string, object client.Object, gone bool) {
	namespace, name := object.GetNamespace(), object.GetName()
	if kind == "ClusterRoleBinding" {
		prefix := false
		if namespace, prefix = strings.CutPrefix(name, manifests.NodeReaderPrefix); !prefix {
			return
		}
		name = strings.TrimSuffix(manifests.NodeReaderPrefix, ":")
	}
	version, err := strconv.ParseUint(object.GetResourceVersion(), 10, 64)
	if err != nil {
		panic(errors.Join(errors.New("etcd's versions are numbers"), err))
	}
	c := change{version: version, id: id{kind, name}, uid: object.GetUID(), gone: gone}
	if text, is := object.(*unstructured.Unstructured); is {
		c.object = text
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	into := r.of
	if kind == "Pod" {
		if into = r.pods; name != manifests.PodName {
			return
		}
	}
	if before, known := into[namespace]; !known || before != nil {
		into[namespace] = append(before, c)
	}
}

// changes are those of a namespace so far, and forget drops them.
func (r *recorder) changes(namespace string) []change {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]change(nil), r.of[namespace]...)
}

func (r *recorder) forget(namespace string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of[namespace], r.pods[namespace] = nil, nil
}

// podChanges returns the states of the gateway's pod in a namespace so far.
func (r *recorder) podChanges(namespace string) []change {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.pods[namespace])
}

// restart drops what happened so far, and goes on.
func (r *recorder) restart(namespace string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.of, namespace)
	delete(r.pods, namespace)
}

// last is the present version of an object, as far as the recorder knows; gone if there is none.
func (r *recorder) last(namespace string, of id) change {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, change := range slices.Backward(r.of[namespace]) {
		if change.id == of {
			return change
		}
	}
	return change{gone: true}
}

// present are the objects that there are, by their uids.
func (r *recorder) present(namespace string) map[id]types.UID {
	present := map[id]types.UID{}
	for _, c := range r.changes(namespace) {
		if c.gone {
			delete(present, c.id)
		} else {
			present[c.id] = c.uid
		}
	}
	return present
}

// newest is the version of the last change in a namespace.
func (r *recorder) newest(namespace string) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if changes := r.of[namespace]; len(changes) > 0 {
		return changes[len(changes)-1].version
	}
	return 0
}

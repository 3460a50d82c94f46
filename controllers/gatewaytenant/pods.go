package gatewaytenant

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Pods and Events are looked at for why something does not come about, and for nothing else.
//
// +kubebuilder:rbac:groups="",resources=pods,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=events,verbs=list;watch

// cacheOfPods holds certgen's pods, and of them what tells how they fare.
func cacheOfPods() cache.ByObject {
	shared := true
	return cache.ByObject{
		Label:                 labels.SelectorFromSet(labels.Set{manifests.LabelName: manifests.CertgenName}),
		Transform:             keepPod,
		UnsafeDisableDeepCopy: &shared,
	}
}

// cacheOfEvents holds the events about pods that the API server takes from nobody: it tells these nowhere else.
func cacheOfEvents() cache.ByObject {
	shared := true
	return cache.ByObject{
		Field:                 fields.OneTermEqualSelector("reason", "FailedCreate"),
		Transform:             keepEvent,
		UnsafeDisableDeepCopy: &shared,
	}
}

func keepPod(object any) (any, error) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return object, nil
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
			OwnerReferences: pod.OwnerReferences, CreationTimestamp: pod.CreationTimestamp,
		},
		Status: corev1.PodStatus{
			Phase: pod.Status.Phase, Reason: pod.Status.Reason, Message: pod.Status.Message,
			Conditions: pod.Status.Conditions, ContainerStatuses: pod.Status.ContainerStatuses,
		},
	}, nil
}

// keepEvent drops the words of events that are not about a tenant's objects.
func keepEvent(object any) (any, error) {
	event, ok := object.(*corev1.Event)
	if !ok {
		return object, nil
	}
	kept := &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: event.Name, Namespace: event.Namespace, ResourceVersion: event.ResourceVersion}}
	if event.InvolvedObject.Name == manifests.CertgenName {
		kept.InvolvedObject = corev1.ObjectReference{Name: event.InvolvedObject.Name, UID: event.InvolvedObject.UID}
		kept.Message, kept.LastTimestamp = event.Message, event.LastTimestamp
	}
	return kept, nil
}

// newTrouble lets only those changes of pods through that change what is wrong with them.
func newTrouble() predicate.Predicate {
	trouble := func(object client.Object) string {
		if pod, ok := object.(*corev1.Pod); ok {
			return podTrouble(pod)
		}
		return ""
	}
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return trouble(e.Object) != "" },
		UpdateFunc: func(e event.UpdateEvent) bool { return trouble(e.ObjectOld) != trouble(e.ObjectNew) },
		DeleteFunc: func(event.DeleteEvent) bool { return false }, // goes with its Job, or leaves it as it was
	}
}

// ofPod leads from a pod to its tenant.
func ofPod(_ context.Context, pod client.Object) []reconcile.Request {
	return tenantIn(pod.GetNamespace())
}

// ofEvent leads from an event about a tenant's object to the tenant.
func ofEvent(_ context.Context, object client.Object) []reconcile.Request {
	if event, ok := object.(*corev1.Event); !ok || event.InvolvedObject.Name == "" {
		return nil
	}
	return tenantIn(object.GetNamespace())
}

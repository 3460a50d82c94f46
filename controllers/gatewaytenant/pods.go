package gatewaytenant

import (
	"context"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
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
// +kubebuilder:rbac:groups="",resources=pods,resourceNames=openshell-gateway-0,verbs=delete
// +kubebuilder:rbac:groups="",resources=events,verbs=list;watch

// cacheOfPods holds the pods of gateways and of certgen that have not succeeded, and of them what tells how they fare.
func cacheOfPods() cache.ByObject {
	shared := true
	ours, err := labels.NewRequirement(manifests.LabelName, selection.In, []string{manifests.AppName, manifests.CertgenName})
	if err != nil {
		panic(err) // constants: cannot fail
	}
	return cache.ByObject{
		Label:                 labels.NewSelector().Add(*ours),
		Field:                 fields.OneTermNotEqualSelector("status.phase", string(corev1.PodSucceeded)),
		Transform:             keepPod,
		UnsafeDisableDeepCopy: &shared,
	}
}

// cacheOfEvents holds FailedCreate events: only they say why the API server took no pod.
func cacheOfEvents() cache.ByObject {
	shared := true
	return cache.ByObject{
		Field:                 fields.OneTermEqualSelector("reason", "FailedCreate"),
		Transform:             keepEvent,
		UnsafeDisableDeepCopy: &shared,
	}
}

// keepPod keeps whose a pod is, which revision it runs, whether it is ready and, if not, what it says.
func keepPod(object any) (any, error) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return object, nil
	}
	kept := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
		OwnerReferences: pod.OwnerReferences, CreationTimestamp: pod.CreationTimestamp, DeletionTimestamp: pod.DeletionTimestamp,
	}}
	if revision, has := pod.Labels[appsv1.ControllerRevisionHashLabelKey]; has {
		kept.Labels = map[string]string{appsv1.ControllerRevisionHashLabelKey: revision}
	}
	kept.Status.Phase = pod.Status.Phase
	if isReady(pod) {
		kept.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		for _, container := range pod.Status.ContainerStatuses {
			kept.Status.ContainerStatuses = append(kept.Status.ContainerStatuses, corev1.ContainerStatus{Name: container.Name, Image: container.Image, Ready: true})
		}
		return kept, nil
	}
	kept.Status.Reason, kept.Status.Message = pod.Status.Reason, pod.Status.Message
	kept.Status.Conditions, kept.Status.ContainerStatuses = pod.Status.Conditions, pod.Status.ContainerStatuses
	return kept, nil
}

func isReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// keepEvent drops the words of events that are not about a tenant's objects.
func keepEvent(object any) (any, error) {
	event, ok := object.(*corev1.Event)
	if !ok {
		return object, nil
	}
	kept := &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: event.Name, Namespace: event.Namespace, ResourceVersion: event.ResourceVersion}}
	if name := event.InvolvedObject.Name; name == manifests.CertgenName || name == manifests.GatewayName {
		kept.InvolvedObject = corev1.ObjectReference{Name: event.InvolvedObject.Name, UID: event.InvolvedObject.UID}
		kept.Message, kept.LastTimestamp = event.Message, event.LastTimestamp
	}
	return kept, nil
}

// newTrouble lets only those changes of pods through that change what is wrong with them, or that they are ready no more.
func newTrouble() predicate.Predicate {
	of := func(object client.Object) trouble {
		if pod, ok := object.(*corev1.Pod); ok {
			return podTrouble(pod)
		}
		return trouble{}
	}
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return of(e.Object) != trouble{} },
		UpdateFunc: func(e event.UpdateEvent) bool { return of(e.ObjectOld) != of(e.ObjectNew) || stopped(e) },
		DeleteFunc: func(event.DeleteEvent) bool { return false }, // gone, or succeeded: what it belongs to tells
	}
}

// stopped tells whether a pod is no longer ready: now it may be in the way of its successor.
func stopped(e event.UpdateEvent) bool {
	was, _ := e.ObjectOld.(*corev1.Pod)
	is, _ := e.ObjectNew.(*corev1.Pod)
	return was != nil && is != nil && isReady(was) && !isReady(is)
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

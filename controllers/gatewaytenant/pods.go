package gatewaytenant

import (
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/ambient-code/gatewaytenant-operator/controllers/bounded"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Pods and Events are read only to explain why something does not run. The gateway's pod is watched by its name. The names of
// certgen's pods are generated, and any client may create Events, so these are only listed, in one namespace at a time.
//
// +kubebuilder:rbac:groups="",resources=pods,verbs=list
// +kubebuilder:rbac:groups="",resources=pods,resourceNames=openshell-gateway-0,verbs=watch;delete
// +kubebuilder:rbac:groups="",resources=events,verbs=list

const (
	// lookupPage is how many pods or Events one request returns at most, and lookupPages how many requests one read makes.
	// A Job has a handful of pods, and its controller writes some twenty Events in the hour for which they are kept.
	lookupPage, lookupPages = 32, 8
	// lookupTimeout is how long one read may take.
	lookupTimeout = 10 * time.Second
)

// gatewayPod returns the gateway's pod, nil if there is none: if the pod of that name belongs to another workload, or has
// ended well.
func (r *Reconciler) gatewayPod(ctx context.Context, set *appsv1.StatefulSet) (*corev1.Pod, error) {
	pod := &corev1.Pod{}
	there, err := found(r.pods.Get(ctx, client.ObjectKey{Namespace: set.Namespace, Name: manifests.PodName}, pod))
	if err != nil {
		return nil, fmt.Errorf("reading pod %s/%s: %w", set.Namespace, manifests.PodName, err)
	}
	if !there || !metav1.IsControlledBy(pod, set) || pod.Status.Phase == corev1.PodSucceeded {
		return nil, nil
	}
	return pod, nil
}

// podsOf lists the pods of a Job from the API server. Of each, only as much is kept as a cache would keep.
func (r *Reconciler) podsOf(ctx context.Context, job *batchv1.Job) ([]corev1.Pod, error) {
	var pods []corev1.Pod
	err := bounded.Pages(ctx, lookupPage, lookupPages, func(ctx context.Context, page metav1.ListOptions) (string, error) {
		var list corev1.PodList
		err := r.live.List(ctx, &list, client.InNamespace(job.Namespace), client.MatchingLabels{batchv1.JobNameLabel: job.Name},
			client.Limit(page.Limit), client.Continue(page.Continue))
		for i := range list.Items {
			if metav1.IsControlledBy(&list.Items[i], job) {
				pods = append(pods, *trimmedPod(&list.Items[i]))
			}
		}
		return list.Continue, err
	})
	return pods, err
}

// refusalsOf lists the Events that report why the API server takes no pod of a Job or StatefulSet.
func (r *Reconciler) refusalsOf(ctx context.Context, workload metav1.Object) ([]corev1.Event, error) {
	return r.eventsOf(ctx, workload, func(string) bool { return true }, fields.OneTermEqualSelector("reason", "FailedCreate"))
}

// eventsOf lists the Events about an object from the API server that match some selectors, and keeps those with the reasons
// that matter.
func (r *Reconciler) eventsOf(
	ctx context.Context, about metav1.Object, matters func(reason string) bool, selectors ...fields.Selector,
) ([]corev1.Event, error) {
	var events []corev1.Event
	selectors = append([]fields.Selector{fields.OneTermEqualSelector("involvedObject.uid", string(about.GetUID()))}, selectors...)
	selector := fields.AndSelectors(selectors...)
	err := bounded.Pages(ctx, lookupPage, lookupPages, func(ctx context.Context, page metav1.ListOptions) (string, error) {
		var list corev1.EventList
		err := r.live.List(ctx, &list, client.InNamespace(about.GetNamespace()), client.MatchingFieldsSelector{Selector: selector},
			client.Limit(page.Limit), client.Continue(page.Continue))
		for i := range list.Items {
			if event := &list.Items[i]; matters(event.Reason) {
				events = append(events, trimmedEvent(event, about.GetUID()))
			}
		}
		return list.Continue, err
	})
	return events, err
}

// eventsOfPod lists the Events of a pod from the API server, and keeps those that explain why it does not run.
func (r *Reconciler) eventsOfPod(ctx context.Context, pod *corev1.Pod) ([]corev1.Event, error) {
	return r.eventsOf(ctx, pod, diagnose.ExplainsPod)
}

// keepPod keeps the owner of a pod, the revision that it runs, whether it is ready or being evicted and, if it is not ready, why.
func keepPod(object any) (any, error) {
	if pod, ok := object.(*corev1.Pod); ok {
		return trimmedPod(pod), nil
	}
	return object, nil
}

// trimmedPod is a copy of what keepPod keeps.
func trimmedPod(pod *corev1.Pod) *corev1.Pod {
	kept := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
		OwnerReferences: trimmedOwners(pod.OwnerReferences), CreationTimestamp: pod.CreationTimestamp, DeletionTimestamp: pod.DeletionTimestamp,
	}}
	if revision, has := pod.Labels[appsv1.ControllerRevisionHashLabelKey]; has {
		kept.Labels = map[string]string{appsv1.ControllerRevisionHashLabelKey: revision}
	}
	kept.Status.Phase = corev1.PodPhase(first(string(pod.Status.Phase), maxName))
	if diagnose.IsReady(pod) {
		if kept.Status.Conditions = trimmedConditions(pod.Status.Conditions, corev1.DisruptionTarget); len(kept.Status.Conditions) > 0 {
			kept.Spec.NodeName = first(pod.Spec.NodeName, maxName)
		}
		kept.Status.Conditions = append(kept.Status.Conditions, corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue})
	} else {
		trimNotReady(kept, pod)
	}
	for i := range pod.Status.ContainerStatuses {
		if is := &pod.Status.ContainerStatuses[i]; len(kept.Status.ContainerStatuses) < maxContainers || is.Name == manifests.GatewayName {
			kept.Status.ContainerStatuses = append(kept.Status.ContainerStatuses, trimmedContainer(is, diagnose.IsReady(pod)))
		}
		if len(kept.Status.ContainerStatuses) > maxContainers {
			break
		}
	}
	return kept
}

// podHealthChanged selects changes of pods that change their problems, or after which they are no longer ready.
func podHealthChanged() predicate.TypedPredicate[client.Object] {
	of := func(object client.Object) []diagnose.Problem {
		if pod, ok := object.(*corev1.Pod); ok {
			return diagnose.Pod(pod)
		}
		return nil
	}
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return len(of(e.Object)) > 0 },
		UpdateFunc: func(e event.UpdateEvent) bool { return !slices.Equal(of(e.ObjectOld), of(e.ObjectNew)) || stopped(e) },
		DeleteFunc: func(event.DeleteEvent) bool { return false }, // its StatefulSet or Job reports that
	}
}

// stopped reports whether a pod is no longer ready, so that it may block its successor.
func stopped(e event.UpdateEvent) bool {
	was, _ := e.ObjectOld.(*corev1.Pod)
	is, _ := e.ObjectNew.(*corev1.Pod)
	return was != nil && is != nil && diagnose.IsReady(was) && !diagnose.IsReady(is)
}

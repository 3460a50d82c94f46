package observe

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/bounded"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Pods and Events are read only to explain why something does not run. The gateway's pod is watched by its name. The names of
// certgen's pods are generated, and any client may create Events, so these are only listed, in one namespace at a time.

const (
	// lookupPage is how many pods or Events one request returns at most, and lookupPages how many requests one read makes.
	// A Job has a handful of pods, and its controller writes some twenty Events in the hour for which they are kept.
	lookupPage, lookupPages = 32, 8
	// lookupTimeout is how long one read may take.
	lookupTimeout = 10 * time.Second
)

// files reads the ConfigMap with the texts of gateway.toml from the API server. It is empty if it does not exist.
func (o *Observer) files(ctx context.Context, namespace string) (*corev1.ConfigMap, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	var list corev1.ConfigMapList
	err := o.live.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{metav1.ObjectNameField: manifests.ConfigName}) // the role allows to list this name
	if err != nil {
		return nil, fmt.Errorf("reading ConfigMap %s/%s: %w", namespace, manifests.ConfigName, err)
	}
	if len(list.Items) == 0 {
		return &corev1.ConfigMap{}, nil
	}
	return &list.Items[0], nil
}

// gatewayPod returns the gateway's pod and, if the gateway has none, another pod that has its name. Each is nil if it does not exist.
func (o *Observer) gatewayPod(ctx context.Context, set *appsv1.StatefulSet) (own, other *corev1.Pod, err error) {
	pod := &corev1.Pod{}
	exists, err := Exists(o.caches.Pods.Get(ctx, client.ObjectKey{Namespace: set.Namespace, Name: manifests.PodName}, pod))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("reading pod %s/%s: %w", set.Namespace, manifests.PodName, err)
	case !exists:
		return nil, nil, nil
	case isGatewayPod(pod, set):
		return pod, nil, nil
	case !metav1.IsControlledBy(pod, set):
		return nil, pod, nil
	}
	return nil, nil, nil
}

// podsOfJob lists the pods of a Job from the API server. Of each, only as much is kept as a cache would keep.
func (o *Observer) podsOfJob(ctx context.Context, job *batchv1.Job) ([]corev1.Pod, error) {
	var pods []corev1.Pod
	err := bounded.Pages(ctx, lookupPage, lookupPages, func(ctx context.Context, page metav1.ListOptions) (string, error) {
		var list corev1.PodList
		err := o.live.List(ctx, &list, client.InNamespace(job.Namespace), client.MatchingLabels{batchv1.JobNameLabel: job.Name},
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

// eventsOfJob lists the Events that report why a pod of a Job does not start or, if it has none, why it has none.
func (o *Observer) eventsOfJob(ctx context.Context, job *batchv1.Job, pods []corev1.Pod) ([]corev1.Event, error) {
	for i := range pods {
		if diagnose.IsStarting(&pods[i]) {
			return o.eventsOfPod(ctx, &pods[i])
		}
	}
	if job.Status.Active > 0 {
		return nil, nil
	}
	return o.refusedPods(ctx, job)
}

// refusedPods lists the Events that report why the API server accepts no pod of a Job or StatefulSet.
func (o *Observer) refusedPods(ctx context.Context, workload metav1.Object) ([]corev1.Event, error) {
	return o.eventsOf(ctx, workload, func(string) bool { return true }, fields.OneTermEqualSelector("reason", "FailedCreate"))
}

// eventsOfPod lists the Events of a pod from the API server, and keeps those that explain why it does not run.
func (o *Observer) eventsOfPod(ctx context.Context, pod *corev1.Pod) ([]corev1.Event, error) {
	return o.eventsOf(ctx, pod, diagnose.ExplainsPod)
}

// eventsOf lists the Events about an object from the API server that match some selectors, and keeps those with the reasons
// that matter.
func (o *Observer) eventsOf(
	ctx context.Context, about metav1.Object, matters func(reason string) bool, selectors ...fields.Selector,
) ([]corev1.Event, error) {
	var events []corev1.Event
	selectors = append([]fields.Selector{fields.OneTermEqualSelector("involvedObject.uid", string(about.GetUID()))}, selectors...)
	selector := fields.AndSelectors(selectors...)
	err := bounded.Pages(ctx, lookupPage, lookupPages, func(ctx context.Context, page metav1.ListOptions) (string, error) {
		var list corev1.EventList
		err := o.live.List(ctx, &list, client.InNamespace(about.GetNamespace()), client.MatchingFieldsSelector{Selector: selector},
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

package observe

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
)

// PodHealthChanged selects changes of pods that change their problems, or after which they are no longer ready.
func PodHealthChanged() predicate.TypedPredicate[client.Object] {
	problems := func(object client.Object) []diagnose.Problem {
		if pod, ok := object.(*corev1.Pod); ok {
			return diagnose.Pod(pod)
		}
		return nil
	}
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return len(problems(e.Object)) > 0 },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return !slices.Equal(problems(e.ObjectOld), problems(e.ObjectNew)) || stoppedBeingReady(e)
		},
		DeleteFunc: func(event.DeleteEvent) bool { return false }, // its StatefulSet or Job reports that
	}
}

// stoppedBeingReady reports whether a pod is no longer ready, so that it may block its successor.
func stoppedBeingReady(e event.UpdateEvent) bool {
	was, _ := e.ObjectOld.(*corev1.Pod)
	is, _ := e.ObjectNew.(*corev1.Pod)
	return was != nil && is != nil && diagnose.IsReady(was) && !diagnose.IsReady(is)
}

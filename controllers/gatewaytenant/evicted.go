package gatewaytenant

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
)

// evicted records evictions by namespace until the gateway is ready again. A pod may no longer exist when its tenant is
// reconciled, and no other object has the reason.
type evicted struct{ of sync.Map }

// ofPod maps a pod to its tenant, and records its eviction.
func (e *evicted) ofPod(_ context.Context, object client.Object) []reconcile.Request {
	if pod, ok := object.(*corev1.Pod); ok {
		if found := diagnose.Eviction(pod); !found.IsZero() {
			e.of.Store(pod.Namespace, found)
		}
	}
	return tenantIn(object.GetNamespace())
}

// last returns the eviction of the gateway's last pod, which is zero if that was not evicted.
func (e *evicted) last(namespace string) diagnose.Problem {
	found, ok := e.of.Load(namespace)
	if !ok {
		return diagnose.Problem{}
	}
	return found.(diagnose.Problem)
}

func (e *evicted) forget(namespace string) { e.of.Delete(namespace) }

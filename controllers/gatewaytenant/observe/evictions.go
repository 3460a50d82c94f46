package observe

import (
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
)

// Evictions remembers evictions by namespace until the gateway is ready again. A pod may no longer exist when its tenant is
// reconciled, and no other object has the reason. If they are lost, the status reports a new pod that starts and not why.
type Evictions struct{ by sync.Map }

// Note records the eviction of a pod, if it is being evicted.
func (e *Evictions) Note(pod *corev1.Pod) {
	if problem := diagnose.Eviction(pod); !problem.IsZero() {
		e.by.Store(pod.Namespace, problem)
	}
}

// last returns the eviction of the gateway's last pod, which is zero if that was not evicted.
func (e *Evictions) last(namespace string) diagnose.Problem {
	problem, exists := e.by.Load(namespace)
	if !exists {
		return diagnose.Problem{}
	}
	return problem.(diagnose.Problem)
}

func (e *Evictions) forget(namespace string) { e.by.Delete(namespace) }

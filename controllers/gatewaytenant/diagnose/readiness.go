package diagnose

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// notReady returns the problem of a container that runs, but is not ready or has not completed, although the pod waits for it.
func (c *container) notReady() Problem {
	running := c.State.Running
	endless := c.init || c.pod.Spec.RestartPolicy != corev1.RestartPolicyNever
	if running == nil || c.Ready || !endless {
		return Problem{}
	}
	started := c.Started != nil && *c.Started
	found := Problem{
		Reason: v1alpha1.ReasonPodNotReady, Since: metav1.NewTime(running.StartedAt.Add(slowStart)),
		Remedy: fmt.Sprintf("see: kubectl logs %s -n %s -c %s", c.pod.Name, c.pod.Namespace, c.Name),
	}
	if c.wasReady() {
		found.Since = metav1.Time{} // it has started, so a slow start does not explain it
	}
	switch {
	case c.init && !c.sidecar:
		found.Reason, found.Message = v1alpha1.ReasonPodStuck, c.title()+" does not complete, and the gateway starts only after it"
	case c.sidecar && !started:
		found.Reason, found.Message = v1alpha1.ReasonPodStuck, c.title()+" does not pass its startup probe, and the gateway starts only after it"
	case c.Name == manifests.GatewayName && !started:
		found.Message = c.title() + " does not start to serve: GET /healthz on port 8081 does not succeed"
	case c.Name == manifests.GatewayName:
		found.Message = c.title() + " runs, but is not ready: GET /readyz on port 8081 does not succeed"
	case !started:
		found.Message = c.title() + " runs, but does not pass its startup probe"
	default:
		found.Message = c.title() + " runs, but does not pass its readiness probe"
	}
	return found
}

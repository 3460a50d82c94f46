package plan

import (
	"cmp"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// History is what this process has done for a tenant before. The zero value means that nothing is known, as after a start of the
// process, and delays no repair.
type History struct {
	// Gateway identifies the state that was last applied to the StatefulSet. It is zero if none was.
	Gateway Fingerprint
	// Restarts are the times of the repairs that restarted the gateway, oldest first: another client had changed the pod template, and
	// the operator applied an unchanged desired state again.
	Restarts []time.Time
	// MaxRestarts overrides the constant MaxRestarts unless it is zero.
	MaxRestarts int
}

// Fingerprint identifies a desired state. It is never zero.
type Fingerprint uint32

// FingerprintOf returns the fingerprint of a desired state. It ignores the annotation that marks a StatefulSet as changed by the
// platform, because that depends on the observed state.
func FingerprintOf(desired *unstructured.Unstructured) Fingerprint {
	hash, err := apply.Hash(manifests.WithoutRollout(desired))
	if err != nil {
		return 1 // an object that cannot be encoded is not applied
	}
	sum, err := strconv.ParseUint(hash[:8], 16, 32)
	if err != nil || sum == 0 {
		return 1
	}
	return Fingerprint(sum)
}

const (
	// MaxRestarts is how many times within RestartWindow the operator restarts a gateway to undo changes of other clients.
	MaxRestarts = 3
	// RestartWindow is the time in which restarts are counted.
	RestartWindow = 10 * time.Minute
)

// isRepair reports whether a StatefulSet was last applied from the same desired state, so that applying it again undoes what another
// client changed.
func (h History) isRepair(desired *unstructured.Unstructured) bool {
	return h.Gateway != 0 && h.Gateway == FingerprintOf(desired)
}

// repairAt returns when the update of a StatefulSet may be executed. It is zero if it may be executed now. Only repairs that restart
// the gateway are limited, except those of what the pods are allowed to do and of a StatefulSet that was scaled to zero.
func (h History) repairAt(step Step, now time.Time) time.Time {
	most := cmp.Or(h.MaxRestarts, MaxRestarts)
	if step.Live == nil || !step.Difference.PodTemplate || step.Difference.Security || isScaledToZero(step.Live) || len(h.Restarts) < most || !h.isRepair(step.Desired) {
		return time.Time{}
	}
	until := h.Restarts[len(h.Restarts)-most].Add(RestartWindow)
	if !until.After(now) {
		return time.Time{}
	}
	return until.Truncate(time.Second).Add(time.Second)
}

// isScaledToZero reports whether a StatefulSet requests no pod.
func isScaledToZero(live metav1.Object) bool {
	set, is := live.(*appsv1.StatefulSet)
	return is && set.Spec.Replicas != nil && *set.Spec.Replicas == 0
}

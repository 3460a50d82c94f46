package plan

import (
	"cmp"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// History is what this process has done for a tenant before. Its zero value is that of a process that has just started, and of one
// that does not know: nothing is repaired later because of it.
type History struct {
	// Gateway identifies the state that was last applied to the StatefulSet. It is zero if none was.
	Gateway Fingerprint
	// Restarts are when the StatefulSet was applied again from an unchanged desired state and its pod template changed, oldest first.
	// Each time another client had changed it, and the gateway was restarted.
	Restarts []time.Time
	// MaxRestarts replaces the constant of this name unless it is zero.
	MaxRestarts int
}

// Fingerprint identifies a desired state. It is never zero.
type Fingerprint uint32

// FingerprintOf returns the fingerprint of a desired state. It does not depend on the annotation by which a StatefulSet is marked as
// changed by the platform, because that follows from what exists.
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

// repairAt returns when the update of a StatefulSet may be executed. It is zero if it may be now: only a repair that restarts the
// gateway can be too much. What the pods are allowed to do is always repaired.
func (h History) repairAt(step Step, now time.Time) time.Time {
	most := cmp.Or(h.MaxRestarts, MaxRestarts)
	if step.Live == nil || !step.Difference.PodTemplate || step.Difference.Security || len(h.Restarts) < most || !h.isRepair(step.Desired) {
		return time.Time{}
	}
	until := h.Restarts[len(h.Restarts)-most].Add(RestartWindow)
	if !until.After(now) {
		return time.Time{}
	}
	return until.Truncate(time.Second).Add(time.Second)
}

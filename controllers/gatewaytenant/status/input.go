package status

import (
	"time"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
)

// Input is all that a status depends on.
type Input struct {
	// GatewayTenant has the spec and the status before.
	GatewayTenant *v1alpha1.GatewayTenant
	// Observed is the state of the tenant's objects. It is nil if it could not be read.
	Observed *observe.Observed
	// Plan is what was decided. If nothing was observed, it has the result of checking the spec alone.
	Plan *plan.Plan
	// Err is why the plan is incomplete, or what failed while it was executed.
	Err error
	// Undone are the objects whose steps of the plan were not executed or failed.
	Undone []observe.Ref
	// Contentions are the changes of other clients that the operator reverts again and again.
	Contentions []Contention
	// SlotHolders are the namespaces of the tenants that hold the rollout slots, if this one waits for a slot.
	SlotHolders []string
	// TrustDelay is how long a changed Secret takes to reach a container, at most.
	TrustDelay time.Duration
	// DistributionWait is how much longer the gateway may serve an earlier certificate. It is zero if it serves the present one.
	DistributionWait time.Duration
}

// suspended reports whether spec.suspend is true.
func (in Input) suspended() bool { return in.GatewayTenant.Spec.Suspend }

// restoring reports whether a backup is being restored into the namespace.
func (in Input) restoring() bool { return in.Observed != nil && in.Observed.Restoring }

// paused reports whether nothing of the gateway is changed because a user requested that.
func (in Input) paused() bool { return in.suspended() || in.restoring() }

// incomplete reports whether an error ended the reconcile before anything was planned. The certificates were not inspected then, and
// nothing was compared with what should exist.
func (in Input) incomplete() bool { return in.Observed == nil || in.Plan.Incomplete != nil }

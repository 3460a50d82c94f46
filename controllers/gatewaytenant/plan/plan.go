package plan

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Input is all that a plan depends on.
type Input struct {
	// GatewayTenant is the tenant as it is in the cluster, or as it would be.
	GatewayTenant *v1alpha1.GatewayTenant
	// Tenant is what manifests.NewTenant made of the spec. Rejected is its error, nil if the spec is valid by itself.
	Tenant   manifests.Tenant
	Rejected *manifests.RejectedError
	// Platform applies to all tenants.
	Platform manifests.Platform
	// Observed is the state of the tenant's objects.
	Observed *observe.Observed
	// Certificates replace an inspection of the Secrets if these cannot be read. They are nil in the operator.
	Certificates *certificates.Observed
	// JobHistory has the times of earlier certgen Jobs by the clock of this process. It is nil where the Job's own times count.
	JobHistory *certificates.JobHistory
	// SlotGranted reports whether the tenant has a rollout slot.
	SlotGranted bool
	// AssumePreflight plans as if a preflight that has not ended would succeed, for a forecast of all steps.
	AssumePreflight bool
	// NoRollout reports that the gateway does not roll in a slot, whatever the annotations of its StatefulSet say. It is false where
	// only these are known.
	NoRollout bool
	// History is what this process has done for the tenant before.
	History History
	// Comparer compares objects with those that exist.
	Comparer *apply.Comparer
	// Fields lists the fields that applying an object would change. It is nil in the operator, whose caches hold no fields.
	Fields func(desired *unstructured.Unstructured, live observe.Ref) ([]string, error)
	// Now is the time of the plan.
	Now time.Time
}

// Plan is what the operator does for one tenant, and what it found out in order to decide that.
type Plan struct {
	// Tenant is the tenant whose objects are planned. If the spec is rejected, only its certificates are maintained.
	Tenant manifests.Tenant
	// Rejected is why the spec is rejected or held. It is nil if the spec is accepted.
	Rejected *manifests.RejectedError
	// RejectedStorage is why spec.storage alone is rejected. The rest of the spec is applied.
	RejectedStorage *manifests.RejectedError
	// Reserved reports whether the namespace allows no new gateway. A gateway that exists there stays.
	Reserved bool
	// Incomplete is why there is no plan: a read or the rendering failed. Nothing was compared then.
	Incomplete error
	// Certificates is the state of the tenant's Secrets.
	Certificates certificates.Observed
	// CertgenBlocked says why certgen cannot run, whether it has to or not: another client keeps or suspends its Job, or has a Job of
	// the same name. It is empty if nothing is known to prevent it.
	CertgenBlocked string
	// Objects are the rendered objects.
	Objects manifests.Objects
	// Steps are in the order of execution.
	Steps []Step
	// AdoptionRefused reports whether the steps are nothing but conflicts that prevent an adoption.
	AdoptionRefused bool
	// Preflight is why the gateway is not replaced before a preflight has succeeded. It is nil if that is not necessary.
	Preflight *PreflightError
	// Slot is what the plan does about the tenant's rollout slot.
	Slot SlotUse
	// Held reports whether the running gateway stays as it is until it gets a rollout slot.
	Held bool
	// RepairAt is when the StatefulSet is repaired, because the operator has restarted the gateway too often to undo changes of
	// other clients. It is zero if no repair waits for that.
	RepairAt time.Time
	// Again is when time alone makes another plan necessary. It is zero if only an event does.
	Again time.Time
}

// SlotUse is what a plan does about the rollout slot of its tenant.
type SlotUse int

// Uses of a slot.
const (
	// SlotUnused: the plan needs no slot.
	SlotUnused SlotUse = iota
	// SlotNeeded: the plan restarts a gateway that serves although its tenant did not request that.
	SlotNeeded
	// SlotInUse: the gateway was restarted in its slot and does not serve yet.
	SlotInUse
	// SlotIrrelevant: the gateway does not count, whether it serves or not, since no rollout changes it or its rollout is over.
	SlotIrrelevant
)

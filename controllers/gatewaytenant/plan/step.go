package plan

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
)

// Action is what a step does to an object.
type Action string

// Actions.
const (
	Create Action = "create"
	Update Action = "update"
	// Recreate deletes an object whose immutable fields differ, and creates it again.
	Recreate Action = "recreate"
	Delete   Action = "delete"
	// RemoveSubject removes the tenant's ServiceAccount from the ClusterRoleBinding that an earlier control plane shares among all
	// tenants.
	RemoveSubject Action = "remove-subject"
)

// Stage is the part of a reconcile in which a step is executed. Steps of one stage do not depend on each other.
type Stage int

// Stages, in the order of execution.
const (
	// ClaimStage updates the volume claim. Its annotations record facts that other objects follow from, so it comes first.
	ClaimStage Stage = iota
	// FoundationStage applies all objects that need nothing but the claim.
	FoundationStage
	// CertgenStage replaces or creates the certgen Job.
	CertgenStage
	// CleanupStage deletes objects that are no longer requested, and those that an earlier control plane left.
	CleanupStage
	// ConfigStage changes the gateway.toml of a gateway that exists.
	ConfigStage
	// PreflightStage replaces or creates the preflight Job.
	PreflightStage
	// WorkloadStage applies the StatefulSet.
	WorkloadStage
	// PodStage deletes a pod that blocks its own replacement, so that the next one has the StatefulSet's present template.
	PodStage
	// GrowthStage enlarges the volume. It comes last, since nothing needs it.
	GrowthStage
	// Stages is the number of stages.
	Stages
)

// Step is one write.
type Step struct {
	Action Action
	// Object identifies the object.
	Object observe.Ref
	// Desired is the object to apply. It is nil if the step only deletes.
	Desired *unstructured.Unstructured
	// Live is the object as it was observed. It is nil if the object does not exist.
	Live metav1.Object
	// Difference is the result of comparing the two.
	Difference apply.Difference
	// Fields are the paths of the fields that change, sorted. They are nil where only metadata was observed.
	Fields []string
	// Index is that of the subject that RemoveSubject removes.
	Index int
	// Reason is why the step is necessary, as a clause without a subject. It is empty if the action says all.
	Reason string

	// Stage is when the step is executed, if the steps of the objects in Requires have succeeded.
	Stage    Stage
	Requires []observe.Ref
	// Waits is what has to happen before a later plan can execute the step. It is empty if nothing has to.
	Waits string
	// Blocked is why the step cannot be executed. It is nil if it can.
	Blocked error
}

// IsExecutable reports whether the step can be executed now, if the steps that it requires have succeeded.
func (s Step) IsExecutable() bool { return s.Waits == "" && s.Blocked == nil }

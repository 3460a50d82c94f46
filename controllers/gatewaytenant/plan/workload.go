package plan

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/workload"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// addWorkload adds the StatefulSet and the deletion of a pod that blocks its own replacement.
func (p *Plan) addWorkload(in Input) {
	step, needed := in.apply(p.Objects.Gateway, WorkloadStage)
	newKey := p.tokenKeyChanges(in)
	missing := p.missingAPI(in)
	if !needed && (newKey || missing != nil) {
		ref := observe.RefOf(p.Objects.Gateway)
		step, needed = Step{Action: Update, Object: ref, Desired: p.Objects.Gateway, Live: in.Observed.Objects[ref], Stage: WorkloadStage}, true
		if missing == nil {
			step.Waits = "the new token signing keys"
		}
	}
	if !needed {
		p.addStuckPod(in, false)
		return
	}
	if step.Blocked == nil && missing == nil && !p.Held {
		p.RepairAt = in.History.repairAt(step, in.Now)
	}
	switch {
	case !p.Certificates.Complete:
		step.Waits = "its Secrets"
	case p.Held:
		step.Waits = waitsForSlot
	case !p.RepairAt.IsZero():
		step.Waits, p.Again = p.RepairAt.UTC().Format(time.RFC3339)+", because other clients change it again and again", earliest(p.Again, p.RepairAt)
	}
	if step.Waits == "" && p.assumesPreflight(in) {
		step.Waits = "its preflight"
	}
	if newKey {
		step.Reason = "the token keys are made anew"
	}
	switch {
	case step.Blocked != nil:
	case missing != nil:
		step.Blocked = missing
	case p.Preflight != nil && step.Waits == "":
		step.Blocked = p.Preflight
	}
	p.Steps = append(p.Steps, step)
	if missing == nil && p.RepairAt.IsZero() { // otherwise, the next pod would not start either
		p.addStuckPod(in, step.Blocked == nil && changesPod(step))
	}
}

// tokenKeyChanges reports whether certgen is about to replace the token signing keys of a gateway that uses them.
func (p *Plan) tokenKeyChanges(in Input) bool {
	tokens := p.Certificates.Finding(manifests.TokenKeysName)
	return tokens.Need >= certificates.Due && tokens.Blocked == "" && in.Observed.StatefulSet != nil && p.Tenant.IssuesSandboxTokens()
}

// missingAPI returns an error if the gateway would not start in this cluster.
func (p *Plan) missingAPI(in Input) error {
	if in.Observed.SandboxAPIs == nil {
		return nil // unknown
	}
	if missing, needed := p.Tenant.MissingSandboxAPI(in.Observed.SandboxAPIs); needed {
		return &MissingAPIError{missing}
	}
	return nil
}

// changesPod reports whether a step may change the pod template, so that the pod is replaced.
func changesPod(step Step) bool {
	return step.Fields == nil || step.Reason != "" || slices.ContainsFunc(step.Fields, func(field string) bool { return strings.HasPrefix(field, "spec.template") })
}

// addStuckPod adds the deletion of a pod that is not ready and is outdated, now or after the update of its StatefulSet, whose
// controller waits for a pod to become ready before it replaces it. Without the deletion, a bad image would block its own repair.
func (p *Plan) addStuckPod(in Input, updated bool) {
	pod, set := in.Observed.Pod, in.Observed.StatefulSet
	if pod == nil || pod.DeletionTimestamp != nil || diagnose.IsReady(pod) {
		return
	}
	step := Step{
		Action: Delete, Object: observe.Ref{Kind: "Pod", Name: pod.Name}, Live: pod, Stage: PodStage,
		Reason: "it is not ready, so its StatefulSet does not replace it",
	}
	switch {
	case isAsApplied(p.Objects.Gateway, set) && workload.IsOutdated(pod, set) && p.Certificates.Complete && !p.Held: // it is outdated already
	case updated:
		step.Waits = "the update of its StatefulSet"
	default:
		return
	}
	p.Steps = append(p.Steps, step)
}

// decideRollout decides whether the running gateway may change. A gateway that serves and whose tenant did not request the change
// needs a rollout slot. A gateway that does not serve needs no slot, since a restart interrupts no client. If the update in progress
// caused that, it keeps its slot.
func (p *Plan) decideRollout(in Input) manifests.Rollout {
	set := in.Observed.StatefulSet
	if set == nil || in.GatewayTenant.Spec.Suspend {
		p.Slot = SlotIrrelevant
		return manifests.Rollout{}
	}
	// What this process has applied before only changes because the tenant requests it: the platform's settings do not change while
	// the process runs.
	restarts := in.History.Gateway == 0 && restartsByPlatform(p.Objects.Gateway, set)
	rolling := workload.Rolling(set) && !in.NoRollout
	switch {
	case rolling && manifests.AskedFor(p.Objects.Gateway, set):
		p.Slot = SlotIrrelevant // from now on, the tenant's own request restarts it
	case restarts && workload.Serves(set) && !p.Certificates.Complete: // in a slot, it would wait for its Secrets
		p.Held = true
	case restarts && workload.Serves(set):
		p.Slot, p.Held = SlotNeeded, !in.SlotGranted
	case rolling && (!restarts || !workload.HasServed(set)):
		p.Slot = SlotInUse
	case rolling:
		p.Slot = SlotIrrelevant
		return manifests.Rollout{Lapsed: true}
	}
	return manifests.Rollout{Held: p.Held, Granted: p.Slot == SlotNeeded && in.SlotGranted}
}

// restartsByPlatform reports whether a StatefulSet changes because of the platform, not its tenant: it is adopted, or an earlier
// operator rendered it in another way.
func restartsByPlatform(rendered *unstructured.Unstructured, live metav1.Object) bool {
	if !apply.AppliedBy(live, manifests.Manager) || apply.AppliedHash(live) == "" && !manifests.Rendered(live) {
		return true // also if an adoption was interrupted after it had taken over the fields of other managers
	}
	return !isAsApplied(rendered, live) && apply.OwnsHash(live, manifests.Manager) && !manifests.AskedFor(rendered, live)
}

// isAsApplied reports whether live was last applied from desired.
func isAsApplied(desired *unstructured.Unstructured, live metav1.Object) bool {
	return live != nil && apply.MatchesLastApplied(desired, live)
}

// earliest returns the earlier of two times. A zero time is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

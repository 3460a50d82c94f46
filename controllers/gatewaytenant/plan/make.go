package plan

import (
	"cmp"
	"errors"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Make decides what to do for a tenant. It makes no requests. The only argument that it modifies is the JobHistory, and equal
// arguments modify it only once.
func Make(in Input) *Plan {
	p := &Plan{Tenant: in.Tenant, Rejected: in.Rejected}
	if in.Observed.Restoring { // what exists may be a part of what the backup has, so no conclusion can be drawn from it
		p.Slot = SlotIrrelevant
		return p
	}
	if p.Rejected == nil && in.Observed.FilesErr != nil {
		p.Incomplete = in.Observed.FilesErr
		return p
	}
	p.checkNamespace(in)
	p.checkVolume(in.Observed.Volume)
	if p.Rejected != nil {
		p.certificatesOnly(in)
		return p
	}
	p.inspect(in)
	if p.render(in); p.Incomplete != nil || in.GatewayTenant.Spec.Suspend {
		return p
	}
	p.addFoundation(in) // the stage of each step decides when it is executed
	p.addCertgen(in)
	p.addCleanup(in)
	p.addPreflight(in)
	p.addWorkload(in)
	p.addRequirements(in)
	p.refuseAdoption(in)
	slices.SortStableFunc(p.Steps, func(a, b Step) int { return cmp.Compare(a.Stage, b.Stage) })
	return p
}

// checkNamespace rejects a new gateway in a reserved namespace. One that exists keeps running, and so does one whose volume
// exists.
func (p *Plan) checkNamespace(in Input) {
	p.Reserved = in.Platform.Reserves(in.GatewayTenant.Namespace)
	if p.Rejected == nil && in.Observed.StatefulSet == nil && in.Observed.Volume.Claim == nil {
		errors.As(in.Platform.CheckNamespace(in.GatewayTenant.Namespace), &p.Rejected)
	}
}

// checkVolume holds a valid spec against the volume. A volume that is being removed has no say.
func (p *Plan) checkVolume(volume manifests.Volume) {
	if claim := volume.Claim; p.Rejected != nil || claim != nil && claim.DeletionTimestamp != nil {
		return
	}
	errors.As(p.Tenant.CheckStorage(volume), &p.RejectedStorage)
	for _, check := range []func(manifests.Volume) error{p.Tenant.CheckDowngrade, p.Tenant.CheckKeyPath, p.Tenant.CheckEarlierConfig} {
		if errors.As(check(volume), &p.Rejected) {
			return
		}
	}
}

// inspect sets the state of the certificates. The Secrets that others write include those that the status does not record yet:
// otherwise the certgen Job would change when it does.
func (p *Plan) inspect(in Input) {
	if in.Certificates != nil {
		p.Certificates = *in.Certificates
	} else {
		wanted := certificates.Desired{Owner: p.Tenant.UID, ServerNames: p.Tenant.ServerNames, Rotation: p.Tenant.Rotation, External: in.GatewayTenant.Status.ExternalSecrets}
		p.Certificates = certificates.Inspect(in.Observed.Secrets, wanted, in.Now)
		p.Again = p.Certificates.NextCheck
	}
	p.Tenant.External = p.Certificates.External
}

// certificatesOnly plans the certificates of a gateway that runs although its present spec is rejected, so that they do not
// expire. Nothing else is changed.
func (p *Plan) certificatesOnly(in Input) {
	p.Slot = SlotIrrelevant
	p.Tenant = manifests.CertificateOnly(in.GatewayTenant, in.Platform)
	requested := p.Tenant.ServerNames
	p.Tenant.ServerNames = nil
	if p.inspect(in); len(p.Certificates.ServerNames) > 0 {
		p.Tenant.ServerNames = p.Certificates.ServerNames
	} else {
		p.Tenant.ServerNames = requested // the certificate is lost
	}
	if !in.Observed.Owns(in.GatewayTenant.UID) || len(p.Tenant.ServerNames) == 0 || in.GatewayTenant.Spec.Suspend {
		return
	}
	if p.Objects.Certgen, p.Incomplete = manifests.RenderCertgen(p.Tenant); p.Incomplete == nil {
		p.addCertgen(in)
	}
}

// render renders the tenant's objects, first as they are if no rollout slot is needed.
func (p *Plan) render(in Input) {
	input := manifests.RenderInput{NamespaceUID: in.Observed.NamespaceUID, Volume: in.Observed.Volume, TokenKey: p.Certificates.TokenKeyID}
	if set := in.Observed.StatefulSet; set != nil {
		input.Gateway = set.Annotations
	}
	if p.Objects, p.Incomplete = manifests.Render(p.Tenant, input); p.Incomplete != nil {
		return
	}
	input.Rollout = p.decideRollout(in)
	p.Preflight = p.checkPreflight(in)
	if in.Observed.StatefulSet != nil && (p.missingAPI(in) != nil || !p.Certificates.Complete || p.Preflight != nil) {
		input.Rollout.Held = true // the StatefulSet waits, and a version on the claim that does not run yet would rule out the one that does
	}
	if input.Rollout != (manifests.Rollout{}) {
		p.Objects, p.Incomplete = manifests.Render(p.Tenant, input)
	}
}

// refuseAdoption leaves of a plan only its conflicts if the gateway does not belong to the tenant yet and another owner manages
// some of its objects, so that no gateway is adopted in part.
func (p *Plan) refuseAdoption(in Input) {
	if in.Observed.Owns(in.GatewayTenant.UID) {
		return
	}
	conflicts := otherWorkload(in)
	for _, step := range p.Steps {
		if IsConflict(step.Blocked) && step.Stage != CertgenStage {
			step.Waits, step.Requires = "", nil // it is reported now
			conflicts = append(conflicts, step)
		}
	}
	if len(conflicts) > 0 {
		p.Steps, p.Slot, p.AdoptionRefused = conflicts, SlotUnused, true
	}
}

// apply returns the step that applies a rendered object. The second result reports whether one is necessary. Nothing is planned for
// an object that could not be read.
func (in Input) apply(desired *unstructured.Unstructured, stage Stage) (Step, bool) {
	ref := observe.RefOf(desired)
	if in.isUnreadable(ref.Kind) {
		return Step{}, false
	}
	step := Step{Action: Create, Object: ref, Desired: desired, Stage: stage}
	live, exists := in.Observed.Objects[ref]
	if exists {
		step.Action, step.Live = Update, live
		if step.Blocked = CheckOwnership(desired, live, in.Observed.Owners...); step.Blocked != nil {
			if IsBeingRemoved(step.Blocked) {
				step.Action = Create
			}
			return step, true
		}
	}
	if step.Difference, step.Blocked = in.Comparer.Compare(desired, live); step.Blocked != nil {
		return step, true
	}
	if !step.Difference.Needed {
		return Step{}, false
	}
	if exists && in.Fields != nil {
		step.Fields, step.Blocked = in.Fields(desired, ref)
	}
	return step, true
}

// isUnreadable reports whether objects of a kind could not be read.
func (in Input) isUnreadable(kind string) bool { return slices.Contains(in.Observed.Unreadable, kind) }

package plugin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/sandboxpods"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/status"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/manifests/gatewaytoml"
)

// Change is one write of the operator to an object of a gateway.
type Change struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Action is create, update, recreate, delete or remove-subject.
	Action plan.Action `json:"action"`
	// Fields are the paths of the fields that an update changes.
	Fields []string `json:"fields,omitempty"`
	// Reason is why the write is necessary, unless the action says all.
	Reason string `json:"reason,omitempty"`
	// After is what has to happen before the operator makes the write. It is empty if it does so immediately.
	After string `json:"after,omitempty"`
}

// previewer makes plans with the operator's own code, for tenants of which a Snapshot was read.
type previewer struct {
	platform manifests.Platform
	comparer *apply.Comparer
	now      time.Time
	// rejections returns what rejects the pods of sandboxes in a namespace. It is nil if the cluster is not read.
	rejections func(namespace string) sandboxpods.Rejections
}

func newPreviewer(platform manifests.Platform, now time.Time) previewer {
	return previewer{platform: platform, comparer: apply.NewComparer(Scheme, manifests.Manager, apply.Exclusive), now: now}
}

// gatewayPreview has the operator's plan for a GatewayTenant and what follows from it for the user.
type gatewayPreview struct {
	*plan.Plan
	observed *observe.Observed
	// storageMessage is why spec.storage alone would be rejected.
	storageMessage string
	// blocked is what prevents the execution: an object of another owner, or an API that is missing.
	blocked string
	// changes are all writes until nothing is left to do.
	changes []Change
	// restart is why the gateway's pod would be replaced. It is empty if it would not be.
	restart []string
	// renewals are the Secrets that certgen would issue, and why.
	renewals []string
	// warnings are what the condition Warning would report.
	warnings []string
	// unsure is what could not be read, and unknown reports whether it decides about a restart or a rejection.
	unsure  []string
	unknown bool
}

// plan returns the operator's plan for a GatewayTenant. Rollout slots are not waited for.
func (p previewer) plan(tenant *v1alpha1.GatewayTenant, snapshot observe.Snapshot) (*plan.Plan, *observe.Observed, error) {
	observed, err := snapshot.Observed(tenant.UID)
	if err != nil {
		return nil, nil, err
	}
	in := plan.Input{
		GatewayTenant: tenant, Platform: p.platform, Observed: observed, Comparer: p.comparer, SlotGranted: true, AssumePreflight: true, Now: p.now,
		Fields: func(desired *unstructured.Unstructured, ref observe.Ref) ([]string, error) {
			preview, err := p.comparer.Preview(desired, snapshot.Find(ref))
			return append([]string{}, preview.Fields...), err
		},
	}
	in.Tenant, err = manifests.NewTenant(tenant, p.platform.For(tenant, observed.Volume))
	errors.As(err, &in.Rejected)
	if p.rejections != nil && sandboxpods.Concern(in.Tenant.Release()) {
		observed.SandboxPods = p.rejections(tenant.Namespace)
	}
	if snapshot.Secrets == nil {
		in.Certificates = certificatesFromStatus(tenant, in.Tenant, observed)
	}
	computed := plan.Make(in)
	return computed, observed, computed.Incomplete
}

// previewGateway returns what the operator would do about a GatewayTenant.
func (p previewer) previewGateway(tenant *v1alpha1.GatewayTenant, snapshot observe.Snapshot) (gatewayPreview, error) {
	computed, observed, err := p.plan(tenant, snapshot)
	is := gatewayPreview{Plan: computed, observed: observed}
	if err != nil {
		return is, err
	}
	is.addUnsure(snapshot)
	is.addSteps(snapshot)
	for _, finding := range computed.Certificates.Findings {
		if finding.Need > certificates.Unowned && !tenant.Spec.Suspend && (computed.Rejected == nil || len(is.changes) > 0) {
			is.renewals = append(is.renewals, finding.String())
		}
	}
	if computed.Rejected == nil {
		in := status.Input{GatewayTenant: tenant, Observed: observed, Plan: computed}
		is.storageMessage = in.StorageMessage()
		for _, warning := range status.Warnings(in) {
			if warning != status.OpenDefault || becomesOpen(tenant.Status) {
				is.warnings = append(is.warnings, warning.Message)
			}
		}
		is.addCertificateNotes()
	}
	return is, nil
}

// addCertificateNotes adds what delays or prevents the issue of certificates, unless a warning reports it.
func (g *gatewayPreview) addCertificateNotes() {
	if g.CertgenBlocked != "" && g.Certificates.Worst() > certificates.Due {
		g.warnings = append(g.warnings, "certgen cannot run: "+g.CertgenBlocked)
	}
	if g.Certificates.Delayed != "" {
		g.warnings = append(g.warnings, g.Certificates.Delayed)
	}
}

// addSteps adds what the steps of the plan change.
func (g *gatewayPreview) addSteps(snapshot observe.Snapshot) {
	for _, step := range g.Steps {
		if step.Blocked != nil && !plan.IsBeingRemoved(step.Blocked) {
			if g.blocked == "" {
				g.blocked = step.Blocked.Error()
			}
			continue
		}
		change := Change{Kind: step.Object.Kind, Name: step.Object.Name, Action: step.Action, Fields: step.Fields, Reason: step.Reason, After: step.Waits}
		if step.Blocked != nil {
			g.warnings = append(g.warnings, step.Blocked.Error()+"; it is made anew after that")
			change.After = "its removal"
		}
		g.changes = append(g.changes, change)
		if step.Stage == plan.WorkloadStage && step.Action == plan.Update {
			g.restart = append(g.restart, g.restarts(step, snapshot)...)
		}
	}
}

// restarts returns what a step changes in the pod template of the StatefulSet, in the words of a user where possible.
func (g *gatewayPreview) restarts(step plan.Step, snapshot observe.Snapshot) []string {
	var why []string
	if step.Reason != "" {
		why = append(why, step.Reason)
	}
	for _, path := range step.Fields {
		within, is := strings.CutPrefix(path, "spec.template.")
		switch {
		case !is:
		case within == `spec.containers[name="`+manifests.GatewayName+`"].image`:
			why = append(why, fmt.Sprintf("the image changes from %s to %s", g.observed.Volume.Image, g.Tenant.Image))
		case within == "metadata.annotations."+manifests.AnnotationConfigHash:
			why = append(why, "gateway.toml changes: "+strings.Join(g.changedKeys(snapshot), ", "))
		case within == "metadata.annotations."+manifests.AnnotationConfigKey, strings.HasPrefix(within, `spec.volumes[name="gateway-config"]`): // follow from the text
		case within == "metadata.annotations."+manifests.AnnotationTokenKey:
			why = append(why, "the token keys are others")
		default:
			why = append(why, "the pod's "+within+" changes")
		}
	}
	return why
}

// changedKeys returns the keys of gateway.toml that change.
func (g *gatewayPreview) changedKeys(snapshot observe.Snapshot) []string {
	config := observe.Ref{Kind: "ConfigMap", Name: manifests.ConfigName}
	i := slices.IndexFunc(g.Objects.Foundation, func(object *unstructured.Unstructured) bool { return observe.RefOf(object) == config })
	before := ""
	if live, set := snapshot.Find(config), snapshot.Find(observe.Workload); live != nil && set != nil {
		before = manifests.ConfigIn(live, set)
	}
	return gatewaytoml.ChangedKeys(before, manifests.ConfigIn(g.Objects.Foundation[i], g.Objects.Gateway))
}

// becomesOpen reports whether a tenant that is open now was not open before. A plan does not repeat the default for every tenant.
func becomesOpen(before v1alpha1.GatewayTenantStatus) bool {
	return before.ObservedGeneration > 0 && !status.ReportsOpenDefault(before)
}

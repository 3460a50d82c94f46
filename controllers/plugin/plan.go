package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/crdschema"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	bridgeplan "github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests/gatewaytoml"
)

// Action is what the operator would do with a tenant.
type Action string

// Actions.
const (
	Unchanged Action = "unchanged"
	Made      Action = "made"
	Changed   Action = "changed"
	Removed   Action = "removed"
	// Released: its entry is removed, and the tenant stays as one that is not managed by entries.
	Released Action = "handed over"
	// Waiting: its namespace does not exist yet.
	Waiting Action = "waits"
	// Refused: something is wrong, and neither it nor its gateway would change, unless the message says that the rest of the
	// spec is applied.
	Refused Action = "refused"
	// Held: it would not be removed, or its gateway not changed, until a user confirms that.
	Held Action = "held"
	// Kept: no entry requests it, and it would stay.
	Kept Action = "kept"
)

// Outcome is what the operator would do with one tenant and its gateway.
type Outcome struct {
	Namespace string `json:"namespace"`
	Action    Action `json:"action"`
	// Message explains the action, if that is necessary.
	Message string `json:"message,omitempty"`
	// Spec are the fields of the GatewayTenant that would change, with both values.
	Spec []string `json:"spec,omitempty"`
	// Restart is why the gateway would restart. It is empty if it would not.
	Restart []string `json:"restart,omitempty"`
	// Certificates are the Secrets that would be issued again, and why.
	Certificates []string `json:"certificates,omitempty"`
	// Objects are the gateway's objects that would be made or changed.
	Objects []Change `json:"objects,omitempty"`
	// Unknown reports whether objects that decide about a restart cannot be read, so that the plan may be incomplete. The notes name
	// them.
	Unknown bool `json:"unknown,omitempty"`
	// Notes are warnings, and what could not be read.
	Notes []string `json:"notes,omitempty"`
}

// Plan is what the operator would do.
type Plan struct {
	Tenants []Outcome `json:"tenants"`
	// Problems are errors that concern whole ConfigMaps.
	Problems []string `json:"problems,omitempty"`
	// Notes apply to all tenants.
	Notes []string `json:"notes,omitempty"`
}

// Planner computes what the operator would do.
type Planner struct {
	// Cluster reads from the API server. If it is nil, nothing is read and no tenant exists.
	Cluster  client.Reader
	Settings Settings
	Now      time.Time
}

// Plan returns what the operator would do if the input were applied.
func (p Planner) Plan(ctx context.Context, input Input) (Plan, error) {
	if len(input.Findings) > 0 {
		return Plan{}, fmt.Errorf("%s", input.Findings[0])
	}
	plan := Plan{Notes: slices.Concat(p.Settings.Notes, input.Notes)}
	if len(input.Configs) > 0 {
		if err := p.bridge(ctx, input.Configs, &plan); err != nil {
			return plan, err
		}
	}
	if len(input.Tenants) > 0 {
		if err := p.byHand(ctx, input.Tenants, &plan); err != nil {
			return plan, err
		}
	}
	slices.SortStableFunc(plan.Tenants, func(a, b Outcome) int { return strings.Compare(a.Namespace, b.Namespace) })
	return plan, nil
}

// step is a GatewayTenant before and after a change. Before is nil if it does not exist.
type step struct {
	before, after *unstructured.Unstructured
	notes         []string
}

// byHand plans for GatewayTenants that a user applies. A field that the file does not set would not be set.
func (p Planner) byHand(ctx context.Context, tenants []TenantInput, plan *Plan) error {
	var steps []step
	for _, tenant := range tenants {
		var before *unstructured.Unstructured
		if p.Cluster != nil {
			var err error
			if before, err = readTenant(ctx, p.Cluster, tenant.Object.GetNamespace()); err != nil {
				return err
			}
		}
		s := step{before: before, after: tenant.Object}
		if before != nil {
			s.after = before.DeepCopy()
			delete(s.after.Object, "spec")
			if spec, is := tenant.Object.Object["spec"]; is {
				s.after.Object["spec"] = runtime.DeepCopyJSONValue(spec)
			}
			annotations := s.after.GetAnnotations()
			for key, value := range tenant.Object.GetAnnotations() {
				if annotations == nil {
					annotations = map[string]string{}
				}
				annotations[key] = value
			}
			s.after.SetAnnotations(annotations)
			if bridgeplan.Bridged(before) {
				s.notes = append(s.notes, "it comes from "+before.GetAnnotations()[v1alpha1.AnnotationSource]+", and what its entry sets is set back: change the entry")
			}
		}
		steps = append(steps, s)
	}
	return p.follow(ctx, steps, plan)
}

// follow adds the outcomes for the gateways of GatewayTenants that change.
func (p Planner) follow(ctx context.Context, steps []step, plan *Plan) error {
	snapshots := map[string]observe.Snapshot{}
	if p.Cluster != nil {
		var names []string
		for _, s := range steps {
			names = append(names, s.after.GetNamespace())
		}
		var err error
		if snapshots, err = readSnapshots(ctx, p.Cluster, names); err != nil {
			return err
		}
	}
	previewer := newPreviewer(p.Settings.Platform, p.Now)
	if p.Cluster != nil {
		previewer.rejections = sandboxPodRejections(ctx, p.Cluster)
	}
	for _, s := range steps {
		snapshot, read := snapshots[s.after.GetNamespace()]
		if !read {
			snapshot.Secrets = map[string]*corev1.Secret{} // without a cluster, no Secret exists
		}
		outcome, err := p.outcome(previewer, s, snapshot)
		if err != nil {
			return err
		}
		plan.Tenants = append(plan.Tenants, outcome)
	}
	return nil
}

func (p Planner) outcome(previewer previewer, s step, snapshot observe.Snapshot) (Outcome, error) {
	outcome := Outcome{Namespace: s.after.GetNamespace(), Action: Changed, Spec: changedFields(s.before, s.after), Notes: s.notes}
	var old map[string]any
	if s.before == nil {
		outcome.Action = Made
	} else {
		old = s.before.Object
	}
	errs, err := crdschema.Check(s.after.Object, old)
	if err != nil {
		return outcome, err
	}
	if len(errs) > 0 {
		var all []string
		for _, e := range errs {
			all = append(all, words(e))
		}
		outcome.Action, outcome.Message = Refused, strings.Join(all, "; ")
		return outcome, nil
	}
	if p.Cluster != nil && (snapshot.Namespace.Name == "" || snapshot.Namespace.DeletionTimestamp != nil) {
		outcome.Action, outcome.Message = Refused, "the namespace does not exist, or is being deleted; make it first"
		return outcome, nil
	}
	tenant, err := typed(s.after)
	if err != nil {
		return outcome, err
	}
	gateway, err := previewer.previewGateway(tenant, snapshot)
	if err != nil {
		return outcome, fmt.Errorf("GatewayTenant %s/%s: %w", tenant.Namespace, tenant.Name, err)
	}
	outcome.addGateway(gateway, tenant.Spec.Suspend)
	if p.Cluster == nil {
		outcome.Objects = nil // all of them
	}
	return outcome, nil
}

// holds are the reasons for which a gateway is not changed until a user confirms something.
var holds = []string{v1alpha1.ReasonVersionHeld, v1alpha1.ReasonKeyPathUnknown, v1alpha1.ReasonEarlierConfigUnknown}

// addGateway adds what the operator would do with the gateway.
func (o *Outcome) addGateway(gateway gatewayPreview, suspended bool) {
	o.Notes = append(append(o.Notes, gateway.warnings...), gateway.unsure...)
	o.Unknown = gateway.unknown
	switch {
	case gateway.Rejected != nil && slices.Contains(holds, gateway.Rejected.Reason):
		o.Action, o.Message = Held, gateway.Rejected.Message
	case gateway.Rejected != nil:
		o.Action, o.Message = Refused, gateway.Rejected.Message
	case gateway.blocked != "":
		o.Action, o.Message = Refused, gateway.blocked
		return
	case gateway.observed.Restoring:
		o.Notes = append(o.Notes, "a backup is being restored into the namespace: nothing of its gateway changes until that ends")
	case suspended:
		o.Notes = append(o.Notes, "spec.suspend is true: nothing of its gateway changes")
	}
	if gateway.Rejected == nil && gateway.RejectedStorage != nil {
		o.Action, o.Message = Refused, gateway.storageMessage
	}
	o.Objects, o.Restart, o.Certificates = gateway.changes, gateway.restart, gateway.renewals
	if o.Action == Made && !slices.ContainsFunc(gateway.changes, func(c Change) bool { return c.Action != plan.Create }) {
		o.Certificates = nil // all of them, of course
	}
	if gateway.Slot == plan.SlotNeeded && len(gateway.restart) > 0 {
		o.Notes = append(o.Notes, "its tenant did not ask for the restart: the operator as these settings and this version have it renders the gateway otherwise, so it waits for its turn")
	}
	if o.Action == Changed && len(o.Spec)+len(o.Objects)+len(o.Restart)+len(o.Certificates) == 0 {
		o.Action = Unchanged
	}
}

// changedFields returns the fields that differ between two GatewayTenants, with both values.
func changedFields(before, after *unstructured.Unstructured) []string {
	var changed []string
	var walk func(path string, was, is any)
	walk = func(path string, was, is any) {
		wasMap, ok1 := was.(map[string]any)
		isMap, ok2 := is.(map[string]any)
		if (ok1 || was == nil) && (ok2 || is == nil) {
			keys := map[string]bool{}
			for key := range wasMap {
				keys[key] = true
			}
			for key := range isMap {
				keys[key] = true
			}
			for _, key := range sortedKeys(keys) {
				walk(path+"."+key, wasMap[key], isMap[key])
			}
			return
		}
		if a, b := shown(was), shown(is); a != b {
			changed = append(changed, difference(path, was, is))
		}
	}
	var old map[string]any
	if before != nil {
		old, _ = before.Object["spec"].(map[string]any)
	}
	spec, _ := after.Object["spec"].(map[string]any)
	walk("spec", old, spec)
	for _, annotation := range []string{v1alpha1.AnnotationRotateTLS, v1alpha1.AnnotationRotateCA, v1alpha1.AnnotationRotateTokens, v1alpha1.AnnotationConfirmVersion} {
		was := ""
		if before != nil {
			was = before.GetAnnotations()[annotation]
		}
		if is := after.GetAnnotations()[annotation]; was != is {
			changed = append(changed, fmt.Sprintf("%s: %q → %q", annotation, was, is))
		}
	}
	return changed
}

// difference describes the change of a field. Of gateway.toml, it names only the keys, since the texts may be long.
func difference(path string, was, is any) string {
	if path == "spec.config" {
		a, _ := was.(string)
		b, _ := is.(string)
		keys := gatewaytoml.ChangedKeys(a, b)
		if len(keys) == 0 {
			return path + ": only in how it is written"
		}
		return path + ": " + strings.Join(keys, ", ")
	}
	return fmt.Sprintf("%s: %s → %s", path, shown(was), shown(is))
}

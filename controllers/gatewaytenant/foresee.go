package gatewaytenant

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/workload"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/manifests/gatewaytoml"
)

// Change is what would become of one object.
type Change struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Fields are those that would change; none: the object would be made or removed.
	Fields []string `json:"fields,omitempty"`
	// Removed tells that the object would be removed.
	Removed bool `json:"removed,omitempty"`
}

// Forecast is what the controller would do about a GatewayTenant.
type Forecast struct {
	// Rejected says why the spec would be refused or held; nil: it is accepted. Nothing is applied of one that is.
	Rejected *manifests.RejectedError
	// Storage says why spec.storage would be refused; nil: it is accepted. The rest of the spec is applied all the same.
	Storage *manifests.RejectedError
	// Blocked says what would be in the way: somebody else's object, or an API that is missing.
	Blocked string
	// Changes are the objects that would be made or changed.
	Changes []Change
	// Restart says what would restart the gateway's pod; none: it would not restart.
	Restart []string
	// Certificates are the Secrets that certgen would make or make anew, and why.
	Certificates []string
	// ByPlatform tells that no tenant asks for the restart, so that it would wait for its turn.
	ByPlatform bool
	// Warnings are what the condition Warning would say.
	Warnings []string
	// Unsure says what could not be looked at.
	Unsure []string
	// Unknown tells that among it is what decides on a restart or a refusal.
	Unknown bool
}

// Foresee says what the controller would do about a GatewayTenant where there is what is live. It goes the way of a pass
// and writes nothing.
func Foresee(gt *v1alpha1.GatewayTenant, live Live, platform manifests.Platform, scheme *runtime.Scheme, now time.Time) (Forecast, error) {
	var p pass
	var f Forecast
	p.check(gt, &live.Namespace, platform, nil)
	if err := p.takeIn(gt, live); err != nil {
		return f, err
	}
	if p.fits(); p.rejected != nil {
		f.Rejected = p.rejected
		switch p.rejected.Reason {
		case v1alpha1.ReasonKeyPathUnknown:
			f.unsureOfKeyPath(live.Unreadable)
		case v1alpha1.ReasonEarlierConfigUnknown:
			f.unsureOfEarlierConfig(live.Unreadable)
		}
		return f, nil
	}
	if p.rejectedStorage != nil {
		f.Storage = &manifests.RejectedError{Reason: p.rejectedStorage.Reason, Field: p.rejectedStorage.Field, Message: p.storageMessage()}
	}
	p.foreseeCertificates(gt, live, &f, now)
	var err error
	if p.objects, err = manifests.Render(p.tenant, p.cluster(live.Namespace.UID)); err != nil {
		return f, err
	}
	for _, w := range warnings(p) {
		if live.SandboxAPIs == nil && w.reason == v1alpha1.ReasonSandboxAPIMissing || w == openDefault && !becomesOpen(gt.Status) {
			continue
		}
		f.Warnings = append(f.Warnings, w.message)
	}
	if p.suspended {
		return f, nil // nothing of it would be changed
	}
	if err := adoptable(&p, gt.UID); err != nil {
		f.Blocked = err.Error()
		return f, nil
	}
	return f, p.foreseeChanges(live, scheme, &f)
}

// becomesOpen reports whether a tenant that is open now was not open before. A plan does not repeat the default for every tenant.
func becomesOpen(before v1alpha1.GatewayTenantStatus) bool {
	return before.ObservedGeneration > 0 && !warnsOfOpenDefault(before)
}

// takeIn makes what was seen of what is live.
func (p *pass) takeIn(gt *v1alpha1.GatewayTenant, live Live) error {
	p.seen = observed{owners: []types.UID{gt.UID}, live: map[childKey]metav1.Object{}, secrets: live.Secrets, sandboxAPIs: live.SandboxAPIs}
	var pod *corev1.Pod
	for _, object := range live.Objects {
		p.seen.live[childKey{object.GetKind(), object.GetName()}] = object
		var err error
		switch object.GetKind() {
		case "StatefulSet":
			set := &appsv1.StatefulSet{}
			err = runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, set)
			p.seen.takeGateway(set)
		case "PersistentVolumeClaim":
			p.seen.volume.Claim = &corev1.PersistentVolumeClaim{}
			err = runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, p.seen.volume.Claim)
		case "ConfigMap":
			text, _, _ := unstructured.NestedString(object.Object, "data", manifests.ConfigKey)
			p.seen.volume.Config = &text
		case "Pod":
			pod = &corev1.Pod{}
			err = runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, pod)
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", apply.Describe(object), err)
		}
	}
	keys := live.Secrets[manifests.TokenKeysName]
	p.seen.volume.TokenKeys = keys != nil && !manifests.OfFormer(keys, gt.UID)
	if set := p.seen.statefulSet; set != nil && !workload.Serves(set) && pod != nil && metav1.IsControlledBy(pod, set) {
		p.seen.volume.TerminationMessage = diagnose.TerminationMessage(pod)
	}
	return nil
}

// foreseeCertificates finds out what certgen would do. Who may not read Secrets has what the status says of them.
func (p *pass) foreseeCertificates(gt *v1alpha1.GatewayTenant, live Live, f *Forecast, now time.Time) {
	if live.Secrets != nil {
		p.certificates = certificates.Inspect(live.Secrets, wanted(p.tenant), now)
		for _, finding := range p.certificates.Findings {
			if finding.Need > certificates.Unowned && !p.suspended {
				f.Certificates = append(f.Certificates, finding.String())
			}
		}
		tokens := p.certificates.Finding(manifests.TokenKeysName)
		if tokens.Need >= certificates.Due && tokens.Blocked == "" && p.seen.statefulSet != nil && p.tenant.IssuesSandboxTokens() && !p.suspended {
			f.Restart = append(f.Restart, "the token keys are made anew")
		}
		return
	}
	f.Unsure = append(f.Unsure, "its Secrets cannot be read: what is said of certificates is taken from its status")
	p.certificates = certificates.Observed{Complete: true, ServerNames: gt.Status.ServerDNSNames}
	if p.seen.statefulSet != nil {
		p.certificates.TokenKeyID = manifests.TokenKeyIn(p.seen.statefulSet)
	}
	if p.suspended {
		return
	}
	if missing := certificates.MissingNames(gt.Status.ServerDNSNames, p.tenant.ServerNames); len(missing) > 0 {
		f.Certificates = append(f.Certificates, fmt.Sprintf("Secret %s lacks %s", manifests.ServerTLSName, strings.Join(missing, ", ")))
	}
	var done manifests.Rotation
	if gt.Status.Rotated != nil {
		done = manifests.Rotation(*gt.Status.Rotated)
	}
	for _, one := range []struct{ secret, asked, done string }{
		{manifests.ServerTLSName, p.tenant.Rotation.TLS, done.TLS}, {manifests.CAName, p.tenant.Rotation.CA, done.CA}, {manifests.TokenKeysName, p.tenant.Rotation.Tokens, done.Tokens},
	} {
		if one.asked != "" && one.asked != one.done {
			f.Certificates = append(f.Certificates, fmt.Sprintf("Secret %s is to be rotated", one.secret))
			if one.secret == manifests.TokenKeysName && p.seen.statefulSet != nil {
				f.Restart = append(f.Restart, "the token keys are made anew")
			}
		}
	}
}

// deciding are the kinds of the objects that decide whether a gateway restarts, or its version is held.
var deciding = []string{"StatefulSet", "ConfigMap", "PersistentVolumeClaim"}

// foreseeChanges holds what was rendered against what is live.
func (p *pass) foreseeChanges(live Live, scheme *runtime.Scheme, f *Forecast) error {
	f.Unknown = slices.ContainsFunc(live.Unreadable, func(kind string) bool { return slices.Contains(deciding, kind) })
	unreadable := slices.DeleteFunc(slices.Clone(live.Unreadable), func(kind string) bool { return kind == "Pod" }) // it is not applied
	if len(unreadable) > 0 {
		f.Unsure = append(f.Unsure, "objects of these kinds cannot be read, so the plan does not cover them: "+strings.Join(unreadable, ", "))
	}
	if missing, needed := p.tenant.MissingSandboxAPI(p.seen.sandboxAPIs); needed && live.SandboxAPIs != nil {
		f.Blocked = missing
	}
	comparer := apply.NewComparer(scheme, manifests.Manager, apply.Exclusive)
	for _, desired := range append(slices.Clone(p.objects.Foundation), p.objects.Gateway) {
		is := find(live.Objects, desired)
		if slices.Contains(live.Unreadable, desired.GetKind()) {
			continue
		}
		if is == nil {
			f.Changes = append(f.Changes, Change{Kind: desired.GetKind(), Name: desired.GetName()})
			continue
		}
		switch err := Ours(desired, is, p.seen.owners...); {
		case errors.As(err, new(*leavingError)):
			f.Changes = append(f.Changes, Change{Kind: desired.GetKind(), Name: desired.GetName()})
			f.Warnings = append(f.Warnings, err.Error()+"; it is made anew after that")
			continue
		case err != nil:
			f.Blocked = err.Error()
			continue
		}
		if apply.MatchesLastApplied(desired, is) {
			continue
		}
		preview, err := comparer.Preview(desired, is)
		if err != nil {
			return err
		}
		if len(preview.Fields) > 0 {
			f.Changes = append(f.Changes, Change{Kind: desired.GetKind(), Name: desired.GetName(), Fields: preview.Fields})
		}
		if desired == p.objects.Gateway {
			f.Restart = append(f.Restart, p.restarts(preview, live)...)
			f.ByPlatform = len(f.Restart) > 0 && byPlatform(desired, is) && workload.Serves(p.seen.statefulSet)
		}
	}
	if gone := p.unasked(); gone != nil {
		f.Changes = append(f.Changes, Change{Kind: clientsPolicy.kind, Name: gone.GetName(), Removed: true})
	}
	return nil
}

func find(objects []*unstructured.Unstructured, like *unstructured.Unstructured) *unstructured.Unstructured {
	for _, object := range objects {
		if object.GetKind() == like.GetKind() && object.GetName() == like.GetName() {
			return object
		}
	}
	return nil
}

// restarts says what of a StatefulSet's pod template changes, in people's words where there are any.
func (p *pass) restarts(preview apply.Preview, live Live) []string {
	var why []string
	for _, path := range preview.Fields {
		within, is := strings.CutPrefix(path, "spec.template.")
		switch {
		case !is:
		case within == `spec.containers[name="`+manifests.GatewayName+`"].image`:
			why = append(why, fmt.Sprintf("the image changes from %s to %s", p.seen.volume.Image, p.tenant.Image))
		case within == "metadata.annotations."+manifests.AnnotationConfigHash:
			why = append(why, "gateway.toml changes: "+strings.Join(p.changedKeys(live), ", "))
		case within == "metadata.annotations."+manifests.AnnotationTokenKey:
			why = append(why, "the token keys are others")
		default:
			why = append(why, "the pod's "+within+" changes")
		}
	}
	return why
}

// changedKeys are the keys of gateway.toml that change.
func (p *pass) changedKeys(live Live) []string {
	for _, desired := range p.objects.Foundation {
		if desired.GetKind() != "ConfigMap" {
			continue
		}
		after, _, _ := unstructured.NestedString(desired.Object, "data", manifests.ConfigKey)
		before := ""
		if is := find(live.Objects, desired); is != nil {
			before, _, _ = unstructured.NestedString(is.Object, "data", manifests.ConfigKey)
		}
		return gatewaytoml.ChangedKeys(before, after)
	}
	return nil
}

// Rendered are all objects of a GatewayTenant, the certgen Job among them, in the order in which they are applied. The
// error of a spec that is not accepted is a [*manifests.RejectedError].
func Rendered(gt *v1alpha1.GatewayTenant, live Live, platform manifests.Platform, now time.Time) ([]*unstructured.Unstructured, error) {
	var p pass
	p.check(gt, &live.Namespace, platform, nil)
	if err := p.takeIn(gt, live); err != nil {
		return nil, err
	}
	if p.fits(); p.rejected != nil {
		return nil, p.rejected
	}
	p.foreseeCertificates(gt, live, &Forecast{}, now)
	objects, err := manifests.Render(p.tenant, p.cluster(live.Namespace.UID))
	return append(objects.Foundation, objects.Certgen, objects.Gateway), err
}

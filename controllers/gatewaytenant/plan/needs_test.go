package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// heldBy returns the steps that are left out if the API server refuses an object, as kind and name, without those that wait anyway.
func (f *fixture) heldBy(refused observe.Ref) []string {
	f.t.Helper()
	var undone []observe.Ref
	var held []string
	planned := false
	for stage := range Stages {
		var failed []observe.Ref
		for _, step := range f.plan().Steps {
			switch {
			case step.Stage != stage:
			case step.Object == refused:
				planned = true
				failed = append(failed, refused)
			case step.Waits != "":
				failed = append(failed, step.Object)
			case slices.ContainsFunc(step.Requires, func(required observe.Ref) bool { return slices.Contains(undone, required) }):
				failed = append(failed, step.Object)
				held = append(held, step.Object.Kind+" "+step.Object.Name)
			}
		}
		undone = append(undone, failed...)
	}
	if !planned {
		f.t.Fatalf("no step is planned for %v: %q", refused, f.steps())
	}
	return held
}

const (
	holdsConfig   = "ConfigMap openshell-gateway-config"
	holdsWorkload = "StatefulSet openshell-gateway"
	holdsCertgen  = "Job openshell-gateway-certgen"
)

// TestRefusedObjectHoldsTheStartOfANewGateway only if the gateway would not start, or would be open to others, without it.
func TestRefusedObjectHoldsTheStartOfANewGateway(t *testing.T) {
	for refused, want := range map[observe.Ref][]string{
		{Kind: "ServiceAccount", Name: manifests.GatewayName}: {holdsWorkload},
		{Kind: "ServiceAccount", Name: manifests.SandboxName}: nil,
		{Kind: "ServiceAccount", Name: manifests.CertgenName}: {holdsCertgen},
		{Kind: "RoleBinding", Name: manifests.SandboxName}:    {holdsWorkload},
		{Kind: "RoleBinding", Name: manifests.CertgenName}:    {holdsCertgen},
		observe.Binding("tenant-a"):                           {holdsWorkload},
		configMap:                                             {holdsWorkload},
		claim:                                                 {holdsWorkload},
		sshPolicy:                                             {holdsWorkload},
		sshLabel:                                              {holdsWorkload},
		observe.ClientsPolicy:                                 {holdsWorkload},
		service:                                               nil,
		certgenJob:                                            nil,
	} {
		t.Run(refused.Kind+" "+refused.Name, func(t *testing.T) {
			f := newTenant(t)
			f.limitClients()
			f.certificates.Complete = true // so that the StatefulSet waits for nothing, although certgen has work
			if diff := cmp.Diff(want, f.heldBy(refused)); diff != "" {
				t.Errorf("held (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRefusedObjectHoldsAnImageOnlyIfItsPodNeedsIt: all other objects of a gateway that runs are as safe with another image.
func TestRefusedObjectHoldsAnImageOnlyIfItsPodNeedsIt(t *testing.T) {
	pod := []string{holdsConfig, holdsWorkload}
	missing := func(ref observe.Ref) func(*fixture) { return func(f *fixture) { f.cluster.Delete(ref) } }
	changed := func(ref observe.Ref) func(*fixture) {
		return func(f *fixture) { f.cluster.Set(ref, map[string]any{}, "metadata", "annotations") } // the operator's hash
	}
	user, role := observe.Ref{Kind: "ServiceAccount", Name: manifests.GatewayName}, observe.Ref{Kind: "RoleBinding", Name: manifests.SandboxName}
	for _, test := range []struct {
		name    string
		change  func(*fixture)
		refused observe.Ref
		want    []string
	}{
		{"a NetworkPolicy is missing", missing(sshPolicy), sshPolicy, nil},
		{"another NetworkPolicy is missing", missing(sshLabel), sshLabel, nil},
		{"clients are limited", (*fixture).limitClients, observe.ClientsPolicy, nil},
		{"the Service is missing", missing(service), service, nil},
		{"the Service changed", changed(service), service, nil},
		{"the sandboxes' ServiceAccount is missing", missing(observe.Ref{Kind: "ServiceAccount", Name: manifests.SandboxName}), observe.Ref{Kind: "ServiceAccount", Name: manifests.SandboxName}, nil},
		{"certgen's RoleBinding is missing", missing(certgenRole), certgenRole, nil},
		{"the ServiceAccount is missing", missing(user), user, pod},
		{"the ServiceAccount changed", changed(user), user, nil},
		{"the RoleBinding is missing", missing(role), role, pod},
		{"the RoleBinding changed", changed(role), role, nil},
		{"the ClusterRoleBinding is missing", missing(observe.Binding("tenant-a")), observe.Binding("tenant-a"), pod},
		{"the claim's annotations change", func(*fixture) {}, claim, pod},
		{"gateway.toml changes", func(*fixture) {}, configMap, []string{holdsWorkload}},
		{"gateway.toml is missing", missing(configMap), configMap, []string{holdsWorkload}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newServingTenant(t)
			f.tenant.Spec.Image = otherImage
			test.change(f)
			if diff := cmp.Diff(test.want, f.heldBy(test.refused)); diff != "" {
				t.Errorf("held (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRefusedSizeHoldsNothing: the claim is updated first with the size that it has, so that a quota or a storage class can refuse the
// size alone.
func TestRefusedSizeHoldsNothing(t *testing.T) {
	f := newServingTenant(t)
	f.bindClaim()
	f.tenant.Spec.Image, f.tenant.Spec.Storage.Size = otherImage, "50Ti"
	const growth = "update PersistentVolumeClaim openshell-data-openshell-gateway-0, because its volume grows"
	if diff := cmp.Diff([]string{
		"update PersistentVolumeClaim openshell-data-openshell-gateway-0", "update ConfigMap openshell-gateway-config", "update StatefulSet openshell-gateway",
		strings.Replace(growth, ", because", ", waits for the update of its annotations, because", 1),
	}, f.steps()); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	f.execute()
	if diff := cmp.Diff([]string{growth}, f.steps()); diff != "" {
		t.Errorf("steps after the size was refused (-want +got):\n%s", diff)
	}
	f.execute()
	if steps := f.steps(); len(steps) > 0 {
		t.Errorf("steps after the size was accepted: %q", steps)
	}
}

// TestPodIsNotReplacedWithoutWhatItNeeds, although the StatefulSet is as it is rendered.
func TestPodIsNotReplacedWithoutWhatItNeeds(t *testing.T) {
	f := newServingTenant(t)
	f.breakPod("0")
	user := observe.Ref{Kind: "ServiceAccount", Name: manifests.GatewayName}
	f.cluster.Delete(user)
	if diff := cmp.Diff([]string{"Pod " + podRef.Name}, f.heldBy(user)); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
}

// TestLeftoversStayUntilTheirSuccessorsExist, since they protect the sandboxes and give a gateway its rights.
func TestLeftoversStayUntilTheirSuccessorsExist(t *testing.T) {
	names := func(refs ...observe.Ref) (names []string) {
		for _, ref := range refs {
			names = append(names, ref.Kind+" "+ref.Name)
		}
		return names
	}
	roles, policies := names(observe.Leftovers[:2]...), names(observe.Leftovers[2:]...)
	for refused, want := range map[observe.Ref][]string{
		sandboxRole: roles, certgenRole: roles, sshPolicy: policies, sshLabel: policies, service: nil,
	} {
		t.Run(refused.Kind+" "+refused.Name, func(t *testing.T) {
			f := newAdoptableTenant(t) // the update of its StatefulSet waits for a rollout slot
			if diff := cmp.Diff(want, f.heldBy(refused)); diff != "" {
				t.Errorf("held (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCertgenNeedsTheRenderedRights: an earlier control plane's RoleBinding gives fewer rights, so certgen would be denied as long as
// an adoption cannot replace it.
func TestCertgenNeedsTheRenderedRights(t *testing.T) {
	f := newAdoptableTenant(t)
	f.cluster.Delete(certgenJob)
	f.certificates = certificates.Observed{Findings: newTenant(t).certificates.Findings}
	if held := f.heldBy(certgenRole); !slices.Contains(held, holdsCertgen) {
		t.Errorf("certgen runs with the rights of an earlier control plane; held: %q", held)
	}
	if held := f.heldBy(certgenUser); slices.Contains(held, holdsCertgen) {
		t.Errorf("certgen waits for the labels of its ServiceAccount, which exists; held: %q", held)
	}
}

// TestClaimBeingRemovedKeepsItsPod: the claim and its data go as soon as no pod uses the claim.
func TestClaimBeingRemovedKeepsItsPod(t *testing.T) {
	f := newServingTenant(t)
	f.tenant.Spec.Image = otherImage
	f.cluster.Set(claim, "2026-06-01T11:59:00Z", "metadata", "deletionTimestamp")
	if diff := cmp.Diff([]string{holdsConfig, holdsWorkload}, f.heldBy(claim)); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
	blocked := f.plan().Steps[0].Blocked
	if !IsBeingRemoved(blocked) || !strings.Contains(blocked.Error(), `kubectl patch pv $(kubectl get pvc openshell-data-openshell-gateway-0 -n tenant-a`) {
		t.Errorf("reported is %v", blocked)
	}
	f = newServingTenant(t)
	f.breakPod("0")
	f.cluster.Set(claim, "2026-06-01T11:59:00Z", "metadata", "deletionTimestamp")
	if diff := cmp.Diff([]string{"Pod " + podRef.Name}, f.heldBy(claim)); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
}

// TestVersionThatDoesNotRunYetIsNotRecorded: otherwise the claim would rule out the version that runs, when the tenant goes back to it.
func TestVersionThatDoesNotRunYetIsNotRecorded(t *testing.T) {
	for name, wait := range map[string]func(*fixture){
		"the Sandbox API is missing": func(f *fixture) { f.change = func(o *observe.Observed) { o.SandboxAPIs = []string{} } },
		"a Secret is missing":        func(f *fixture) { f.certificates.Complete = false },
	} {
		t.Run(name, func(t *testing.T) {
			f := newServingTenant(t)
			f.useSandboxAPI()
			wait(f)
			f.execute()
			f.tenant.Spec.Image, f.tenant.Annotations = runningImage, nil
			if p := f.plan(); p.Rejected != nil {
				t.Errorf("the version that runs is rejected: %v", p.Rejected)
			}
			f.useSandboxAPI()
			f.change, f.certificates.Complete = func(*observe.Observed) {}, true
			f.execute()
			f.tenant.Spec.Image, f.tenant.Annotations = runningImage, nil
			if p := f.plan(); p.Rejected == nil {
				t.Error("the version that was created is not recorded")
			}
		})
	}
}

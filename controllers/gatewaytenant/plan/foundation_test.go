package plan

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestCertgenNeedsTheRenderedRights: an earlier control plane's RoleBinding gives fewer rights, so certgen would be denied as long as
// an adoption cannot replace it.
func TestCertgenNeedsTheRenderedRights(t *testing.T) {
	named := func(kind, name string) *unstructured.Unstructured {
		object := &unstructured.Unstructured{}
		object.SetAPIVersion("v1")
		object.SetKind(kind)
		object.SetName(name)
		object.SetLabels(manifests.Labels())
		return object
	}
	account, binding := named("ServiceAccount", manifests.CertgenName), named("RoleBinding", manifests.CertgenName)
	p := &Plan{Objects: manifests.Objects{Foundation: []*unstructured.Unstructured{named("Service", manifests.GatewayName), account, binding}}}
	applied := func(object *unstructured.Unstructured) *unstructured.Unstructured {
		hash, err := apply.Hash(object)
		if err != nil {
			t.Fatal(err)
		}
		live := object.DeepCopy()
		live.SetAnnotations(map[string]string{apply.AnnotationHash: hash})
		return live
	}
	for _, test := range []struct {
		name string
		live []*unstructured.Unstructured
		want bool
	}{
		{"nothing exists", nil, false},
		{"the binding does not exist", []*unstructured.Unstructured{applied(account)}, false},
		{"an earlier control plane's binding exists", []*unstructured.Unstructured{applied(account), binding}, false},
		{"all that is rendered exists", []*unstructured.Unstructured{applied(account), applied(binding)}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			observed := &observe.Observed{Objects: map[observe.Ref]metav1.Object{}}
			for _, object := range test.live {
				observed.Objects[observe.RefOf(object)] = object
			}
			if got := p.mayIssue(Input{Observed: observed}); got != test.want {
				t.Errorf("certgen has its rights: got %t, want %t", got, test.want)
			}
		})
	}
}

// TestStages: if gateway.toml were written before the claim and the operator ended in between, the gateway could create a key whose
// path no claim records.
func TestStages(t *testing.T) {
	foundation := []Stage{ClaimStage, FoundationStage}
	type stages struct {
		stage    Stage
		requires []Stage
	}
	for _, test := range []struct {
		name   string
		change func(*fixture)
		ref    observe.Ref
		want   stages
	}{
		{"the claim exists", func(*fixture) {}, claim, stages{ClaimStage, nil}},
		{"the claim does not exist", func(f *fixture) { f.cluster.Delete(claim) }, claim, stages{FoundationStage, nil}},
		{"gateway.toml", func(*fixture) {}, configMap, stages{FoundationStage, []Stage{ClaimStage}}},
		{"the Service", func(f *fixture) { f.cluster.Delete(service) }, service, stages{FoundationStage, nil}},
		{"the StatefulSet", func(*fixture) {}, statefulSet, stages{WorkloadStage, foundation}},
		{"a leftover", (*fixture).leaveRole, observe.Leftovers[0], stages{CleanupStage, foundation}},
		{"certgen has its rights", func(*fixture) {}, certgenJob, stages{CertgenStage, nil}},
		{"certgen lacks its rights", func(f *fixture) {
			f.cluster.Delete(observe.Ref{Kind: "RoleBinding", Name: manifests.CertgenName})
		}, certgenJob, stages{CertgenStage, foundation}},
		{"certgen has its rights but there is no gateway", func(f *fixture) { f.cluster.Delete(statefulSet) }, certgenJob, stages{CertgenStage, foundation}},
		{"certgen has a rejected tenant", func(f *fixture) {
			f.cluster.Delete(observe.Ref{Kind: "RoleBinding", Name: manifests.CertgenName})
			f.tenant.Spec.Image, f.certificates.ServerNames = "docker.io/evil/x:1", []string{"openshell-gateway"}
		}, certgenJob, stages{CertgenStage, nil}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newServingTenant(t)
			f.tenant.Spec.Image = otherImage // changes the claim, gateway.toml and the StatefulSet
			f.certificates.Findings = newTenant(t).certificates.Findings
			test.change(f)
			steps := f.plan().Steps
			i := slices.IndexFunc(steps, func(step Step) bool { return step.Object == test.ref })
			if i < 0 {
				t.Fatalf("no step is planned for %s %s", test.ref.Kind, test.ref.Name)
			}
			if got := steps[i]; got.Stage != test.want.stage || !slices.Equal(got.Requires, test.want.requires) {
				t.Errorf("stage %d requires %d, want stage %d that requires %d", got.Stage, got.Requires, test.want.stage, test.want.requires)
			}
		})
	}
}

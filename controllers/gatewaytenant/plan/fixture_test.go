package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/observetest"
)

var (
	now         = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	statefulSet = observe.Ref{Kind: "StatefulSet", Name: manifests.GatewayName}
	configMap   = observe.Ref{Kind: "ConfigMap", Name: manifests.ConfigName}
	service     = observe.Ref{Kind: "Service", Name: manifests.GatewayName}
	claim       = observe.Ref{Kind: "PersistentVolumeClaim", Name: manifests.ClaimName}
	certgenJob  = observe.Ref{Kind: "Job", Name: manifests.CertgenName}
)

// runningImage is the image of the gateway in a fixture. Between it and otherImage, no step needs a confirmation.
const runningImage = "ghcr.io/nvidia/openshell/gateway:0.0.71"

// fixture is a tenant, what exists of its gateway, and what else a plan depends on.
type fixture struct {
	t            *testing.T
	tenant       *v1alpha1.GatewayTenant
	platform     manifests.Platform
	cluster      *observetest.Cluster
	certificates certificates.Observed
	slotGranted  bool
	history      History
	// change changes what was observed.
	change func(*observe.Observed)
}

// newTenant returns a fixture in which nothing exists but the GatewayTenant.
func newTenant(t *testing.T) *fixture {
	t.Helper()
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{
		t: t, platform: platform, cluster: observetest.New(t),
		tenant: &v1alpha1.GatewayTenant{
			ObjectMeta: metav1.ObjectMeta{Namespace: observetest.Namespace, Name: v1alpha1.Name, UID: "1"},
			Spec:       v1alpha1.GatewayTenantSpec{Image: runningImage},
		},
		certificates: certificates.Observed{Findings: []certificates.Finding{
			{Secret: manifests.CAName, Need: certificates.Missing}, {Secret: manifests.ServerTLSName, Need: certificates.Missing},
			{Secret: manifests.ClientTLSName, Need: certificates.Missing}, {Secret: manifests.TokenKeysName, Need: certificates.Missing},
		}},
		change: func(*observe.Observed) {},
	}
}

// newServingTenant returns a fixture in which the gateway serves and nothing is left to do.
func newServingTenant(t *testing.T) *fixture {
	t.Helper()
	f := newTenant(t)
	f.certificates = certificates.Observed{Complete: true, TokenKeyID: "key-1"}
	f.execute()
	f.serve("1")
	if steps := f.steps(); len(steps) > 0 {
		t.Fatalf("something is left to do after the creation: %s", strings.Join(steps, "; "))
	}
	return f
}

// execute applies the objects of the steps that can be executed, and deletes those that are to be deleted.
func (f *fixture) execute() {
	f.t.Helper()
	for _, step := range f.plan().Steps {
		if !step.IsExecutable() {
			continue
		}
		if step.Action == Delete || step.Action == Recreate {
			f.cluster.Delete(step.Object)
		}
		if step.Action == Update && step.Difference.Takeover != nil {
			f.cluster.Change(step.Object, func(object *unstructured.Unstructured) { object.SetManagedFields(step.Difference.Takeover) })
		}
		if step.Desired != nil {
			f.cluster.Apply(step.Desired)
		}
	}
}

// serve makes the gateway serve with the given revision of its StatefulSet.
func (f *fixture) serve(revision string) {
	f.t.Helper()
	f.cluster.Set(statefulSet, int64(1), "metadata", "generation")
	f.cluster.Set(statefulSet, map[string]any{
		"observedGeneration": int64(1), "replicas": int64(1), "updatedReplicas": int64(1), "readyReplicas": int64(1),
		"currentRevision": revision, "updateRevision": revision,
	}, "status")
}

func (f *fixture) input() Input {
	f.t.Helper()
	observed, err := f.cluster.Snapshot().Observed(f.tenant.UID)
	if err != nil {
		f.t.Fatal(err)
	}
	f.change(observed)
	in := Input{
		GatewayTenant: f.tenant, Platform: f.platform, Observed: observed, Certificates: &f.certificates, SlotGranted: f.slotGranted, History: f.history,
		Comparer: apply.NewComparer(clientgoscheme.Scheme, manifests.Manager, apply.Exclusive), Now: now,
	}
	in.Tenant, err = manifests.NewTenant(f.tenant, f.platform.For(f.tenant, observed.Volume))
	errors.As(err, &in.Rejected)
	return in
}

func (f *fixture) plan() *Plan {
	f.t.Helper()
	p := Make(f.input())
	if p.Incomplete != nil {
		f.t.Fatal(p.Incomplete)
	}
	return p
}

func (f *fixture) steps() []string {
	f.t.Helper()
	var lines []string
	for _, step := range f.plan().Steps {
		lines = append(lines, line(step))
	}
	return lines
}

// line returns a step as one line of text.
func line(step Step) string {
	text := fmt.Sprintf("%s %s %s", step.Action, step.Object.Kind, step.Object.Name)
	if step.Waits != "" {
		text += ", waits for " + step.Waits
	}
	if step.Reason != "" {
		text += ", because " + step.Reason
	}
	if step.Blocked != nil {
		text += ", blocked: " + step.Blocked.Error()
	}
	return text
}

// breakPod adds a pod of a revision that is not ready.
func (f *fixture) breakPod(revision string) {
	f.t.Helper()
	f.cluster.Set(statefulSet, int64(0), "status", "readyReplicas")
	controller := true
	f.cluster.Put(&corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name: manifests.PodName, UID: "uid-pod", Labels: map[string]string{"controller-revision-hash": revision},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: statefulSet.Name, UID: "uid-statefulset-openshell-gateway", Controller: &controller}},
		},
	})
}

// bindClaim gives the volume claim a volume of 1Gi.
func (f *fixture) bindClaim() {
	f.t.Helper()
	f.cluster.Set(claim, map[string]any{"phase": "Bound", "capacity": map[string]any{"storage": "1Gi"}}, "status")
}

// useSandboxAPI requests a gateway that does not start without the Sandbox API.
func (f *fixture) useSandboxAPI() {
	f.tenant.Spec.Image = "ghcr.io/nvidia/openshell/gateway:0.0.111"
	f.tenant.Annotations = map[string]string{v1alpha1.AnnotationConfirmVersion: "0.0.111"}
}

func (f *fixture) limitClients() {
	f.tenant.Spec.Network.AllowedClients = []v1alpha1.AllowedClient{}
}

// own makes another object the controller of one that exists.
func (f *fixture) own(ref observe.Ref, kind string) {
	f.t.Helper()
	controller := true
	owner := manifests.Owner("another")
	if kind != "GatewayTenant" {
		owner = metav1.OwnerReference{APIVersion: "v1", Kind: kind, Name: "other", UID: "another", Controller: &controller}
	}
	f.cluster.Change(ref, func(object *unstructured.Unstructured) { object.SetOwnerReferences([]metav1.OwnerReference{owner}) })
}

// desired returns an object as it is rendered.
func (f *fixture) desired(ref observe.Ref) *unstructured.Unstructured {
	f.t.Helper()
	objects := f.plan().Objects
	for _, object := range append(slices.Clone(objects.Foundation), objects.Certgen, objects.Gateway) {
		if observe.RefOf(object) == ref {
			return object
		}
	}
	f.t.Fatalf("%s %s is not rendered", ref.Kind, ref.Name)
	return nil
}

// finishedJob adds a certgen Job that was created for a request and has ended.
func (f *fixture) finishedJob(request string) {
	f.t.Helper()
	job := f.desired(certgenJob).DeepCopy()
	annotations := job.GetAnnotations()
	annotations[manifests.AnnotationWish] = request
	job.SetAnnotations(annotations)
	f.cluster.Apply(job)
	f.cluster.Set(certgenJob, []any{map[string]any{"type": string(batchv1.JobComplete), "status": "True", "lastTransitionTime": "2026-06-01T11:00:00Z"}}, "status", "conditions")
}

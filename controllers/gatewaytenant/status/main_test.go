package status

import (
	"testing"
	"time"

	"go.uber.org/goleak"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serving returns the input for a tenant whose gateway serves and whose objects are as they were rendered.
func serving(t *testing.T) Input {
	t.Helper()
	tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: "tenant-a", UID: "1", Generation: 3}}
	in := Input{
		GatewayTenant: tenant,
		Observed:      &observe.Observed{SandboxAPIs: []string{"v1alpha1"}},
		Plan:          &plan.Plan{Certificates: certificates.Observed{Complete: true, NotAfter: time.Unix(1, 0)}},
	}
	evaluate(t, in)
	var err error
	if in.Plan.Objects, err = manifests.Render(in.Plan.Tenant, manifests.RenderInput{NamespaceUID: "2", TokenKey: "3"}); err != nil {
		t.Fatal(err)
	}
	hash, err := apply.Hash(in.Plan.Objects.Gateway)
	if err != nil {
		t.Fatal(err)
	}
	in.Observed.StatefulSet = &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Generation: 1, Annotations: map[string]string{apply.AnnotationHash: hash}},
		Status: appsv1.StatefulSetStatus{
			ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, CurrentRevision: "r", UpdateRevision: "r",
		},
	}
	return in
}

// evaluate sets the tenant of the plan to what the spec requests.
func evaluate(t *testing.T, in Input) {
	t.Helper()
	evaluateOn(t, in, manifests.Settings{})
}

// evaluateOn does the same on a platform with settings.
func evaluateOn(t *testing.T, in Input, settings manifests.Settings) {
	t.Helper()
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err == nil {
		platform, err = platform.WithSettings(settings)
	}
	if err != nil {
		t.Fatal(err)
	}
	if in.Plan.Tenant, err = manifests.NewTenant(in.GatewayTenant, platform); err != nil {
		t.Fatal(err)
	}
}

// compute returns the condition of a type after a reconcile. It is nil if the status does not have it.
func compute(in Input, condition string) *metav1.Condition {
	return meta.FindStatusCondition(Compute(in).Conditions, condition)
}

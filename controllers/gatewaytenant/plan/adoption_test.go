package plan

import (
	"context"
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/earlier"
)

// newAdoptableTenant returns a fixture with a gateway that an earlier control plane created and that serves.
func newAdoptableTenant(t *testing.T) *fixture {
	t.Helper()
	f := newTenant(t)
	f.certificates = certificates.Observed{Complete: true, TokenKeyID: "key-1"}
	creator := interceptor.NewClient(nil, interceptor.Funcs{
		Create: func(_ context.Context, _ client.WithWatch, object client.Object, _ ...client.CreateOption) error {
			if created, is := object.(*unstructured.Unstructured); is { // the Secrets are typed
				f.cluster.ApplyAs(earlier.FieldOwner, created)
			}
			return nil
		},
	})
	if err := earlier.Create(t.Context(), creator, f.tenant.Namespace); err != nil {
		t.Fatal(err)
	}
	f.serve("1")
	return f
}

const updatesStatefulSet = "update StatefulSet openshell-gateway"

// adoption returns the steps of an adoption: certgen's follow those of the foundation, and gateway.toml and the workload come last.
func adoption(configWaits string, certgen []string, workload ...string) []string {
	foundation := []string{
		"update ServiceAccount openshell-gateway", "update ServiceAccount openshell-gateway-sandbox", "update ServiceAccount openshell-gateway-certgen",
		"recreate RoleBinding openshell-gateway-sandbox, because it binds another role, which cannot be changed",
		"recreate RoleBinding openshell-gateway-certgen, because it binds another role, which cannot be changed",
		"update NetworkPolicy openshell-gateway-sandbox-ssh", "create NetworkPolicy openshell-gateway-sandbox-ssh-label",
		"update Service openshell-gateway", "create ClusterRoleBinding gatewaytenant-node-reader:tenant-a",
		"create PersistentVolumeClaim openshell-data-openshell-gateway-0",
	}
	const leftover = ", because an earlier control plane left it, and it has no successor"
	cleanup := []string{
		"delete Role openshell-gateway-sandbox" + leftover, "delete Role openshell-gateway-certgen" + leftover,
		"delete NetworkPolicy openshell-gateway-sandbox-ssh-v2" + leftover, "delete NetworkPolicy openshell-gateway-allow-sandbox-v2" + leftover,
	}
	return slices.Concat(foundation, certgen, cleanup, []string{"update ConfigMap openshell-gateway-config" + configWaits}, workload)
}

func TestPlanOfAnAdoption(t *testing.T) {
	run(t, newAdoptableTenant, []planTest{
		{"without a rollout slot", func(*fixture) {}, adoption(", waits for a rollout slot", nil, updatesStatefulSet+", waits for a rollout slot")},
		{"with a rollout slot", func(f *fixture) { f.slotGranted = true }, adoption("", nil, updatesStatefulSet)},
		{"the Secrets are missing", func(f *fixture) {
			f.certificates = newTenant(f.t).certificates
		}, adoption(", waits for a rollout slot", []string{
			"delete Job openshell-gateway-certgen, because it cannot do the present work, so another one replaces it",
			"create Job openshell-gateway-certgen, waits for the removal of the former Job and its pods",
		}, updatesStatefulSet+", waits for its Secrets, because the token keys are made anew")},
		{"the gateway does not serve", func(f *fixture) { f.breakPod("1") }, adoption("", nil, updatesStatefulSet,
			"delete Pod openshell-gateway-0, waits for the update of its StatefulSet, because it is not ready, so its StatefulSet does not replace it")},
		{"after the foundation was adopted", func(f *fixture) { f.execute() }, []string{
			"update ConfigMap openshell-gateway-config, waits for a rollout slot", updatesStatefulSet + ", waits for a rollout slot",
		}},
		{"after all was adopted", func(f *fixture) {
			f.slotGranted = true
			f.execute()
		}, nil},
		{"the former binding is shared among tenants", func(f *fixture) {
			f.adopt()
			f.shareBinding("tenant-b", f.tenant.Namespace)
		}, []string{"remove-subject ClusterRoleBinding openshell-gateway-node-reader, because ServiceAccount tenant-a/openshell-gateway has a binding of its own"}},
		{"the shared binding has other tenants only", func(f *fixture) {
			f.adopt()
			f.shareBinding("tenant-b")
		}, nil},
		{"a leftover belongs to another owner", func(f *fixture) {
			f.adopt()
			f.leaveRole()
			f.own(observe.Leftovers[0], "Deployment")
		}, nil},
		{"a leftover lacks the label of OpenShell", func(f *fixture) {
			f.adopt()
			f.leaveRole()
			f.cluster.Change(observe.Leftovers[0], func(object *unstructured.Unstructured) { object.SetLabels(nil) })
		}, nil},
		{"a leftover is being removed", func(f *fixture) {
			f.adopt()
			f.leaveRole()
			f.cluster.Set(observe.Leftovers[0], "2026-06-01T11:59:00Z", "metadata", "deletionTimestamp")
		}, nil},
		{"another owner controls the Service", func(f *fixture) { f.own(service, "Deployment") }, []string{
			"update Service openshell-gateway, blocked: Service tenant-a/openshell-gateway is there already and is controlled by Deployment other; delete that, or move it to another namespace",
		}},
		{"other owners control two objects", func(f *fixture) {
			f.own(service, "Deployment")
			f.own(statefulSet, "Deployment")
		}, []string{
			"update Service openshell-gateway, blocked: Service tenant-a/openshell-gateway is there already and is controlled by Deployment other; delete that, or move it to another namespace",
			"update StatefulSet openshell-gateway, blocked: StatefulSet tenant-a/openshell-gateway is there already and is controlled by Deployment other; delete that, or move it to another namespace",
		}},
		{"the gateway has a database server of its own", func(f *fixture) {
			f.cluster.Delete(statefulSet)
			f.putDeployment(manifests.Labels())
		}, []string{
			"update Deployment openshell-gateway, blocked: Deployment tenant-a/openshell-gateway is there already and is a gateway whose database is not on a volume of its own, so it cannot be taken over; use another namespace, or delete it to begin anew",
		}},
		{"a Deployment of another application has its name", func(f *fixture) {
			f.slotGranted = true
			f.adopt()
			f.putDeployment(nil)
		}, nil},
		{"it belongs to a Helm release", func(f *fixture) {
			f.cluster.Set(service, map[string]any{observe.AnnotationHelmRelease: "gateway"}, "metadata", "annotations")
		}, []string{
			"update Service openshell-gateway, blocked: Service tenant-a/openshell-gateway is there already and is of the Helm release gateway; run helm uninstall gateway -n tenant-a: its volume and its Secrets stay, and are taken over",
		}},
	})
}

// adopt executes plans until the gateway is adopted.
func (f *fixture) adopt() {
	f.t.Helper()
	f.slotGranted = true
	f.execute()
	f.execute()
	if steps := f.steps(); len(steps) > 0 {
		f.t.Fatalf("something is left to do after the adoption: %q", steps)
	}
}

func (f *fixture) shareBinding(namespaces ...string) {
	f.t.Helper()
	binding := &rbacv1.ClusterRoleBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRoleBinding"},
		ObjectMeta: metav1.ObjectMeta{Name: observe.SharedBinding.Name},
	}
	for _, namespace := range namespaces {
		binding.Subjects = append(binding.Subjects, SharedSubject(namespace))
	}
	f.cluster.Put(binding)
}

// leaveRole adds a Role of an earlier control plane.
func (f *fixture) leaveRole() {
	f.t.Helper()
	f.cluster.Put(&rbacv1.Role{
		TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "Role"},
		ObjectMeta: metav1.ObjectMeta{Name: observe.Leftovers[0].Name, Labels: manifests.Labels()},
	})
}

func (f *fixture) putDeployment(labels map[string]string) {
	f.t.Helper()
	f.cluster.Put(&metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: observe.OtherWorkload.Name, Labels: labels},
	})
}

// TestRefusedAdoptionIsReported, whatever the steps that are in conflict would wait for otherwise.
func TestRefusedAdoptionIsReported(t *testing.T) {
	for _, test := range []struct {
		name   string
		tenant func(*testing.T) *fixture
		change func(*fixture)
	}{
		{"another client's StatefulSet, and there are no Secrets", newTenant, func(f *fixture) {
			set := f.desired(statefulSet).DeepCopy()
			set.SetOwnerReferences(nil)
			set.SetLabels(nil)
			f.cluster.ApplyAs("kubectl", set)
		}},
		{"another owner's ConfigMap, and the gateway serves", newAdoptableTenant, func(f *fixture) { f.own(configMap, "Deployment") }},
		{"another owner's StatefulSet, which serves", newAdoptableTenant, func(f *fixture) { f.own(statefulSet, "Deployment") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := test.tenant(t)
			test.change(f)
			p := f.plan()
			if len(p.Steps) == 0 || !p.AdoptionRefused {
				t.Fatalf("the adoption is not refused: %q", f.steps())
			}
			for _, step := range p.Steps {
				if !IsConflict(step.Blocked) || step.Waits != "" || len(step.Requires) > 0 {
					t.Errorf("%s is not reported now", line(step))
				}
			}
		})
	}
}

// TestForeignJobRefusesNoAdoption: it only keeps certgen from running.
func TestForeignJobRefusesNoAdoption(t *testing.T) {
	f := newTenant(t)
	f.finishedJob("another")
	f.cluster.Change(certgenJob, func(object *unstructured.Unstructured) { object.SetLabels(nil) })
	f.own(certgenJob, "Deployment")
	if p := f.plan(); p.AdoptionRefused || len(p.Steps) < 10 {
		t.Errorf("only %q is planned", f.steps())
	}
}

// TestMissingAPIIsReportedDuringARotation of the token signing keys, too.
func TestMissingAPIIsReportedDuringARotation(t *testing.T) {
	f := newTenant(t)
	f.useSandboxAPI()
	f.certificates = certificates.Observed{Complete: true, TokenKeyID: "key-1"}
	f.execute()
	f.serve("1")
	f.change = func(o *observe.Observed) { o.SandboxAPIs = []string{} }
	f.certificates.Findings = []certificates.Finding{{Secret: manifests.TokenKeysName, Need: certificates.Due, Message: "is to be rotated"}}
	reported := slices.ContainsFunc(f.plan().Steps, func(step Step) bool { return IsMissingAPI(step.Blocked) && step.Waits == "" })
	if !reported {
		t.Errorf("it is not reported: %q", f.steps())
	}
}

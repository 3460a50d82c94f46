package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/test/observetest"
)

const otherImage = "ghcr.io/nvidia/openshell/gateway:0.0.72"

// restoring marks the namespace as one that a backup is being restored into.
func restoring(o *observe.Observed) { o.Restoring = true }

// planTest is a case of a table of plans.
type planTest struct {
	name   string
	change func(f *fixture)
	want   []string
}

// run plans from the fixture that each case makes of the one that newFixture returns.
func run(t *testing.T, newFixture func(*testing.T) *fixture, tests []planTest) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			test.change(f)
			if diff := cmp.Diff(test.want, f.steps()); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlanOfANewTenant(t *testing.T) {
	foundation := []string{
		"create ServiceAccount openshell-gateway", "create ServiceAccount openshell-gateway-sandbox", "create ServiceAccount openshell-gateway-certgen",
		"create RoleBinding openshell-gateway-sandbox", "create RoleBinding openshell-gateway-certgen", "create ConfigMap openshell-gateway-config",
		"create NetworkPolicy openshell-gateway-sandbox-ssh", "create NetworkPolicy openshell-gateway-sandbox-ssh-label", "create Service openshell-gateway",
		"create ClusterRoleBinding gatewaytenant-node-reader:tenant-a", "create PersistentVolumeClaim openshell-data-openshell-gateway-0",
	}
	job, set := "create Job openshell-gateway-certgen", "create StatefulSet openshell-gateway, waits for its Secrets"
	run(t, newTenant, []planTest{
		{"nothing exists", func(*fixture) {}, append(slices.Clone(foundation), job, set)},
		{"the Secrets exist", func(f *fixture) { f.certificates = certificates.Observed{Complete: true, TokenKeyID: "key-1"} }, append(slices.Clone(foundation), "create StatefulSet openshell-gateway")},
		{"all but the Secrets exists", func(f *fixture) {
			f.execute()
		}, []string{set}},
		{"it is suspended", func(f *fixture) { f.tenant.Spec.Suspend = true }, nil},
		{"a backup is being restored", func(f *fixture) { f.change = restoring }, nil},
		{"its spec is rejected", func(f *fixture) { f.tenant.Spec.Image = "docker.io/evil/x:1" }, nil},
		{"the Sandbox API is missing, and the gateway starts without it", func(f *fixture) {
			f.change = func(o *observe.Observed) { o.SandboxAPIs = []string{} }
		}, append(slices.Clone(foundation), job, set)},
		{"RoleBindings and StatefulSets cannot be read", func(f *fixture) {
			f.change = func(o *observe.Observed) { o.Unreadable = []string{"RoleBinding", "StatefulSet"} }
		}, append(slices.DeleteFunc(slices.Clone(foundation), func(line string) bool { return strings.Contains(line, " RoleBinding ") }), job)},
	})
}

func TestPlanOfATenantThatServes(t *testing.T) {
	run(t, newServingTenant, []planTest{
		{"nothing changes", func(*fixture) {}, nil},
		{"another image", func(f *fixture) { f.tenant.Spec.Image = otherImage }, []string{
			"update PersistentVolumeClaim openshell-data-openshell-gateway-0",
			"update ConfigMap openshell-gateway-config",
			"update StatefulSet openshell-gateway",
		}},
		{"another config", func(f *fixture) { f.tenant.Spec.Config = "[openshell.gateway]\nlog_level = \"debug\"\n" }, []string{
			"update ConfigMap openshell-gateway-config",
			"update StatefulSet openshell-gateway",
		}},
		{"a larger volume", func(f *fixture) {
			f.bindClaim()
			f.tenant.Spec.Storage.Size = "2Gi"
		}, []string{
			"update PersistentVolumeClaim openshell-data-openshell-gateway-0, because its volume grows",
		}},
		{"a smaller volume", func(f *fixture) {
			f.bindClaim()
			f.tenant.Spec.Storage.Size = "1Mi"
		}, nil},
		{"clients are limited", func(f *fixture) { f.limitClients() }, []string{
			"create NetworkPolicy openshell-gateway-clients",
		}},
		{"clients are no longer limited", func(f *fixture) {
			f.limitClients()
			f.execute()
			f.tenant.Spec.Network.AllowedClients = nil
		}, []string{
			"delete NetworkPolicy openshell-gateway-clients, because spec.network no longer limits the clients",
		}},
		{"another manager has a policy for clients", func(f *fixture) {
			f.limitClients()
			policy := f.desired(observe.ClientsPolicy)
			f.tenant.Spec.Network.AllowedClients = nil
			policy.SetOwnerReferences(nil)
			f.cluster.ApplyAs("kubectl", policy)
		}, nil},
		{"another client changed the Service", func(f *fixture) {
			port := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"type": "NodePort"}}}
			port.SetAPIVersion("v1")
			port.SetKind("Service")
			port.SetName(service.Name)
			port.SetNamespace(f.tenant.Namespace)
			f.cluster.ApplyAs("kubectl", port)
		}, []string{
			"update Service openshell-gateway",
		}},
		{"another owner controls the ConfigMap", func(f *fixture) { f.own(configMap, "Deployment") }, []string{
			"update ConfigMap openshell-gateway-config, blocked: ConfigMap tenant-a/openshell-gateway-config is there already and is controlled by Deployment other; delete that, or move it to another namespace",
		}},
		{"the ConfigMap is being removed", func(f *fixture) {
			f.cluster.Set(configMap, "2026-06-01T11:59:00Z", "metadata", "deletionTimestamp")
		}, []string{
			"create ConfigMap openshell-gateway-config, blocked: ConfigMap tenant-a/openshell-gateway-config is still being removed",
		}},
		{"a former tenant's Service", func(f *fixture) { f.own(service, "GatewayTenant") }, []string{
			"create Service openshell-gateway, blocked: Service tenant-a/openshell-gateway is still being removed",
		}},
		{"it is suspended", func(f *fixture) {
			f.tenant.Spec.Image, f.tenant.Spec.Suspend = otherImage, true
		}, nil},
		{"a backup is being restored", func(f *fixture) {
			f.tenant.Spec.Image, f.change = otherImage, restoring
			f.cluster.Delete(service)
		}, nil},
		{"the Sandbox API is missing and the gateway needs it", func(f *fixture) {
			f.useSandboxAPI()
			f.change = func(o *observe.Observed) { o.SandboxAPIs = []string{} }
		}, []string{
			"update PersistentVolumeClaim openshell-data-openshell-gateway-0",
			"update ConfigMap openshell-gateway-config, waits for the update of its StatefulSet",
			"update StatefulSet openshell-gateway, blocked: the Sandbox API agents.x-k8s.io/v1alpha1 or v1beta1, which gateway 0.0.111 needs, is not installed: no sandbox can be made; install agent-sandbox 0.4 or 0.5",
		}},
		{"the Sandbox API is unknown", func(f *fixture) {
			f.useSandboxAPI()
			f.change = func(o *observe.Observed) { o.SandboxAPIs = nil }
		}, []string{
			"update PersistentVolumeClaim openshell-data-openshell-gateway-0",
			"update ConfigMap openshell-gateway-config",
			"update StatefulSet openshell-gateway",
		}},
		{"ConfigMaps and StatefulSets cannot be read", func(f *fixture) {
			f.tenant.Spec.Image = otherImage
			for _, ref := range []observe.Ref{service, configMap, statefulSet} {
				f.cluster.Delete(ref)
			}
			f.change = func(o *observe.Observed) { o.Unreadable = []string{"ConfigMap", "StatefulSet"} }
		}, []string{
			"update PersistentVolumeClaim openshell-data-openshell-gateway-0",
			"create Service openshell-gateway",
		}},
	})
}

// TestReservedNamespaceGetsNoNewGateway, and keeps a gateway or a volume that exists.
func TestReservedNamespaceGetsNoNewGateway(t *testing.T) {
	for what, c := range map[string]struct {
		change   func(f *fixture)
		rejected bool
	}{
		"nothing exists":      {func(*fixture) {}, true},
		"the gateway exists":  {func(f *fixture) { f.execute() }, false},
		"only a volume is it": {func(f *fixture) { f.execute(); f.cluster.Delete(statefulSet) }, false},
		"the volume is gone":  {func(f *fixture) { f.execute(); f.cluster.Delete(claim) }, false},
	} {
		f := newTenant(t)
		f.certificates = certificates.Observed{Complete: true, TokenKeyID: "key-1"}
		c.change(f)
		f.platform = f.platform.In(observetest.Namespace)
		p := f.plan()
		if !p.Reserved || (p.Rejected != nil) != c.rejected || c.rejected && (p.Rejected.Reason != v1alpha1.ReasonNamespaceReserved || len(p.Steps) > 0) {
			t.Errorf("%s: reserved %v, rejected %+v, %d steps; want it rejected: %v", what, p.Reserved, p.Rejected, len(p.Steps), c.rejected)
		}
	}
}

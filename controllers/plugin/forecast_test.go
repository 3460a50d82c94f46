package plugin

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/status"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/observetest"
)

func testPreviewer(t *testing.T) previewer {
	t.Helper()
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	return newPreviewer(platform, time.Now())
}

// TestPreviewWarnsOfAGatewayThatBecomesOpen, but does not repeat the default for tenants that are new or were open before.
func TestPreviewWarnsOfAGatewayThatBecomesOpen(t *testing.T) {
	open := metav1.Condition{Type: v1alpha1.ConditionWarning, Status: metav1.ConditionTrue, Message: "something else; " + status.OpenDefault.Message}
	for _, test := range []struct {
		name   string
		status v1alpha1.GatewayTenantStatus
		warns  bool
	}{
		{"a new tenant", v1alpha1.GatewayTenantStatus{}, false},
		{"a tenant that was open", v1alpha1.GatewayTenantStatus{ObservedGeneration: 1, Conditions: []metav1.Condition{open}}, false},
		{"a tenant that had OIDC", v1alpha1.GatewayTenantStatus{ObservedGeneration: 1}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: v1alpha1.Name}, Status: test.status}
			preview, err := testPreviewer(t).previewGateway(tenant, observe.Snapshot{})
			if err != nil {
				t.Fatal(err)
			}
			if warns := slices.Contains(preview.warnings, status.OpenDefault.Message); warns != test.warns {
				t.Errorf("the warnings are %q, want the open default among them: %t", preview.warnings, test.warns)
			}
		})
	}
}

// TestObjectsOfAFormerTenantDoNotPreventTheCreation: the garbage collector removes them.
func TestObjectsOfAFormerTenantDoNotPreventTheCreation(t *testing.T) {
	former := func(apiVersion, kind, name string) *unstructured.Unstructured {
		object := &unstructured.Unstructured{Object: map[string]any{}}
		object.SetAPIVersion(apiVersion)
		object.SetKind(kind)
		object.SetNamespace("a")
		object.SetName(name)
		object.SetOwnerReferences([]metav1.OwnerReference{manifests.Owner("former")})
		return object
	}
	snapshot := observe.Snapshot{Objects: []*unstructured.Unstructured{former("apps/v1", "StatefulSet", manifests.GatewayName), former("v1", "ConfigMap", manifests.ConfigName)}}
	tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: v1alpha1.Name}}
	preview, err := testPreviewer(t).previewGateway(tenant, snapshot)
	if err != nil {
		t.Fatal(err)
	}
	if preview.Rejected != nil || preview.blocked != "" {
		t.Errorf("the creation is rejected: %v, blocked: %q", preview.Rejected, preview.blocked)
	}
	if len(preview.warnings) != 2 || len(preview.restart) > 0 {
		t.Errorf("the warnings are %q, want one for each object; the gateway restarts because %q", preview.warnings, preview.restart)
	}
	created := 0
	for _, change := range preview.changes {
		if len(change.Fields) == 0 && change.Action == plan.Create {
			created++
		}
	}
	if created != len(preview.changes) || created < 10 {
		t.Errorf("%d of %d changes create an object", created, len(preview.changes))
	}
}

// serving returns a tenant and its objects as the operator has applied them, for a gateway that serves. Without an image, it is the default.
func serving(t *testing.T, image string) (*v1alpha1.GatewayTenant, *observetest.Cluster) {
	t.Helper()
	tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: observetest.Namespace, Name: v1alpha1.Name, UID: "1"}, Spec: v1alpha1.GatewayTenantSpec{Image: image}}
	tenant.Status.ServerDNSNames = []string{"openshell-gateway.tenant-a.svc", "openshell-gateway.tenant-a.svc.cluster.local"}
	cluster := observetest.New(t)
	for range 2 { // what is rendered depends on the claim
		p, _, err := testPreviewer(t).plan(tenant, withoutSecrets(cluster))
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range p.Steps {
			if step.Object.Kind != "Job" {
				cluster.Apply(step.Desired)
			}
		}
	}
	set := observe.Ref{Kind: "StatefulSet", Name: manifests.GatewayName}
	cluster.Set(set, int64(1), "metadata", "generation")
	cluster.Set(set, map[string]any{
		"observedGeneration": int64(1), "replicas": int64(1), "updatedReplicas": int64(1), "readyReplicas": int64(1), "currentRevision": "1", "updateRevision": "1",
	}, "status")
	return tenant, cluster
}

// withoutSecrets returns what a user reads that may not read Secrets, so that their state is that in the tenant's status.
func withoutSecrets(cluster *observetest.Cluster) observe.Snapshot {
	snapshot := cluster.Snapshot()
	snapshot.Secrets = nil
	return snapshot
}

func TestForecastOfATenantThatServes(t *testing.T) {
	none := func(*v1alpha1.GatewayTenant, *observetest.Cluster) {}
	for _, test := range []struct {
		name, image      string
		change           func(*v1alpha1.GatewayTenant, *observetest.Cluster)
		changes, restart []string
		renewals         []string
		blocked          string
	}{
		{name: "nothing changes", change: none},
		{name: "another image", change: func(tenant *v1alpha1.GatewayTenant, _ *observetest.Cluster) {
			tenant.Spec.Image = "ghcr.io/nvidia/openshell/gateway:0.0.110"
		}, changes: []string{
			"update StatefulSet openshell-gateway, metadata.annotations.openshell.ambient-code.io/asked-hash, spec.template.spec.containers[name=\"openshell-gateway\"].image",
		}, restart: []string{
			"the image changes from ghcr.io/nvidia/openshell/gateway:0.0.111 to ghcr.io/nvidia/openshell/gateway:0.0.110",
		}},
		{name: "no image any more, on a volume that the default cannot use", image: "ghcr.io/nvidia/openshell/gateway:0.0.71", change: func(tenant *v1alpha1.GatewayTenant, _ *observetest.Cluster) {
			tenant.Spec.Image = ""
		}, changes: []string{
			"update PersistentVolumeClaim openshell-data-openshell-gateway-0, metadata.annotations.openshell.ambient-code.io/highest-version",
			"update ConfigMap openshell-gateway-config, data.gateway.toml",
			"update StatefulSet openshell-gateway, metadata.annotations.openshell.ambient-code.io/asked-hash, spec.template.metadata.annotations.openshell.ambient-code.io/config-hash, spec.template.spec.containers[name=\"openshell-gateway\"].image",
		}, restart: []string{
			"gateway.toml changes: openshell.drivers.kubernetes.supervisor_image",
			"the image changes from ghcr.io/nvidia/openshell/gateway:0.0.71 to ghcr.io/nvidia/openshell/gateway:0.0.87",
		}},
		{name: "another config", change: func(tenant *v1alpha1.GatewayTenant, _ *observetest.Cluster) {
			tenant.Spec.Config = "[openshell.gateway]\nlog_level = \"debug\"\n"
		}, changes: []string{
			"update ConfigMap openshell-gateway-config, data.gateway.toml",
			"update StatefulSet openshell-gateway, metadata.annotations.openshell.ambient-code.io/asked-hash, spec.template.metadata.annotations.openshell.ambient-code.io/config-hash",
		}, restart: []string{"gateway.toml changes: openshell.gateway.log_level"}},
		{name: "a name is added", change: func(tenant *v1alpha1.GatewayTenant, _ *observetest.Cluster) {
			tenant.Spec.ServerDNSNames = []string{"a.example.com"}
		}, changes: []string{"create Job openshell-gateway-certgen"}, renewals: []string{"Secret openshell-server-tls lacks a.example.com"}},
		{name: "the token signing keys are rotated", change: func(tenant *v1alpha1.GatewayTenant, _ *observetest.Cluster) {
			tenant.Annotations = map[string]string{v1alpha1.AnnotationRotateTokens: "2026"}
		}, changes: []string{
			"create Job openshell-gateway-certgen", "update StatefulSet openshell-gateway, after the new token signing keys",
		}, restart: []string{"the token keys are made anew"}, renewals: []string{"Secret openshell-gateway-jwt-keys is to be rotated"}},
		{name: "a RoleBinding binds another role", change: func(_ *v1alpha1.GatewayTenant, cluster *observetest.Cluster) {
			cluster.Set(observe.Ref{Kind: "RoleBinding", Name: manifests.SandboxName}, "other", "roleRef", "name")
			cluster.Change(observe.Ref{Kind: "RoleBinding", Name: manifests.SandboxName}, func(object *unstructured.Unstructured) { object.SetAnnotations(nil) })
		}, changes: []string{"recreate RoleBinding openshell-gateway-sandbox, roleRef"}},
		{name: "an earlier control plane left a Role and a subject", change: func(_ *v1alpha1.GatewayTenant, cluster *observetest.Cluster) {
			cluster.Put(&rbacv1.Role{
				TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "Role"},
				ObjectMeta: metav1.ObjectMeta{Name: manifests.SandboxName, Labels: manifests.Labels()},
			})
			cluster.Put(&rbacv1.ClusterRoleBinding{
				TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRoleBinding"},
				ObjectMeta: metav1.ObjectMeta{Name: observe.SharedBinding.Name}, Subjects: []rbacv1.Subject{plan.SharedSubject(observetest.Namespace)},
			})
		}, changes: []string{"remove-subject ClusterRoleBinding openshell-gateway-node-reader", "delete Role openshell-gateway-sandbox"}},
		{name: "another client changed the Service", change: func(_ *v1alpha1.GatewayTenant, cluster *observetest.Cluster) {
			changed := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Service", "spec": map[string]any{"type": "NodePort"}}}
			changed.SetName(manifests.GatewayName)
			changed.SetNamespace(observetest.Namespace)
			cluster.ApplyAs("kubectl", changed)
		}, changes: []string{"update Service openshell-gateway, spec.type"}},
		{name: "another owner controls the Service", change: func(_ *v1alpha1.GatewayTenant, cluster *observetest.Cluster) {
			controller := true
			cluster.Change(observe.Ref{Kind: "Service", Name: manifests.GatewayName}, func(object *unstructured.Unstructured) {
				object.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "other", UID: "2", Controller: &controller}})
			})
		}, blocked: "Service tenant-a/openshell-gateway is there already and is controlled by ConfigMap other; delete that, or move it to another namespace"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tenant, cluster := serving(t, test.image)
			test.change(tenant, cluster)
			preview, err := testPreviewer(t).previewGateway(tenant, withoutSecrets(cluster))
			if err != nil {
				t.Fatal(err)
			}
			var changes []string
			for _, change := range preview.changes {
				changes = append(changes, changeText(change))
			}
			for what, diff := range map[string]string{
				"changes": cmp.Diff(test.changes, changes), "restart": cmp.Diff(test.restart, preview.restart),
				"renewals": cmp.Diff(test.renewals, preview.renewals), "blocked": cmp.Diff(test.blocked, preview.blocked),
			} {
				if diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
		})
	}
}

// changeText returns a change as one line.
func changeText(change Change) string {
	text := string(change.Action) + " " + change.Kind + " " + change.Name
	for _, field := range change.Fields {
		text += ", " + field
	}
	if change.After != "" {
		text += ", after " + change.After
	}
	return text
}

// TestPreviewSaysWhatDelaysCertificates expects a note about a rotation that waits, and about what prevents certgen from running.
func TestPreviewSaysWhatDelaysCertificates(t *testing.T) {
	missing := []certificates.Finding{{Secret: manifests.ServerTLSName, Need: certificates.Missing}}
	for _, test := range []struct {
		name string
		plan plan.Plan
		want []string
	}{
		{"nothing", plan.Plan{Certificates: certificates.Observed{Findings: missing}}, nil},
		{"a rotation waits", plan.Plan{Certificates: certificates.Observed{Delayed: "the rotation waits"}}, []string{"the rotation waits"}},
		{"certgen cannot run", plan.Plan{CertgenBlocked: "Job x is suspended", Certificates: certificates.Observed{Findings: missing}}, []string{"certgen cannot run: Job x is suspended"}},
		{"certgen could not run, and a warning says it", plan.Plan{CertgenBlocked: "Job x is suspended"}, nil},
	} {
		preview := gatewayPreview{Plan: &test.plan}
		if preview.addCertificateNotes(); !slices.Equal(preview.warnings, test.want) {
			t.Errorf("%s: %q, want %q", test.name, preview.warnings, test.want)
		}
	}
}

package plan

import (
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

func TestPlanOfABrokenGateway(t *testing.T) {
	const deletesPod = "delete Pod openshell-gateway-0, because it is not ready, so its StatefulSet does not replace it"
	run(t, newServingTenant, []planTest{
		{"its pod is outdated", func(f *fixture) { f.breakPod("0") }, []string{
			"delete Pod openshell-gateway-0, because it is not ready, so its StatefulSet does not replace it",
		}},
		{"its pod is outdated and ready", func(f *fixture) {
			f.breakPod("0")
			f.cluster.Set(podRef, []any{map[string]any{"type": "Ready", "status": "True"}}, "status", "conditions")
		}, nil},
		{"its pod is outdated and a Secret is missing", func(f *fixture) {
			f.breakPod("0")
			f.certificates.Complete = false
		}, nil},
		{"its pod is outdated and the token signing keys are rotated", func(f *fixture) {
			f.breakPod("0")
			f.certificates.Findings = []certificates.Finding{{Secret: manifests.TokenKeysName, Need: certificates.Due}}
		}, []string{
			"create Job openshell-gateway-certgen",
			"update StatefulSet openshell-gateway, waits for the new token signing keys, because the token keys are made anew",
			deletesPod,
		}},
		{"its pod is outdated and another client changed its StatefulSet", func(f *fixture) {
			f.breakPod("0")
			f.change = func(o *observe.Observed) { o.StatefulSet.SetManagedFields(nil) }
		}, []string{updatesStatefulSet, deletesPod}},
		{"its pod is outdated and the Sandbox API is missing", func(f *fixture) {
			f.useSandboxAPI()
			f.execute()
			f.breakPod("0")
			f.change = func(o *observe.Observed) { o.SandboxAPIs = []string{} }
		}, []string{"update StatefulSet openshell-gateway, blocked: the Sandbox API agents.x-k8s.io/v1alpha1 or v1beta1, which gateway 0.0.111 needs, is not installed: no sandbox can be made; install agent-sandbox 0.4 or 0.5"}},
		{"its pod is up to date", func(f *fixture) { f.breakPod("1") }, nil},
		{"its pod is up to date and the image changes", func(f *fixture) {
			f.breakPod("1")
			f.tenant.Spec.Image = otherImage
		}, []string{
			"update PersistentVolumeClaim openshell-data-openshell-gateway-0",
			"update ConfigMap openshell-gateway-config",
			"update StatefulSet openshell-gateway",
			"delete Pod openshell-gateway-0, waits for the update of its StatefulSet, because it is not ready, so its StatefulSet does not replace it",
		}},
		{"its pod is being deleted and the image changes", func(f *fixture) {
			f.breakPod("1")
			f.tenant.Spec.Image = otherImage
			f.cluster.Set(podRef, "2026-06-01T11:59:00Z", "metadata", "deletionTimestamp")
		}, []string{
			"update PersistentVolumeClaim openshell-data-openshell-gateway-0",
			"update ConfigMap openshell-gateway-config",
			"update StatefulSet openshell-gateway",
		}},
		{"its pod is up to date and its StatefulSet is blocked", func(f *fixture) {
			f.breakPod("1")
			f.useSandboxAPI()
			f.change = func(o *observe.Observed) { o.SandboxAPIs = []string{} }
		}, []string{
			"update PersistentVolumeClaim openshell-data-openshell-gateway-0",
			"update ConfigMap openshell-gateway-config, waits for the update of its StatefulSet",
			"update StatefulSet openshell-gateway, blocked: the Sandbox API agents.x-k8s.io/v1alpha1 or v1beta1, which gateway 0.0.111 needs, is not installed: no sandbox can be made; install agent-sandbox 0.4 or 0.5",
		}},
	})
}

package plan

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestAnotherDefaultImageNeedsASlotAndCrossesNoStep: an operator whose default lies beyond a step upgrades the gateway to the last
// release before the step.
func TestAnotherDefaultImageNeedsASlotAndCrossesNoStep(t *testing.T) {
	withDefault := func(image string) manifests.Platform {
		t.Helper()
		platform, err := manifests.NewPlatform(image, "certgen:1", []string{"ghcr.io/nvidia/"})
		if err != nil {
			t.Fatal(err)
		}
		return platform
	}
	earlier := withDefault(runningImage)
	f := newTenant(t)
	f.platform, f.tenant.Spec.Image = earlier, ""
	f.certificates.Complete, f.certificates.Findings, f.certificates.TokenKeyID = true, nil, "key-1"
	f.execute()
	f.serve("1")

	f.platform = withDefault("ghcr.io/nvidia/openshell/gateway:0.0.111")
	if p := f.plan(); p.Rejected != nil || p.Slot != SlotNeeded || !p.Held || p.Tenant.Version.String() != "0.0.87" {
		t.Errorf("rejected: %v, slot: %d, held: %t, version %s; want 0.0.87 to wait for a slot", p.Rejected, p.Slot, p.Held, p.Tenant.Version)
	}
	f.slotGranted = true
	f.execute()
	f.execute()
	f.serve("2")
	for name, platform := range map[string]manifests.Platform{"the same operator": f.platform, "the earlier operator": earlier} {
		f.platform = platform
		if p := f.plan(); p.Rejected != nil || (len(p.Steps) > 0) != (name == "the earlier operator") {
			t.Errorf("%s: rejected: %v, steps: %q", name, p.Rejected, f.steps())
		}
	}
	f.cluster.Change(claim, func(object *unstructured.Unstructured) {
		if highest := object.GetAnnotations()["openshell.ambient-code.io/highest-version"]; highest != "0.0.87" {
			t.Errorf("the claim records %s", highest)
		}
	})
}

package plan

import (
	"maps"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// ownsHash are the managedFields of an object whose hash the operator wrote.
func ownsHash() []metav1.ManagedFieldsEntry {
	return []metav1.ManagedFieldsEntry{{
		Manager: manifests.Manager, Operation: metav1.ManagedFieldsOperationApply, FieldsType: "FieldsV1",
		FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{"f:` + apply.AnnotationHash + `":{}}}}`),
	}}
}

// TestDecideRollout uses a gateway that an update of the platform restarted. It occupies a slot until it serves, and no longer if it
// breaks after that and another update follows.
func TestDecideRollout(t *testing.T) {
	broken := func(s *appsv1.StatefulSetStatus) { s.ReadyReplicas = 0 }
	starting := func(s *appsv1.StatefulSetStatus) { s.UpdateRevision, s.ReadyReplicas = "new", 0 }
	unchanged := func(*appsv1.StatefulSetStatus) {}
	type decision struct {
		turn manifests.Rollout
		slot SlotUse
	}
	held, granted, lapsed := manifests.Rollout{Held: true}, manifests.Rollout{Granted: true}, manifests.Rollout{Lapsed: true}
	for _, test := range []struct {
		name       string
		change     func(*appsv1.StatefulSetStatus)
		nextUpdate bool
		want       decision
		// withoutSecrets and withoutSlot are the decisions while a Secret is missing, and before a slot is granted.
		withoutSecrets, withoutSlot decision
	}{
		{"it starts", starting, false, decision{slot: SlotInUse}, decision{slot: SlotInUse}, decision{slot: SlotInUse}},
		{"its change was not observed", func(s *appsv1.StatefulSetStatus) { s.ObservedGeneration = 0 }, false, decision{slot: SlotInUse}, decision{slot: SlotInUse}, decision{slot: SlotInUse}},
		{"it is broken", broken, false, decision{slot: SlotInUse}, decision{slot: SlotInUse}, decision{slot: SlotInUse}},
		{"it serves", unchanged, false, decision{}, decision{}, decision{}},
		{"it starts and another update follows", starting, true, decision{slot: SlotInUse}, decision{slot: SlotInUse}, decision{slot: SlotInUse}},
		{"it is broken and another update follows", broken, true, decision{lapsed, SlotIrrelevant}, decision{lapsed, SlotIrrelevant}, decision{lapsed, SlotIrrelevant}},
		{"it serves and another update follows", unchanged, true, decision{granted, SlotNeeded}, decision{held, SlotUnused}, decision{held, SlotNeeded}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newTenant(t)
			tenant, err := manifests.NewTenant(f.tenant, f.platform)
			if err != nil {
				t.Fatal(err)
			}
			objects, err := manifests.Render(tenant, manifests.RenderInput{NamespaceUID: "2", TokenKey: "3"})
			if err != nil {
				t.Fatal(err)
			}
			hash, err := apply.Hash(objects.Gateway)
			if err != nil {
				t.Fatal(err)
			}
			set := &appsv1.StatefulSet{
				ObjectMeta: metav1.ObjectMeta{Namespace: "a", Generation: 1, ManagedFields: ownsHash(), Annotations: map[string]string{
					apply.AnnotationHash: hash, "openshell.ambient-code.io/rollout": "platform",
				}},
				Status: appsv1.StatefulSetStatus{
					ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, CurrentRevision: "r", UpdateRevision: "r",
				},
			}
			if test.nextUpdate {
				set.Annotations[apply.AnnotationHash] = "another"
				maps.Copy(set.Annotations, objects.Gateway.GetAnnotations())
			}
			test.change(&set.Status)
			check := func(name string, complete, suspended, slotGranted bool, want decision) {
				t.Run(name, func(t *testing.T) {
					p := &Plan{Objects: objects, Certificates: certificates.Observed{Complete: complete}}
					gt := &v1alpha1.GatewayTenant{Spec: v1alpha1.GatewayTenantSpec{Suspend: suspended}}
					got := decision{turn: p.decideRollout(Input{GatewayTenant: gt, Observed: &observe.Observed{StatefulSet: set}, SlotGranted: slotGranted})}
					if got.slot = p.Slot; got != want || p.Held != want.turn.Held {
						t.Errorf("got %+v, held %t, want %+v", got, p.Held, want)
					}
				})
			}
			check("with a slot", true, false, true, test.want)
			check("without a slot", true, false, false, test.withoutSlot)
			check("without its Secrets", false, false, true, test.withoutSecrets)
			check("suspended", true, true, true, decision{slot: SlotIrrelevant})
		})
	}
}

func TestSlotOfARejectedTenant(t *testing.T) {
	f := newServingTenant(t)
	f.tenant.Spec.Image = "docker.io/evil/x:1"
	if slot := f.plan().Slot; slot != SlotIrrelevant {
		t.Errorf("the slot use is %d, want %d", slot, SlotIrrelevant)
	}
}

// TestInterruptedAdoptionIsARolloutOfThePlatform: the operator has taken over the fields of the other managers and applied nothing yet.
func TestInterruptedAdoptionIsARolloutOfThePlatform(t *testing.T) {
	live := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{{
		Manager: manifests.Manager, Operation: metav1.ManagedFieldsOperationApply, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:replicas":{}}}`),
	}}}}
	rendered := &unstructured.Unstructured{Object: map[string]any{"kind": "StatefulSet"}}
	if !restartsByPlatform(rendered, live) {
		t.Error("the restart does not wait for a rollout slot")
	}
}

func TestPlanOfAnUpdateOfThePlatform(t *testing.T) {
	updatePlatform := func(f *fixture) {
		platform, err := f.platform.WithSettings(manifests.Settings{Telemetry: string(v1alpha1.TelemetryDisabled)})
		if err != nil {
			f.t.Fatal(err)
		}
		f.platform = platform
	}
	run(t, newServingTenant, []planTest{
		{"without a slot", updatePlatform, []string{updatesStatefulSet + ", waits for a rollout slot"}},
		{"with a slot", func(f *fixture) {
			updatePlatform(f)
			f.slotGranted = true
		}, []string{updatesStatefulSet}},
		{"without a slot, for a gateway that does not serve", func(f *fixture) {
			updatePlatform(f)
			f.breakPod("1")
		}, []string{updatesStatefulSet, "delete Pod openshell-gateway-0, waits for the update of its StatefulSet, because it is not ready, so its StatefulSet does not replace it"}},
		{"without a slot, while a Secret is missing", func(f *fixture) {
			updatePlatform(f)
			f.certificates = certificates.Observed{TokenKeyID: "key-1", Findings: []certificates.Finding{{Secret: manifests.ServerTLSName, Need: certificates.Missing}}}
		}, []string{"create Job openshell-gateway-certgen", updatesStatefulSet + ", waits for its Secrets"}},
	})
}

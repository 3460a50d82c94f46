package plan

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// rivalWrites returns ways in which another client writes an object: what it does to the marks of the operator.
func rivalWrites() map[string]func(object *unstructured.Unstructured) {
	return map[string]func(object *unstructured.Unstructured){
		"and forges all marks": func(*unstructured.Unstructured) {},
		"and drops the annotations": func(object *unstructured.Unstructured) {
			object.SetAnnotations(nil)
		},
		"and empties managedFields": func(object *unstructured.Unstructured) {
			object.SetManagedFields(nil)
		},
		"and replaces all marks": func(object *unstructured.Unstructured) {
			object.SetAnnotations(map[string]string{"rival": "1"})
			object.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "rival", Operation: metav1.ManagedFieldsOperationUpdate, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:replicas":{}}}`)}})
		},
	}
}

func container(object *unstructured.Unstructured) map[string]any {
	containers, _, _ := unstructured.NestedFieldNoCopy(object.Object, "spec", "template", "spec", "containers")
	return containers.([]any)[0].(map[string]any)
}

// TestRepairsThatRestartTheGatewayPause: another client changes objects of a tenant whose gateway the operator has restarted three
// times to revert such changes.
func TestRepairsThatRestartTheGatewayPause(t *testing.T) {
	changeImage := func(object *unstructured.Unstructured) { container(object)["image"] = "rival:1" }
	addCapability := func(object *unstructured.Unstructured) {
		container(object)["securityContext"].(map[string]any)["capabilities"].(map[string]any)["add"] = []any{"NET_ADMIN"}
	}
	openPolicy := func(object *unstructured.Unstructured) {
		object.Object["spec"].(map[string]any)["ingress"] = []any{map[string]any{}}
	}
	recent := []time.Time{now.Add(-9 * time.Minute), now.Add(-2 * time.Minute), now.Add(-time.Minute)}
	first := now.Add(time.Minute + time.Second)
	for _, test := range []struct {
		name     string
		object   observe.Ref
		rival    func(*unstructured.Unstructured)
		tenant   func(*fixture)
		restarts []time.Time
		until    time.Time
	}{
		{"the image", statefulSet, changeImage, nil, recent, first},
		{"the image, after two restarts", statefulSet, changeImage, nil, recent[1:], time.Time{}},
		{"the image, after a while", statefulSet, changeImage, nil, append([]time.Time{now.Add(-10 * time.Minute)}, recent[1:]...), time.Time{}},
		{"the image, and the tenant requests another", statefulSet, changeImage, func(f *fixture) { f.tenant.Spec.Image = "ghcr.io/nvidia/openshell/gateway:0.0.72" }, recent, time.Time{}},
		{"the image, and no pod runs", statefulSet, func(object *unstructured.Unstructured) {
			changeImage(object)
			object.Object["spec"].(map[string]any)["replicas"] = int64(0)
		}, nil, recent, time.Time{}},
		{"the security context", statefulSet, addCapability, nil, recent, time.Time{}},
		{"a NetworkPolicy", observe.Ref{Kind: "NetworkPolicy", Name: manifests.SandboxSSHName}, openPolicy, nil, recent, time.Time{}},
	} {
		for how, mark := range rivalWrites() {
			t.Run(test.name+" "+how, func(t *testing.T) {
				f := newServingTenant(t)
				f.history = History{Gateway: FingerprintOf(f.desired(statefulSet)), Restarts: test.restarts}
				f.cluster.Change(test.object, func(object *unstructured.Unstructured) {
					test.rival(object)
					mark(object)
				})
				if test.tenant != nil {
					test.tenant(f)
				}
				p := f.plan()
				if !p.RepairAt.Equal(test.until) || !test.until.IsZero() && !p.Again.Equal(test.until) {
					t.Errorf("it pauses until %s, and the next plan is at %s, want %s", p.RepairAt, p.Again, test.until)
				}
				for _, step := range p.Steps {
					if step.Object == test.object && (step.Waits != "") != !test.until.IsZero() {
						t.Errorf("the step is %q", line(step))
					}
				}
				if len(p.Steps) != 1 && test.tenant == nil {
					t.Errorf("the steps are %q, want one", strings.Join(f.steps(), "; "))
				}
			})
		}
	}
}

// TestARepairNeedsNoRolloutSlot, whatever another client has written into the annotations that tell what was rendered.
func TestARepairNeedsNoRolloutSlot(t *testing.T) {
	for how, mark := range rivalWrites() {
		t.Run(how, func(t *testing.T) {
			f := newServingTenant(t)
			f.history = History{Gateway: FingerprintOf(f.desired(statefulSet))}
			f.cluster.Change(statefulSet, func(object *unstructured.Unstructured) {
				container(object)["image"] = "rival:1"
				mark(object)
			})
			p := f.plan()
			if len(p.Steps) != 1 || !p.Steps[0].IsExecutable() || p.Slot == SlotNeeded || p.Held {
				t.Errorf("the slot use is %d, and the steps are %q", p.Slot, strings.Join(f.steps(), "; "))
			}
		})
	}
}

// TestForgedRolloutUsesNoSlot marks a StatefulSet as changed by the platform. The operator granted no slot, and the gateway never
// serves.
func TestForgedRolloutUsesNoSlot(t *testing.T) {
	for _, granted := range []bool{true, false} {
		f := newServingTenant(t)
		f.cluster.Set(statefulSet, int64(0), "status", "readyReplicas")
		f.cluster.Change(statefulSet, func(object *unstructured.Unstructured) {
			annotations := object.GetAnnotations()
			annotations["openshell.ambient-code.io/rollout"] = "platform"
			object.SetAnnotations(annotations)
		})
		in := f.input()
		in.NoRollout, in.History.Gateway = !granted, 1
		if p := Make(in); (p.Slot == SlotInUse) != granted {
			t.Errorf("granted %t: the slot use is %d", granted, p.Slot)
		}
	}
}

// TestPausedRepairRepairsTheConfig: the pod of another client's image must not read another client's gateway.toml.
func TestPausedRepairRepairsTheConfig(t *testing.T) {
	f := newServingTenant(t)
	f.history = History{Gateway: FingerprintOf(f.desired(statefulSet)), Restarts: []time.Time{now, now, now}}
	f.cluster.Change(statefulSet, func(object *unstructured.Unstructured) { container(object)["image"] = "rival:1" })
	f.cluster.Set(configMap, "rival = 1", "data", manifests.ConfigKey)
	p := f.plan()
	if p.RepairAt.IsZero() || len(p.Steps) != 2 {
		t.Errorf("it pauses until %s, and the steps are %q", p.RepairAt, strings.Join(f.steps(), "; "))
	}
	for _, step := range p.Steps {
		if step.IsExecutable() != (step.Object == configMap) {
			t.Errorf("the step is %q", line(step))
		}
	}
}

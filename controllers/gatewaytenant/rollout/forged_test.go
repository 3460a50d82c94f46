package rollout

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// forged returns a StatefulSet on which another client has written all that the operator writes, and which does not serve.
func forged(namespace string) *appsv1.StatefulSet {
	set := gateway(namespace, false)
	set.Generation = 7
	set.Labels = map[string]string{"app.kubernetes.io/managed-by": "gatewaytenant-operator", "app.kubernetes.io/name": "openshell"}
	set.Annotations["openshell.ambient-code.io/asked-hash"], set.Annotations["openshell.ambient-code.io/applied-hash"] = "1", "1"
	set.ManagedFields = []metav1.ManagedFieldsEntry{{
		Manager: "gatewaytenant-operator", Operation: metav1.ManagedFieldsOperationApply, FieldsType: "FieldsV1",
		FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{"f:openshell.ambient-code.io/rollout":{},"f:openshell.ambient-code.io/applied-hash":{}}}}`),
	}}
	return set
}

// TestForgedStatefulSetOccupiesNoSlot also keeps others from freeing a slot: they remove the annotation while a gateway rolls.
func TestForgedStatefulSetOccupiesNoSlot(t *testing.T) {
	s, gateways := started(t)
	gateways.Add(gateway("c", true))
	gateways.Add(gateway("d", true))
	s.mustRequest(t, "a", true) // the process leads
	for _, namespace := range []string{"c", "d", "e", "f"} {
		gateways.Update(gateway(namespace, true), forged(namespace))
		s.Keep(namespace)
		if s.Rolls(namespace) {
			t.Errorf("%s rolls", namespace)
		}
	}
	s.mustRequest(t, "b", true)
	if holders := s.Holders(); !slices.Equal(holders, []string{"a", "b"}) {
		t.Errorf("the holders are %v", holders)
	}
	gateways.Add(gateway("a", false))
	unmarked := gateway("a", false)
	unmarked.Annotations = nil
	gateways.Update(gateway("a", false), unmarked)
	s.mustRequest(t, "c", false)
	gateways.Update(unmarked, gateway("a", true))
	s.mustWake(t, "c")
	if holders := s.Holders(); !slices.Equal(holders, []string{"b", "c"}) {
		t.Errorf("the holders are %v", holders)
	}
}

// TestLateUseOfAGrant expects that a gateway which rolls after its grant has expired occupies a slot.
func TestLateUseOfAGrant(t *testing.T) {
	s, gateways := started(t)
	s.mustRequest(t, "a", true)
	s.granted["a"] = s.granted["a"].Add(-2 * grantTimeout)
	s.expire()
	if holders := s.Holders(); len(holders) > 0 {
		t.Errorf("the holders are %v", holders)
	}
	gateways.Add(gateway("a", false))
	if holders := s.Holders(); !slices.Equal(holders, []string{"a"}) {
		t.Errorf("the holders are %v", holders)
	}
}

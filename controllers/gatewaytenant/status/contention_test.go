package status

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// TestWarningSaysWhoInterferesAndWhatToDo expects complete sentences, also if the API server does not name the client.
func TestWarningSaysWhoInterferesAndWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name string
		is   Contention
		want []string
	}{
		{"a manager", Contention{Manager: "kubectl-replace", Objects: []string{"Service openshell-gateway (spec.type)"}}, []string{"kubectl-replace changes Service openshell-gateway (spec.type)", "stop that client"}},
		{"an unknown client", Contention{Objects: []string{"Service openshell-gateway"}, More: 2}, []string{"a client that the API server does not name changes Service openshell-gateway and 2 more objects"}},
		{"a deletion", Contention{How: Deletes, Objects: []string{"Service openshell-gateway"}}, []string{"deletes Service openshell-gateway", "audit log"}},
		{"a webhook", Contention{How: Overrides, Objects: []string{"ConfigMap a (data.x)"}}, []string{"admission webhook changes ConfigMap a (data.x)", "kubectl get mutatingwebhookconfigurations"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := serving(t)
			in.Contentions = []Contention{c.is}
			is := compute(in, v1alpha1.ConditionWarning)
			if is == nil || is.Reason != v1alpha1.ReasonChangedByOthers {
				t.Fatalf("Warning is %+v", is)
			}
			for _, want := range c.want {
				if !strings.Contains(is.Message, want) {
					t.Errorf("the message %q does not contain %q", is.Message, want)
				}
			}
			in.GatewayTenant.Spec.Suspend = true
			if is = compute(in, v1alpha1.ConditionWarning); is != nil && is.Reason == v1alpha1.ReasonChangedByOthers {
				t.Errorf("a suspended tenant is not repaired, and the warning is %q", is.Message)
			}
		})
	}
}

// TestGatewayWhoseRepairWaitsIsReported expects that Available and Ready speak of the pod that serves, although the StatefulSet is not
// as rendered.
func TestGatewayWhoseRepairWaitsIsReported(t *testing.T) {
	in := serving(t)
	in.Plan.RepairAt = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	in.Observed.StatefulSet.Annotations = nil
	for _, condition := range []string{v1alpha1.ConditionAvailable, v1alpha1.ConditionReady} {
		if is := compute(in, condition); is == nil || is.Status != metav1.ConditionTrue {
			t.Errorf("%s is %+v", condition, is)
		}
	}
	if is := compute(in, v1alpha1.ConditionWarning); is == nil || is.Reason != v1alpha1.ReasonChangedByOthers || !strings.Contains(is.Message, "2026-06-01T12:00:00Z") {
		t.Errorf("Warning is %+v, want the time of the repair", is)
	}
}

// TestTenantThatWaitsForASlotNamesTheHolders expects a few of them.
func TestTenantThatWaitsForASlotNamesTheHolders(t *testing.T) {
	in := serving(t)
	in.Plan.Held = true
	in.SlotHolders = []string{"a", "b", "c", "d", "e"}
	if is := compute(in, v1alpha1.ConditionWarning); is == nil || !strings.Contains(is.Message, "held by the tenants in a, b, c and 2 more") {
		t.Errorf("Warning is %+v", is)
	}
	in.SlotHolders = nil
	if is := compute(in, v1alpha1.ConditionWarning); is == nil || strings.Contains(is.Message, "held by") {
		t.Errorf("Warning is %+v", is)
	}
}

// TestManyContentionsFitIntoTheStatus expects a message that is far below the limit of the API server.
func TestManyContentionsFitIntoTheStatus(t *testing.T) {
	in := serving(t)
	for range 1000 {
		in.Contentions = append(in.Contentions, Contention{Manager: strings.Repeat("x", 128), Objects: []string{"Service openshell-gateway"}})
	}
	if is := compute(in, v1alpha1.ConditionWarning); is == nil || len(is.Message) > 4<<10 || !strings.Contains(is.Message, "997 more clients") {
		t.Errorf("Warning is %+v", is)
	}
}

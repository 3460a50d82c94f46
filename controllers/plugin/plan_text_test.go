package plugin

import (
	"slices"
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
)

func TestObjectsOfATenantNameTheirActions(t *testing.T) {
	outcome := Outcome{Action: Changed, Objects: []Change{
		{Kind: "StatefulSet", Name: "a", Action: plan.Update}, {Kind: "Job", Name: "b", Action: plan.Create}, {Kind: "Role", Name: "c", Action: plan.Delete},
		{Kind: "RoleBinding", Name: "d", Action: plan.Recreate}, {Kind: "ClusterRoleBinding", Name: "e", Action: plan.RemoveSubject},
	}}
	want := []string{"StatefulSet a, Job b (runs), Role c (removed), RoleBinding d (removed and made anew), ClusterRoleBinding e (without this gateway)"}
	if got := outcome.objects(); !slices.Equal(got, want) {
		t.Errorf("the objects are %q, want %q", got, want)
	}
}

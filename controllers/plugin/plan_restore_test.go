package plugin

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
)

// TestPlanDuringARestore expects that nothing changes, and a note that says why.
func TestPlanDuringARestore(t *testing.T) {
	snapshot := observe.Snapshot{}
	snapshot.Namespace.Annotations = map[string]string{v1alpha1.AnnotationRestore: v1alpha1.RestoreInProgress}
	tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: v1alpha1.Name}}
	preview, err := testPreviewer(t).previewGateway(tenant, snapshot)
	if err != nil {
		t.Fatal(err)
	}
	outcome := Outcome{Action: Made}
	outcome.addGateway(preview, false)
	if len(outcome.Objects)+len(outcome.Certificates)+len(outcome.Restart) > 0 {
		t.Errorf("the plan changes %+v", outcome)
	}
	if !slices.ContainsFunc(outcome.Notes, func(note string) bool { return strings.Contains(note, "being restored") }) {
		t.Errorf("the notes are %q", outcome.Notes)
	}
}

package status

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestAvailableDescribesThePodThatRuns while the StatefulSet is not changed: nothing starts then.
func TestAvailableDescribesThePodThatRuns(t *testing.T) {
	undone := []observe.Ref{{Kind: "NetworkPolicy", Name: manifests.SandboxSSHName}, {Kind: "StatefulSet", Name: manifests.GatewayName}}
	refused := errors.New("applying NetworkPolicy a/b: denied")
	for _, test := range []struct {
		name   string
		change func(in *Input)
		reason string
		says   string
	}{
		{"an object that it needs is refused", func(in *Input) { in.Err, in.Undone = refused, undone }, v1alpha1.ReasonAvailable, "is ready"},
		{"its update waits", func(in *Input) { in.Undone = undone }, v1alpha1.ReasonAvailable, "is ready"},
		{"another object is refused", func(in *Input) { in.Err, in.Undone = refused, undone[:1] }, v1alpha1.ReasonRollingOut, "is being started"},
		{"its pod is not ready", func(in *Input) {
			in.Err, in.Undone = refused, undone
			in.Observed.StatefulSet.Status.ReadyReplicas = 0
			in.Observed.Pod = &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodRunning}}
			in.Observed.Pod.Labels = map[string]string{"controller-revision-hash": "r"}
			in.GatewayTenant.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionAvailable, Status: metav1.ConditionTrue}}
		}, v1alpha1.ReasonPodNotReady, "no longer"},
		{"there is none yet", func(in *Input) {
			in.Observed.StatefulSet, in.Err, in.Undone = nil, refused, undone
		}, v1alpha1.ReasonApplyFailed, "nothing runs"},
		{"there is none yet, and another owner has an object", func(in *Input) {
			in.Observed.StatefulSet, in.Err, in.Undone = nil, &plan.ConflictError{Object: "Service a/b", Why: "is controlled by X y"}, undone
		}, v1alpha1.ReasonConflict, "nothing runs"},
		{"its adoption is refused", func(in *Input) {
			in.Plan.AdoptionRefused, in.Err = true, &plan.ConflictError{Object: "Service a/b", Why: "is controlled by X y"}
		}, v1alpha1.ReasonAvailable, "is ready"},
		{"there is none yet, and nothing is created", func(in *Input) {
			found(certificates.Missing, "is missing", "")(in)
			in.Observed.StatefulSet, in.Plan.AdoptionRefused, in.Err = nil, true, &plan.ConflictError{Object: "Service a/b", Why: "is controlled by X y"}
		}, v1alpha1.ReasonConflict, "creates nothing"},
		{"there is none yet, and it waits for its Secrets", func(in *Input) {
			found(certificates.Missing, "is missing", "")(in)
			in.Observed.StatefulSet, in.Err, in.Undone = nil, refused, undone
		}, v1alpha1.ReasonWaitingForCertificates, "Secrets"},
		{"there is none yet, and it was created", func(in *Input) { in.Observed.StatefulSet = nil }, v1alpha1.ReasonRollingOut, "is being started"},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := serving(t)
			in.Observed.StatefulSet.Annotations = nil // not as rendered
			test.change(&in)
			is := compute(in, v1alpha1.ConditionAvailable)
			if is.Reason != test.reason || !strings.Contains(is.Message, test.says) {
				t.Errorf("Available is %+v, want reason %s and a message with %q", is, test.reason, test.says)
			}
		})
	}
}

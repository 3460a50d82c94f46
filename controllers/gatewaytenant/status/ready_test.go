package status

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// readyCase is a state of a tenant and what its status must report.
type readyCase struct {
	name            string
	change          func(in *Input)
	reason, message string // of the condition Ready
	progress        string // which of Reconciling and Stalled is set
}

// certificateCases are states of the certificates of a tenant whose gateway serves.
var certificateCases = []readyCase{
	{"Secrets are missing", found(certificates.Missing, "is missing", ""), v1alpha1.ReasonIssuing, "missing", v1alpha1.ConditionReconciling},
	{"a name is added", found(certificates.Invalid, "lacks x", ""), v1alpha1.ReasonIssuing, "lacks x", v1alpha1.ConditionReconciling},
	{"a renewal is due", found(certificates.Due, "is due", ""), v1alpha1.ReasonReady, "serves", ""},
	{"a Secret has no owner", found(certificates.Unowned, "has no owner", ""), v1alpha1.ReasonReady, "serves", ""},
	{"certgen must not change a Secret", found(certificates.Invalid, "lacks x", "is immutable"), v1alpha1.ReasonSecretBlocked, "is immutable", v1alpha1.ConditionStalled},
	{"certgen fails at a renewal", func(in *Input) {
		found(certificates.Due, "is due", "")(in)
		in.Observed.JobProblem = "its pod failed"
		in.Observed.Job = &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Annotations: in.Plan.Objects.Certgen.GetAnnotations()}}
	}, v1alpha1.ReasonReady, "serves", ""},
	{"certgen failed at another request", func(in *Input) {
		found(certificates.Invalid, "lacks x", "")(in)
		in.Observed.Job, in.Observed.JobProblem = &batchv1.Job{}, "its pod failed"
	}, v1alpha1.ReasonIssuing, "lacks x", v1alpha1.ConditionReconciling},
	{"certgen failed and is retried", func(in *Input) {
		found(certificates.Invalid, "lacks x", "")(in)
		in.GatewayTenant.Status.Conditions = []metav1.Condition{{
			Type: v1alpha1.ConditionCertificatesReady, Status: metav1.ConditionFalse, ObservedGeneration: in.GatewayTenant.Generation,
			Reason: v1alpha1.ReasonIssueFailed, Message: tried + "its pod failed before",
		}}
	}, v1alpha1.ReasonIssueFailed, "its pod failed before", v1alpha1.ConditionReconciling},
}

// found returns a change that finds a Secret in a state.
func found(need certificates.Need, message, blocked string) func(*Input) {
	return func(in *Input) {
		in.Plan.Certificates = certificates.Observed{
			Complete: need != certificates.Missing, Findings: []certificates.Finding{{Secret: "s", Need: need, Message: message, Blocked: blocked}},
		}
	}
}

// planCases are results of a reconcile.
var planCases = []readyCase{
	{"the gateway serves", func(*Input) {}, v1alpha1.ReasonReady, "serves", ""},
	{"the spec is rejected", func(in *Input) {
		in.Plan.Rejected = &manifests.RejectedError{Reason: v1alpha1.ReasonInvalidImage, Message: "spec.image is bad"}
	}, v1alpha1.ReasonInvalidImage, "spec.image is bad", v1alpha1.ConditionStalled},
	{"the objects cannot be read", func(in *Input) {
		in.Observed, in.Plan, in.Err = nil, &plan.Plan{Tenant: in.Plan.Tenant}, errors.New("no cache")
	}, v1alpha1.ReasonApplyFailed, "no cache", v1alpha1.ConditionReconciling},
	{"the API server rejects an object", func(in *Input) { in.Err = errors.New("quota exceeded") }, v1alpha1.ReasonApplyFailed, "quota", v1alpha1.ConditionReconciling},
	{"the API server rejects several objects", func(in *Input) {
		in.Err = errors.Join(
			fmt.Errorf("applying NetworkPolicy a/b: denied %s", strings.Repeat("x", 700)),
			&diagnose.RefusedError{Err: errors.New("applying Service a/b: denied " + strings.Repeat("y", 700)), Remedy: "ask the network team"},
			errors.New("applying ConfigMap a/b: denied"),
		)
	}, v1alpha1.ReasonApplyFailed, "ask the network team\napplying ConfigMap a/b: denied", v1alpha1.ConditionReconciling},
	{"another owner manages an object", func(in *Input) {
		in.Err = errors.Join(errors.New("another"), &plan.ConflictError{Object: "Service a/b", Why: "is controlled by X y"})
	}, v1alpha1.ReasonConflict, "Service a/b", v1alpha1.ConditionStalled},
	{"an object of a deleted tenant exists", func(in *Input) { in.Err = &plan.BeingRemovedError{Object: "Service a/b"} }, v1alpha1.ReasonWaitingForRemoval, "removed", v1alpha1.ConditionReconciling},
	{"suspended", func(in *Input) { in.GatewayTenant.Spec.Suspend = true }, v1alpha1.ReasonSuspended, "spec.suspend", ""},
	{"suspended since its creation", func(in *Input) {
		found(certificates.Missing, "is missing", "")(in)
		in.GatewayTenant.Spec.Suspend, in.Observed.StatefulSet = true, nil
	}, v1alpha1.ReasonSuspended, "spec.suspend", ""},
	{"a backup is being restored", restoring, v1alpha1.ReasonRestoring, "kubectl annotate namespace tenant-a openshell.ambient-code.io/restore-", ""},
	{"a backup is being restored, and nothing was observed of its Secrets and StatefulSet", func(in *Input) {
		restoring(in)
		found(certificates.Missing, "is missing", "is written by cert-manager")(in)
		in.Observed.StatefulSet = nil
	}, v1alpha1.ReasonRestoring, "is being restored", ""},
	{"a backup with a spec that is rejected is being restored", func(in *Input) {
		restoring(in)
		in.Plan.Rejected = &manifests.RejectedError{Reason: v1alpha1.ReasonInvalidImage, Message: "spec.image is bad"}
	}, v1alpha1.ReasonRestoring, "is being restored", ""},
	{"a backup of a suspended tenant is being restored", func(in *Input) {
		restoring(in)
		in.GatewayTenant.Spec.Suspend = true
	}, v1alpha1.ReasonRestoring, "is being restored", ""},
	{"an update waits for a rollout slot", func(in *Input) { in.Plan.Held, in.Observed.StatefulSet.Annotations = true, nil }, v1alpha1.ReasonReady, "serves", ""},
	{"the Sandbox API is missing", func(in *Input) { in.Err = &plan.MissingAPIError{Missing: "install it"} }, v1alpha1.ReasonSandboxAPIMissing, "install it", v1alpha1.ConditionStalled},
}

// workloadCases are states of the StatefulSet and its pod.
var workloadCases = []readyCase{
	{"no StatefulSet exists", func(in *Input) { in.Observed.StatefulSet = nil }, v1alpha1.ReasonRollingOut, "started", v1alpha1.ConditionReconciling},
	{"the StatefulSet is not as rendered", func(in *Input) { in.Observed.StatefulSet.Annotations = nil }, v1alpha1.ReasonRollingOut, "started", v1alpha1.ConditionReconciling},
	{"the StatefulSet's controller has not observed it", func(in *Input) { in.Observed.StatefulSet.Generation = 2 }, v1alpha1.ReasonRollingOut, "started", v1alpha1.ConditionReconciling},
	{"the pod is of an earlier revision", func(in *Input) { in.Observed.StatefulSet.Status.UpdateRevision = "new" }, v1alpha1.ReasonRollingOut, "started", v1alpha1.ConditionReconciling},
	{"the pod was never ready", func(in *Input) { in.Observed.StatefulSet.Status.ReadyReplicas = 0 }, v1alpha1.ReasonRollingOut, "started", v1alpha1.ConditionReconciling},
	{podNoLongerReady, func(in *Input) {
		in.Observed.StatefulSet.Status.ReadyReplicas = 0
		in.Observed.Pod = &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodRunning}}
		in.Observed.Pod.Labels = map[string]string{"controller-revision-hash": "r"}
		in.GatewayTenant.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionAvailable, Status: metav1.ConditionTrue}}
	}, v1alpha1.ReasonPodNotReady, "no longer", v1alpha1.ConditionReconciling},
}

const podNoLongerReady = "the pod is no longer ready"

func TestReadyOfCertificates(t *testing.T) { checkReady(t, certificateCases) }
func TestReadyOfPlan(t *testing.T)         { checkReady(t, planCases) }
func TestReadyOfWorkload(t *testing.T)     { checkReady(t, workloadCases) }

// checkReady computes the status of each case, and again after it was written.
func checkReady(t *testing.T, cases []readyCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := serving(t)
			c.change(&in)
			status := Compute(in)
			ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
			if ready.Reason != c.reason || !strings.Contains(ready.Message, c.message) || (ready.Status == metav1.ConditionTrue) != (c.reason == v1alpha1.ReasonReady) {
				t.Errorf("Ready is %+v, want reason %s and a message with %q", ready, c.reason, c.message)
			}
			for _, condition := range []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
				if is := meta.FindStatusCondition(status.Conditions, condition) != nil; is != (condition == c.progress) {
					t.Errorf("condition %s is set: %t, want %t", condition, is, !is)
				}
			}
			for _, condition := range status.Conditions {
				if condition.ObservedGeneration != 3 || status.ObservedGeneration != 3 {
					t.Errorf("condition %s has generation %d and the status has generation %d, want 3", condition.Type, condition.ObservedGeneration, status.ObservedGeneration)
				}
			}
			in.GatewayTenant.Status = status
			if diff := cmp.Diff(status, Compute(in)); diff != "" && c.name != podNoLongerReady {
				t.Errorf("the same reconcile again changes the status: %s", diff)
			}
		})
	}
}

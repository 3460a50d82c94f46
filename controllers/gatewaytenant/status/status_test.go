package status

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

func TestRejectedSpecKeepsTheStatusOfTheRunningGateway(t *testing.T) {
	in := serving(t)
	before := Compute(in)
	in.GatewayTenant.Status = before
	in.Plan.Rejected = &manifests.RejectedError{Reason: v1alpha1.ReasonInvalidConfig, Message: "bad"}
	after := Compute(in)
	if after.Image == "" || after.Image != before.Image || after.Endpoint != before.Endpoint {
		t.Errorf("the gateway runs image %q at %s, and the status reports %q at %s", before.Image, before.Endpoint, after.Image, after.Endpoint)
	}
	for _, c := range []struct {
		name   string
		change func()
		want   metav1.ConditionStatus
	}{
		{"the gateway serves", func() {}, metav1.ConditionTrue},
		{"the gateway is not ready", func() { in.Observed.StatefulSet.Status.ReadyReplicas = 0 }, metav1.ConditionFalse},
		{"no gateway exists", func() { in.Observed.StatefulSet = nil }, metav1.ConditionUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.change()
			if is := compute(in, v1alpha1.ConditionAvailable); is.Status != c.want {
				t.Errorf("Available is %+v, want %s", is, c.want)
			}
		})
	}
}

// TestRejectedStorageDoesNotRejectTheSpec expects the status of a gateway that serves, with the part of the spec that is not applied.
func TestRejectedStorageDoesNotRejectTheSpec(t *testing.T) {
	in := serving(t)
	in.Plan.RejectedStorage = &manifests.RejectedError{Reason: v1alpha1.ReasonInvalidStorage, Message: "spec.storage.size is too small"}
	status := Compute(in)
	for condition, want := range map[string]string{
		v1alpha1.ConditionAccepted: v1alpha1.ReasonInvalidStorage, v1alpha1.ConditionReady: v1alpha1.ReasonInvalidStorage,
		v1alpha1.ConditionStalled: v1alpha1.ReasonInvalidStorage, v1alpha1.ConditionAvailable: v1alpha1.ReasonAvailable,
		v1alpha1.ConditionCertificatesReady: v1alpha1.ReasonIssued,
	} {
		if is := meta.FindStatusCondition(status.Conditions, condition); is == nil || is.Reason != want {
			t.Errorf("%s is %+v, want reason %s", condition, is, want)
		}
	}
	if is := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); !strings.HasSuffix(is.Message, "; the rest of the spec is applied") {
		t.Errorf("Ready has the message %q", is.Message)
	}
	if status.Image != in.Plan.Tenant.Image {
		t.Errorf("status.image is %q, want %q", status.Image, in.Plan.Tenant.Image)
	}
	t.Run("the rest of the spec cannot be applied", func(t *testing.T) {
		in.Err = errors.New("quota exceeded")
		if is := compute(in, v1alpha1.ConditionReady); is.Reason != v1alpha1.ReasonApplyFailed {
			t.Errorf("Ready is %+v, want reason %s", is, v1alpha1.ReasonApplyFailed)
		}
		if compute(in, v1alpha1.ConditionReconciling) == nil {
			t.Error("the operator retries, and Reconciling is not set")
		}
	})
}

// TestStatusOfASuspendedGatewayHasWhatRuns, and not what would run after the suspension. Without a gateway, it has the latter.
func TestStatusOfASuspendedGatewayHasWhatRuns(t *testing.T) {
	const running = "ghcr.io/nvidia/openshell/gateway:0.0.75"
	in := serving(t)
	in.GatewayTenant.Spec.Suspend = true
	in.GatewayTenant.Status.Version, in.Observed.Volume.Image = "0.0.75", running
	if is := Compute(in); is.Image != running || is.Version != "0.0.75" {
		t.Errorf("the status has %s and %s, want %s", is.Image, is.Version, running)
	}
	in.Observed.StatefulSet = nil
	if is := Compute(in); is.Image != in.Plan.Tenant.Image || is.Version != in.Plan.Tenant.Version.String() {
		t.Errorf("the status has %s and %s, want %s", is.Image, is.Version, in.Plan.Tenant.Image)
	}
}

// TestUnreadConfigKeepsTheStatus expects that a failure to read the existing gateway.toml does not change what the status reports
// about a gateway that runs.
func TestUnreadConfigKeepsTheStatus(t *testing.T) {
	before := serving(t)
	before.GatewayTenant.Status = Compute(before)
	for name, c := range map[string]struct {
		change                         func(in *Input)
		accepted, available, certReady metav1.ConditionStatus
		ready                          string
	}{
		"the spec is the same": {func(*Input) {}, metav1.ConditionTrue, metav1.ConditionTrue, metav1.ConditionTrue, v1alpha1.ReasonApplyFailed},
		"the spec has changed": {func(in *Input) { in.GatewayTenant.Generation++ }, metav1.ConditionTrue, metav1.ConditionUnknown, metav1.ConditionUnknown, v1alpha1.ReasonApplyFailed},
		"the tenant is new":    {func(in *Input) { in.GatewayTenant.Status = v1alpha1.GatewayTenantStatus{} }, metav1.ConditionTrue, metav1.ConditionUnknown, metav1.ConditionUnknown, v1alpha1.ReasonApplyFailed},
		"the gateway has crashed": {func(in *Input) {
			in.Observed.StatefulSet.Status.ReadyReplicas = 0
			in.Observed.Problem = diagnose.Problem{Reason: v1alpha1.ReasonCrashLoop, Message: "crashes"}
		}, metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionTrue, v1alpha1.ReasonApplyFailed},
		"the spec was held": {func(in *Input) {
			set(&in.GatewayTenant.Status, conditionFalse(v1alpha1.ConditionAccepted, v1alpha1.ReasonVersionHeld, "is held"))
		}, metav1.ConditionFalse, metav1.ConditionTrue, metav1.ConditionTrue, v1alpha1.ReasonVersionHeld},
		"the spec is rejected and nothing can be read": {func(in *Input) {
			in.Observed, in.Plan = nil, &plan.Plan{Rejected: &manifests.RejectedError{Reason: v1alpha1.ReasonInvalidImage}}
		}, metav1.ConditionFalse, metav1.ConditionTrue, metav1.ConditionTrue, v1alpha1.ReasonInvalidImage},
	} {
		t.Run(name, func(t *testing.T) {
			in := serving(t)
			in.GatewayTenant = before.GatewayTenant.DeepCopy()
			in.Err = errors.New("reading ConfigMap a/b: timeout")
			in.Observed.FilesErr, in.Plan = in.Err, &plan.Plan{Tenant: in.Plan.Tenant, Incomplete: in.Err}
			c.change(&in)
			status := Compute(in)
			for condition, want := range map[string]metav1.ConditionStatus{
				v1alpha1.ConditionAccepted: c.accepted, v1alpha1.ConditionAvailable: c.available, v1alpha1.ConditionCertificatesReady: c.certReady,
			} {
				if is := meta.FindStatusCondition(status.Conditions, condition); is.Status != want {
					t.Errorf("%s is %+v, want %s", condition, is, want)
				}
			}
			if ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); ready.Status != metav1.ConditionFalse || ready.Reason != c.ready {
				t.Errorf("Ready is %+v, want reason %s", ready, c.ready)
			}
		})
	}
}

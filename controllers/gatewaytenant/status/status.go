package status

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// Compute returns the status of a tenant after a reconcile. It depends on nothing but its input, except that the times of
// conditions that change are those of now.
func Compute(in Input) v1alpha1.GatewayTenantStatus {
	status := *in.GatewayTenant.Status.DeepCopy()
	status.ObservedGeneration = in.GatewayTenant.Generation
	switch {
	case in.restoring():
		setRestoring(&status, in)
	case in.Plan.Rejected != nil:
		setRejected(&status, in)
	case in.incomplete():
		setIncomplete(&status, in)
	default:
		setPlanned(&status, in)
	}
	if !in.incomplete() {
		setWarning(&status, in)
	}
	ready := ready(status, in)
	set(&status, ready)
	setProgress(&status, ready, in)
	for i := range status.Conditions {
		status.Conditions[i].ObservedGeneration = status.ObservedGeneration
	}
	return status
}

// setRestoring reports a tenant whose namespace a backup is being restored into. The spec is only checked by itself and the Secrets
// are not inspected, since a part of the backup may lack what another part has, and no user must act on that.
func setRestoring(status *v1alpha1.GatewayTenantStatus, in Input) {
	accepted := conditionTrue(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "the spec is valid")
	if in.Plan.Rejected != nil {
		accepted = conditionFalse(v1alpha1.ConditionAccepted, in.Plan.Rejected.Reason, in.Plan.Rejected.Message)
	}
	set(status, accepted)
	set(status, conditionUnknown(v1alpha1.ConditionCertificatesReady, v1alpha1.ReasonRestoring, "the Secrets are inspected when the restore has ended"))
	set(status, available(in))
}

// setRejected reports a spec that is rejected. What ran before keeps running, so its part of the status stays.
func setRejected(status *v1alpha1.GatewayTenantStatus, in Input) {
	set(status, conditionFalse(v1alpha1.ConditionAccepted, in.Plan.Rejected.Reason, in.Plan.Rejected.Message))
	if in.incomplete() {
		keep(status, in)
		return
	}
	set(status, available(in))
	if in.Plan.Objects.Certgen != nil {
		setCertificates(status, in)
	} else {
		set(status, conditionUnknown(v1alpha1.ConditionCertificatesReady, v1alpha1.ReasonNotReconciled, "the spec was rejected"))
	}
}

// setIncomplete reports that nothing was planned. If the status is of the present spec, it stays.
func setIncomplete(status *v1alpha1.GatewayTenantStatus, in Input) {
	before := in.GatewayTenant.Status
	if in.Observed != nil && before.ObservedGeneration == in.GatewayTenant.Generation && meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionAccepted) != nil {
		keep(status, in)
		return
	}
	set(status, conditionTrue(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "the spec is valid"))
	for _, condition := range []string{v1alpha1.ConditionCertificatesReady, v1alpha1.ConditionAvailable} {
		set(status, conditionUnknown(condition, v1alpha1.ReasonNotReconciled, errorMessage(in.Err)))
	}
}

// keep leaves the certificates' part of the status, and reports the workload as it was observed. What was not observed is unknown
// if the status reports nothing about it.
func keep(status *v1alpha1.GatewayTenantStatus, in Input) {
	if in.Observed != nil && in.Observed.StatefulSet != nil {
		set(status, available(in))
	}
	for _, condition := range []string{v1alpha1.ConditionCertificatesReady, v1alpha1.ConditionAvailable} {
		if meta.FindStatusCondition(status.Conditions, condition) == nil {
			set(status, conditionUnknown(condition, v1alpha1.ReasonNotReconciled, errorMessage(in.Err)))
		}
	}
}

// setPlanned reports a spec that is accepted, and what of it is done.
func setPlanned(status *v1alpha1.GatewayTenantStatus, in Input) {
	if status.Image = in.Plan.Tenant.Image; in.keepsGateway() {
		status.Image = in.Observed.Volume.Image
	} else {
		status.Version = in.Plan.Tenant.Version.String()
	}
	status.Endpoint = in.Plan.Tenant.Endpoint()
	if in.Plan.RejectedStorage != nil {
		set(status, conditionFalse(v1alpha1.ConditionAccepted, in.Plan.RejectedStorage.Reason, in.StorageMessage()))
	} else {
		set(status, conditionTrue(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "the spec is valid"))
	}
	setCertificates(status, in)
	set(status, available(in))
}

// keepsGateway reports whether the gateway that runs stays as it is, although another one is planned.
func (in Input) keepsGateway() bool {
	return in.Plan.Held || in.Plan.Preflight != nil || !in.Plan.RepairAt.IsZero() || in.suspended() && in.Observed.StatefulSet != nil
}

// StorageMessage returns why spec.storage is rejected, and that nothing else is. It is empty if spec.storage is not rejected.
func (in Input) StorageMessage() string {
	if in.Plan.RejectedStorage == nil {
		return ""
	}
	if in.suspended() {
		return in.Plan.RejectedStorage.Message
	}
	return in.Plan.RejectedStorage.Message + "; the rest of the spec is applied"
}

// ready summarizes the other conditions: it reports what failed while the plan was executed, otherwise the first condition that is
// not true.
func ready(status v1alpha1.GatewayTenantStatus, in Input) metav1.Condition {
	if in.restoring() {
		return conditionUnknown(v1alpha1.ConditionReady, v1alpha1.ReasonRestoring, restoringMessage(in.GatewayTenant.Namespace))
	}
	if in.suspended() {
		return conditionUnknown(v1alpha1.ConditionReady, v1alpha1.ReasonSuspended, "spec.suspend is true: nothing of this gateway is changed, repaired or renewed")
	}
	wasRejected := in.incomplete() && meta.IsStatusConditionFalse(status.Conditions, v1alpha1.ConditionAccepted) // by the last reconcile
	if in.Err != nil && in.Plan.Rejected == nil && !wasRejected {
		return conditionFalse(v1alpha1.ConditionReady, reasonOf(in.Err), errorMessage(in.Err))
	}
	for _, name := range []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionCertificatesReady, v1alpha1.ConditionAvailable} {
		if c := meta.FindStatusCondition(status.Conditions, name); c.Status != metav1.ConditionTrue {
			return conditionFalse(v1alpha1.ConditionReady, c.Reason, c.Message)
		}
	}
	if distributing := distributingCondition(status, in); distributing != nil {
		return *distributing
	}
	return conditionTrue(v1alpha1.ConditionReady, v1alpha1.ReasonReady, "the gateway serves")
}

// restoringMessage says how a restore ends.
func restoringMessage(namespace string) string {
	return fmt.Sprintf("a backup is being restored into namespace %s, as its annotation %s says, so nothing of this gateway is created, changed or deleted; "+
		"when all of the backup is restored, run: kubectl annotate namespace %[1]s %[2]s-", namespace, v1alpha1.AnnotationRestore)
}

// setProgress sets the conditions that kstatus reads: Stalled if only a user or another controller can help, Reconciling until the
// tenant is Ready.
func setProgress(status *v1alpha1.GatewayTenantStatus, ready metav1.Condition, in Input) {
	pending := ready.Status != metav1.ConditionTrue && !in.paused()
	rejected := !meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionAccepted) && (in.Plan.RejectedStorage == nil || in.Err == nil)
	stalled := pending && (rejected || outcomeOf(ready.Reason).stalled || in.Err != nil && outcomeOf(reasonOf(in.Err)).stalled)
	setIf(status, stalled, conditionTrue(v1alpha1.ConditionStalled, ready.Reason, ready.Message))
	setIf(status, pending && !stalled, conditionTrue(v1alpha1.ConditionReconciling, ready.Reason, ready.Message))
}

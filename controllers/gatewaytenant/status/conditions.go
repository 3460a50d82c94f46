package status

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

func conditionTrue(condition, reason, message string) metav1.Condition {
	return metav1.Condition{Type: condition, Status: metav1.ConditionTrue, Reason: reason, Message: message}
}

func conditionFalse(condition, reason, message string) metav1.Condition {
	return metav1.Condition{Type: condition, Status: metav1.ConditionFalse, Reason: reason, Message: message}
}

func conditionUnknown(condition, reason, message string) metav1.Condition {
	return metav1.Condition{Type: condition, Status: metav1.ConditionUnknown, Reason: reason, Message: message}
}

func set(status *v1alpha1.GatewayTenantStatus, condition metav1.Condition) {
	meta.SetStatusCondition(&status.Conditions, condition)
}

// setIf sets a condition, or removes it unless while holds.
func setIf(status *v1alpha1.GatewayTenantStatus, while bool, condition metav1.Condition) {
	if while {
		set(status, condition)
	} else {
		meta.RemoveStatusCondition(&status.Conditions, condition.Type)
	}
}

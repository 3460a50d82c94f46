package main

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// falseClaims finds versions of the tenant that say Ready before it can have been true: before any StatefulSet of this
// tenant served or, for a spec that changed the StatefulSet, before the changed one did.
func (t *trial) falseClaims(changes []change) []string {
	last := t.recorder.last(t.namespace, id{"StatefulSet", manifests.GatewayName})
	final, of := "", &v1alpha1.GatewayTenant{}
	if tenant, err := t.tenant(); err == nil && !last.gone {
		final, of = last.object.GetAnnotations()[apply.AnnotationHash], tenant
	}
	served := map[types.UID]bool{}   // by GatewayTenant, whether any StatefulSet of it has served
	became := map[types.UID]string{} // the StatefulSet as it was when the last generation came to be
	finals := map[types.UID]bool{}   // whether the last one has served
	newest := map[types.UID]int64{}  // the generation
	var now string
	earlier := false
	var wrong []string
	for _, c := range changes {
		switch {
		case c.object == nil || c.gone:
		case c.id.kind == "StatefulSet":
			owner := ownerOf(c)
			now = c.object.GetAnnotations()[apply.AnnotationHash]
			if serves(c) {
				served[owner] = true
				earlier = earlier || owner == "" // that of an earlier control plane serves for whoever adopts it
				finals[owner] = finals[owner] || now == final
			}
		default:
			tenant, err := asTenant(c.object)
			if err != nil {
				continue
			}
			if tenant.Generation > newest[c.uid] {
				newest[c.uid], became[c.uid] = tenant.Generation, now
			}
			is := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionReady)
			if is == nil || is.Status != "True" || is.ObservedGeneration != tenant.Generation {
				continue
			}
			if !served[c.uid] && !earlier {
				wrong = append(wrong, "Ready was said before the gateway served")
			} else if tenant.UID == of.UID && tenant.Generation == of.Generation && became[c.uid] != final && !finals[c.uid] && t.specMakesTheSet() {
				wrong = append(wrong, fmt.Sprintf("Ready was said of generation %d before the changed gateway served", of.Generation))
			}
		}
	}
	return wrong
}

// alarms are reasons that call for a person.
var alarms = []string{
	v1alpha1.ReasonIssueFailed, v1alpha1.ReasonRenewalBlocked, v1alpha1.ReasonCrashLoop, v1alpha1.ReasonImagePullFailed, v1alpha1.ReasonPodNotReady, v1alpha1.ReasonPodRefused,
	v1alpha1.ReasonUnschedulable, v1alpha1.ReasonPodFailed, v1alpha1.ReasonPodStuck, v1alpha1.ReasonVolumeMountFailed,
	v1alpha1.ReasonNodeLost, v1alpha1.ReasonChangedByOthers, v1alpha1.ReasonPreflightFailed, v1alpha1.ReasonPreflightBlocked,
}

// falseAlarms finds versions of the tenant that call for a person, where it was nobody's fault and passed by itself: such
// as that certgen fails, because it was started before it had its rights.
func (t *trial) falseAlarms(changes []change) []string {
	if t.meddledAtAll() || t.workload.warned {
		return nil
	}
	for _, c := range changes {
		if c.id.kind != "GatewayTenant" || c.gone {
			continue
		}
		tenant, err := asTenant(c.object)
		if err != nil {
			continue
		}
		for _, is := range tenant.Status.Conditions {
			if (is.Type == v1alpha1.ConditionStalled || slices.Contains(alarms, is.Reason)) && !t.excusesAlarm(is) {
				return []string{fmt.Sprintf("a false alarm was raised: %s, %s: %s", is.Type, is.Reason, is.Message)}
			}
		}
	}
	return nil
}

// specMakesTheSet tells whether the StatefulSet follows from the spec alone, and not also from what is asked for by
// annotations, was lost, or was there before the tenant.
func (t *trial) specMakesTheSet() bool {
	return len(t.workload.replaces) == 0 && !t.meddledAtAll() && !t.workload.adopts
}

func ownerOf(c change) types.UID {
	for _, owner := range c.object.GetOwnerReferences() {
		if owner.Kind == "GatewayTenant" {
			return owner.UID
		}
	}
	return ""
}

// serves tells whether a StatefulSet's pod is the one that there should be, and ready.
func serves(c change) bool {
	set := &appsv1.StatefulSet{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(c.object.Object, set); err != nil {
		return false
	}
	is := set.Status
	return is.ObservedGeneration >= set.Generation && is.ReadyReplicas == 1 && is.UpdatedReplicas == 1 && is.CurrentRevision == is.UpdateRevision
}

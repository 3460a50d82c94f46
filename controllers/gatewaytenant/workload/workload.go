// Package workload reads from a gateway's StatefulSet how far its pod is. It is pure.
package workload

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// RolledOut reports whether the only pod runs the wanted revision.
func RolledOut(set *appsv1.StatefulSet) bool {
	s := set.Status
	return s.ObservedGeneration >= set.Generation && s.Replicas == 1 && s.UpdatedReplicas == 1 && s.CurrentRevision == s.UpdateRevision
}

// Serves reports whether a pod of the wanted revision is ready.
func Serves(set *appsv1.StatefulSet) bool { return RolledOut(set) && set.Status.ReadyReplicas > 0 }

// Rolling reports whether an update of the platform restarted the gateway, and it does not serve.
func Rolling(set *appsv1.StatefulSet) bool { return manifests.RolledByPlatform(set) && !Serves(set) }

// HasServed reports whether the gateway has served since its last change: the StatefulSet's controller sets the current revision to
// the update revision when the pod is ready.
func HasServed(set *appsv1.StatefulSet) bool {
	return set.Status.ObservedGeneration >= set.Generation && set.Status.CurrentRevision == set.Status.UpdateRevision
}

// IsOutdated reports whether a pod runs a revision that its StatefulSet no longer wants.
func IsOutdated(pod *corev1.Pod, set *appsv1.StatefulSet) bool {
	s := set.Status
	return s.ObservedGeneration == set.Generation && s.UpdateRevision != "" && pod.Labels[appsv1.ControllerRevisionHashLabelKey] != s.UpdateRevision
}

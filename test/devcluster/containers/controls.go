package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The annotations by which tests control what happens to a gateway's pod. They are read from the pod, then from the claim
// of its volume, then from its namespace. A change takes effect when the kubelet processes the pod again: immediately if the
// pod has the annotation, otherwise at the next start of its container.
const (
	// annotationRootOwner is on a volume claim. With the value gateway, the root of the volume belongs to the gateway's
	// user; otherwise it belongs to root, as after a mount with fsGroup.
	annotationRootOwner = "devcluster.invalid/root-owner"
	ownedByGateway      = "gateway"

	// annotationMountDelay is how long the volumes take to be mounted, such as 5s.
	annotationMountDelay = "devcluster.invalid/mount-delay"
	// annotationMountFailure reports why the volumes cannot be mounted, as "REASON: MESSAGE" of an Event, such as
	// "FailedAttachVolume: Multi-Attach error for volume". The pod waits until the annotation is removed.
	annotationMountFailure = "devcluster.invalid/mount-failure"
	// annotationFault is how the gateway's container fails: oom, liveness, unready or crash=MESSAGE.
	annotationFault = "devcluster.invalid/fault"
)

// control returns the value of an annotation for a pod, or an empty string.
func (k *kubelet) control(ctx context.Context, pod *corev1.Pod, annotation string) string {
	if value, ok := pod.Annotations[annotation]; ok {
		return value
	}
	if claim, _, err := k.volumeOf(ctx, pod); err == nil && claim != nil {
		if value, ok := claim.Annotations[annotation]; ok {
			return value
		}
	}
	namespace := &corev1.Namespace{}
	if err := k.client.Get(ctx, client.ObjectKey{Name: pod.Namespace}, namespace); err != nil {
		return ""
	}
	return namespace.Annotations[annotation]
}

// fail lets the gateway's container fail with the fault of its annotation.
func (k *kubelet) fail(pod *corev1.Pod, m *memory, fault string) (*corev1.PodStatus, time.Duration) {
	name := pod.Spec.Containers[0].Name
	kind, message, _ := strings.Cut(fault, "=")
	switch kind {
	case "oom":
		return k.terminate(pod, m, first, end{code: 137, reason: "OOMKilled"})
	case "liveness":
		k.say(pod, m, "Unhealthy", fmt.Sprintf(
			`Liveness probe failed: Get "http://%s:8081/healthz": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`, podIP(pod)))
		k.recorder.Eventf(pod, nil, corev1.EventTypeNormal, "Killing", "Kubelet", "Container %s failed liveness probe, will be restarted", name)
		return k.terminate(pod, m, first, end{code: 137})
	case "unready":
		k.say(pod, m, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
		return running(pod, false), poll
	default:
		return k.terminate(pod, m, first, end{code: 1, message: message})
	}
}

package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// kubelet advances each pod of its nodes step by step.
type kubelet struct {
	client   client.Client // reads from caches
	live     client.Reader
	recorder events.EventRecorder
	programs *programs

	mu       sync.Mutex
	memories map[types.NamespacedName]*memory
	volumes  map[types.UID]*volume // by the UIDs of their claims
}

// memory is what the kubelet knows of a pod and does not write in its status. Only one step of a pod is taken at a time,
// so nothing guards it.
type memory struct {
	uid     types.UID
	wrote   string    // the resourceVersion of our last write: an older pod from the cache is not looked at
	due     time.Time // when the next attempt to pull or start is made
	pulls   int       // attempts that failed
	missing time.Time // since when something that it mounts is missing
	said    string    // the last event
	program *program  // what runs, or ran, as its container
	seen    time.Time // when the pod was seen first
	mounts  int       // attempts to mount its volumes that failed
	crash   *crash    // the container that ended and does not wait yet

	bySubPath files // what the first container mounted by subPath when it started
}

// Reconcile moves a pod on.
func (k *kubelet) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	pod := &corev1.Pod{}
	err := k.client.Get(ctx, req.NamespacedName, pod)
	if apierrors.IsNotFound(err) {
		k.forget(req.NamespacedName, "")
		return ctrl.Result{}, nil
	} else if err != nil {
		return ctrl.Result{}, err
	}
	if k.lost(ctx, pod) {
		return ctrl.Result{RequeueAfter: time.Second}, nil
	}
	m := k.remember(pod)
	if older(pod.ResourceVersion, m.wrote) {
		return ctrl.Result{}, nil // What we wrote is on its way, and will wake us.
	}
	if pod.DeletionTimestamp != nil {
		return ctrl.Result{}, k.remove(ctx, pod, m)
	}
	if terminal(pod) {
		return ctrl.Result{}, nil
	}
	status, wait := k.next(ctx, pod, m)
	return ctrl.Result{RequeueAfter: wait}, k.write(ctx, pod, m, status)
}

// lost reports whether the node of a pod is not ready. Nothing happens to its pods then, as when a kubelet has stopped. The
// controllers of Kubernetes do the rest.
func (k *kubelet) lost(ctx context.Context, pod *corev1.Pod) bool {
	node := &corev1.Node{}
	if err := k.client.Get(ctx, client.ObjectKey{Name: pod.Spec.NodeName}, node); err != nil {
		return false
	}
	return slices.ContainsFunc(node.Status.Conditions, func(condition corev1.NodeCondition) bool {
		return condition.Type == corev1.NodeReady && condition.Status != corev1.ConditionTrue
	})
}

// remember returns the memory of this very pod.
func (k *kubelet) remember(pod *corev1.Pod) *memory {
	key := client.ObjectKeyFromObject(pod)
	k.forget(key, pod.UID)
	k.mu.Lock()
	defer k.mu.Unlock()
	m := k.memories[key]
	if m == nil {
		m = &memory{uid: pod.UID, seen: time.Now()}
		k.memories[key] = m
	}
	return m
}

// forget ends what runs for the pod of this name, unless it is the one with this uid.
func (k *kubelet) forget(key types.NamespacedName, except types.UID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if m := k.memories[key]; m != nil && m.uid != except {
		if m.program != nil {
			m.program.kill()
		}
		delete(k.memories, key)
	}
}

// remove lets a pod go that is being deleted: its process first, then its last words, then the object.
func (k *kubelet) remove(ctx context.Context, pod *corev1.Pod, m *memory) error {
	if m.program != nil && !m.program.ended() {
		grace := 30 * time.Second
		if seconds := pod.DeletionGracePeriodSeconds; seconds != nil {
			grace = time.Duration(*seconds) * time.Second
		}
		m.program.stop(grace)
		return nil // Its end will wake us.
	}
	if !terminal(pod) && len(pod.Finalizers) > 0 { // A finalizer's owner, such as the Job controller, reads the phase.
		return k.write(ctx, pod, m, cutOff(pod, m.program))
	}
	if period := pod.DeletionGracePeriodSeconds; period != nil && *period == 0 {
		return nil // Only finalizers keep it.
	}
	err := k.client.Delete(ctx, pod, client.GracePeriodSeconds(0), client.Preconditions{UID: &pod.UID})
	return client.IgnoreNotFound(err)
}

// write writes a pod's status if it differs.
func (k *kubelet) write(ctx context.Context, pod *corev1.Pod, m *memory, status *corev1.PodStatus) error {
	if status == nil || sameStatus(&pod.Status, status) {
		return nil
	}
	next := pod.DeepCopy()
	next.Status = *status
	patch := client.MergeFromWithOptions(pod, client.MergeFromWithOptimisticLock{})
	if err := k.client.Status().Patch(ctx, next, patch); err != nil {
		if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
			return nil // The change that came between will wake us.
		}
		return fmt.Errorf("writing the status: %w", err)
	}
	m.wrote = next.ResourceVersion
	return nil
}

// older tells whether a comes before b. An unreadable version is taken for news.
func older(a, b string) bool {
	if b == "" {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order < 0
}

func terminal(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// kind is how a pod is run.
type kind int

const (
	other kind = iota
	gatewayPod
	certgenPod
	preflightPod
)

func kindOf(pod *corev1.Pod) kind {
	if pod.Spec.ServiceAccountName == "openshell-gateway-certgen" {
		return certgenPod
	}
	owner := metav1.GetControllerOf(pod)
	if owner != nil && owner.Kind == "StatefulSet" &&
		pod.Labels["app.kubernetes.io/name"] == "openshell" && pod.Labels["app.kubernetes.io/component"] == "gateway" {
		return gatewayPod
	}
	if len(pod.Spec.Containers) > 0 && gateway.IsPreflight(pod.Spec.Containers[0].Args) {
		return preflightPod
	}
	return other
}

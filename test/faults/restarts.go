package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

const (
	// restartMessage is how the gateway's container ends when a fault restarts it.
	restartMessage = "ended by a fault plan"
	// faultAnnotation lets the simulated kubelet end the container of a gateway's pod.
	faultAnnotation = "devcluster.invalid/fault"
	// restartPatience is how long a container may take to end, and then to become ready again.
	restartPatience = 30 * time.Second
)

// restartBefore restarts the container of the gateway's pod, and then sends the write. Until the container is ready again, no other write
// of the operator is sent either, so the container finds what exists between the two writes.
func restartBefore(t *trial) action {
	return func(o *operator, request *http.Request) (*http.Response, error) {
		t.restartGateway(t.beginRestart())
		return o.send(request)
	}
}

// restartAfter sends the write, and then restarts the container. The seed decides whether the operator waits for the response meanwhile,
// or goes on and may replace the pod.
func restartAfter(t *trial) action {
	return func(o *operator, request *http.Request) (*http.Response, error) {
		response, err := o.send(request)
		end := t.beginRestart()
		if t.upTo(2) == 1 {
			t.restartGateway(end)
		} else {
			go t.restartGateway(end)
		}
		return response, err
	}
}

// crashWithRestart ends the operator after its write, and starts another one when the container has been restarted.
func crashWithRestart(t *trial) action {
	return func(o *operator, request *http.Request) (*http.Response, error) {
		drop(o.send(request))
		o.crash()
		end := t.beginRestart()
		go func() {
			t.restartGateway(end)
			_ = t.start() // its failure is noted
		}()
		return nil, errCrashed
	}
}

// beginRestart keeps the trial from settling until the function that it returns is called.
func (t *trial) beginRestart() (end func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.restarting++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.restarting--
	}
}

// restarted returns an error while a container is being restarted.
func (t *trial) restarted() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.restarting > 0 {
		return errors.New("the container of the gateway is being restarted")
	}
	return nil
}

// hasRestarted reports whether a fault has ended the gateway's container.
func (t *trial) hasRestarted() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.restarts > 0
}

// restartGateway ends the container of the gateway's pod, and waits until it is ready again, cannot start, or the pod is replaced. It does
// nothing if no container runs.
func (t *trial) restartGateway(end func()) {
	defer end()
	ctx, cancel := context.WithTimeout(context.Background(), restartPatience)
	defer cancel()
	pod, err := t.gatewayPod(ctx)
	if err != nil || pod == nil || containerOf(pod).State.Running == nil {
		t.failsUnless(err)
		return
	}
	is := pod.UID
	if err := t.annotate(ctx, is, faultAnnotation, "crash="+restartMessage); err != nil {
		t.failsUnless(err)
		return
	}
	ended := func(pod *corev1.Pod) bool { return containerOf(pod).State.Running == nil }
	if replaced, err := t.awaitPod(ctx, is, ended); replaced || err != nil {
		t.failsUnless(err)
		return
	}
	t.mu.Lock()
	t.restarts++
	t.mu.Unlock()
	if err := t.annotate(ctx, is, faultAnnotation, nil); err != nil {
		t.failsUnless(err)
		return
	}
	_, err = t.awaitPod(ctx, is, func(pod *corev1.Pod) bool {
		return containerOf(pod).Ready || cannotMount(pod) || len(failedStarts([]*corev1.Pod{pod})) > 0
	})
	t.failsUnless(err)
}

// gatewayPod reads the gateway's pod. It returns nil if the pod does not exist or is being deleted.
func (t *trial) gatewayPod(ctx context.Context) (*corev1.Pod, error) {
	pod := &corev1.Pod{}
	err := t.admin.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: manifests.PodName}, pod)
	if err != nil || pod.DeletionTimestamp != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return pod, nil
}

// awaitPod waits until a condition holds for a pod, or the pod is replaced.
func (t *trial) awaitPod(ctx context.Context, uid types.UID, holds func(*corev1.Pod) bool) (replaced bool, err error) {
	err = poll(ctx, func() error {
		pod, err := t.gatewayPod(ctx)
		switch {
		case err != nil:
			return err
		case pod == nil || pod.UID != uid:
			replaced = true
		case !holds(pod):
			return fmt.Errorf("restarting the gateway's container: its status is %+v", pod.Status.ContainerStatuses)
		}
		return nil
	})
	return replaced, err
}

// annotate sets an annotation of the gateway's pod, or removes it if the value is nil. The pod must have this uid.
func (t *trial) annotate(ctx context.Context, uid types.UID, annotation string, value any) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": uid, "annotations": map[string]any{annotation: value}}})
	if err != nil {
		return err
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace, Name: manifests.PodName}}
	return t.admin.Patch(ctx, pod, client.RawPatch(types.MergePatchType, patch))
}

// failsUnless notes an error of a restart, unless it is nil or because the pod was replaced meanwhile.
func (t *trial) failsUnless(err error) {
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		t.fails(fmt.Errorf("restarting the gateway's container: %w", err))
	}
}

func containerOf(pod *corev1.Pod) corev1.ContainerStatus {
	if len(pod.Status.ContainerStatuses) == 0 {
		return corev1.ContainerStatus{}
	}
	return pod.Status.ContainerStatuses[0]
}

// cannotMount reports whether a pod whose container has run before waits for its volumes again.
func cannotMount(pod *corev1.Pod) bool {
	waiting := containerOf(pod).State.Waiting
	return waiting != nil && waiting.Reason == "ContainerCreating"
}

// gatewayFailures returns why containers of the trial's gateway ended or did not start again, apart from what a fault caused.
func (t *trial) gatewayFailures() []string {
	if t.meddledAtAll() {
		return nil // a gateway rightly ends without a file or right that another client took away
	}
	var pods []*corev1.Pod
	for _, c := range t.recorder.podChanges(t.namespace) {
		pod := &corev1.Pod{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(c.object.Object, pod); err != nil {
			return []string{err.Error()}
		}
		pods = append(pods, pod)
	}
	return failedStarts(pods)
}

// failedStarts returns how containers ended by themselves, and which pods could not mount again what they had mounted before. The pods are
// successive states of the gateway's pod.
func failedStarts(states []*corev1.Pod) (wrong []string) {
	ran := map[types.UID]bool{}
	for _, pod := range states {
		status := containerOf(pod)
		ran[pod.UID] = ran[pod.UID] || status.State.Running != nil || status.RestartCount > 0
		for _, ended := range []*corev1.ContainerStateTerminated{status.State.Terminated, status.LastTerminationState.Terminated} {
			if ended != nil && ended.Message != restartMessage {
				wrong = append(wrong, fmt.Sprintf("the gateway's container ended by itself: exit code %d: %s", ended.ExitCode, ended.Message))
			}
		}
		if ran[pod.UID] && cannotMount(pod) {
			wrong = append(wrong, "the gateway's pod could not mount its volumes again when its container was restarted")
		}
	}
	slices.Sort(wrong)
	return slices.Compact(wrong)
}

package diagnose

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestOtherPodIsReported with who controls it and what to do.
func TestOtherPodIsReported(t *testing.T) {
	created := metav1.NewTime(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC))
	set := &metav1.ObjectMeta{CreationTimestamp: created}
	controlled := func(kind, name string) func(*corev1.Pod) {
		is := true
		return func(pod *corev1.Pod) {
			pod.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: name, UID: "another", Controller: &is}}
		}
	}
	deleted := func(pod *corev1.Pod) { pod.DeletionTimestamp = &created }
	for _, test := range []struct {
		name   string
		change func(*corev1.Pod)
		reason string
		want   []string
	}{
		{"no controller", func(*corev1.Pod) {}, v1alpha1.ReasonConflict, []string{"another pod has this name", "kubectl delete pod openshell-gateway-0 -n tenant-a"}},
		{"a Deployment", controlled("ReplicaSet", "x"), v1alpha1.ReasonConflict, []string{"it is controlled by ReplicaSet x", "delete ReplicaSet x"}},
		{"a former StatefulSet", controlled("StatefulSet", manifests.GatewayName), v1alpha1.ReasonConflict, []string{"it is controlled by StatefulSet openshell-gateway", "kubectl delete pod"}},
		{"a finalizer holds it", func(pod *corev1.Pod) {
			deleted(pod)
			pod.Finalizers = []string{"example.com/a"}
		}, v1alpha1.ReasonPodStuck, []string{"example.com/a"}},
		{"it is being deleted", deleted, v1alpha1.ReasonConflict, []string{"another pod has this name"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: manifests.PodName, Namespace: "tenant-a"}}
			test.change(pod)
			if found, _ := FirstDue(OtherPod(pod, set), Grace, created.Add(Grace-time.Second)); found.Reason == v1alpha1.ReasonConflict {
				t.Error("it is reported before the StatefulSet can have adopted it")
			}
			found, _ := FirstDue(OtherPod(pod, set), Grace, created.Add(Grace))
			if found.Reason != test.reason {
				t.Errorf("the reason is %q, want %q", found.Reason, test.reason)
			}
			for _, want := range test.want {
				if text := found.Message + "; " + found.Remedy; !strings.Contains(text, want) {
					t.Errorf("got %q, want %q", text, want)
				}
			}
		})
	}
}

// TestLostClaimIsReported: the scheduler only reports that the pod is not scheduled.
func TestLostClaimIsReported(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: manifests.PodName, Namespace: "tenant-a"}}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: `0/1 nodes are available: persistentvolumeclaim "a" bound to non-existent persistentvolume "b"`}}
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: manifests.ClaimName}}
	claim.Status.Phase = corev1.ClaimLost
	found := first(GatewayPod(pod, claim))
	if found.Reason != v1alpha1.ReasonVolumePending || !strings.Contains(found.Message, "has lost its volume") || !strings.HasPrefix(found.Remedy, "restore the PersistentVolume") {
		t.Errorf("got %+v", found)
	}
}

package gatewaytenant

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

func TestWordsThatVaryAreNormalised(t *testing.T) {
	for message, want := range map[string]string{
		`pods "openshell-gateway-certgen-x7k2p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3`:      `pods "openshell-gateway-certgen" is forbidden: exceeded quota: q, requested: pods=1, limited: pods=3`,
		"back-off 5m0s restarting failed container=certgen pod=openshell-gateway-certgen-x7k2p_a(6a01d4c8-0d2f-4c4d-9a3b-7d2a3f0e1b2c)": "back-off restarting failed container=certgen pod=openshell-gateway-certgen_a(…)",
		"lookup ghcr.io on 10.0.0.2:53: read udp 10.0.0.5:40822->10.0.0.2:53: i/o timeout":                                              "lookup ghcr.io on 10.0.0.2:53: read udp 10.0.0.5->10.0.0.2:53: i/o timeout",
		"read udp [fd00::5]:40822->[fd00::2]:53: i/o timeout":                                                                           "read udp [fd00::5]->[fd00::2]:53: i/o timeout",
		"panic: a bug\n\ngoroutine 1 [running]:\nmain.main()":                                                                           "panic: a bug",
		"at 0xc000123abc": "at …",
		"\x1b[2m2026-11-29T10:00:07.123456Z\x1b[0m \x1b[31mERROR\x1b[0m a": "… ERROR a",
		"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\x07":                     "link",
		"2026-11-29 10:00:07,123 UTC a":                                    "… a",
		"2026/11/29 10:00:07 a":                                            "… a",
		"Sun, 29 Nov 2026 10:00:07 GMT: a":                                 "…: a",
		"E1129 10:00:07.123456   17 a":                                     "E… a",
		"[10:00:07.123] a":                                                 "[…] a",
		`{"ts":1795953607.123,"msg":"a"}`:                                  `{"ts":…,"msg":"a"}`,
		"took 12.5ms, 3.25s":                                               "took …, …",
		"attempt 3/5, retry #2, pid=17":                                    "attempt …, retry #…, pid=…",
		"denied: request id: 7f3a-99, RequestID=ab12":                      "denied: request id: …, RequestID=…",
		"Back-off 1m20s pulling":                                           "back-off pulling",
		"unmounted volumes=[kube-api-access-x7k2p]":                        "unmounted volumes=[kube-api-access]",
		"container " + strings.Repeat("ab", 32) + " of trace " + strings.Repeat("0a", 16): "container … of trace …",
		// Names of objects and images stay.
		"volume pvc-6a01d4c8-0d2f-4c4d-9a3b-7d2a3f0e1b2c":                                    "volume pvc-6a01d4c8-0d2f-4c4d-9a3b-7d2a3f0e1b2c",
		"gateway@sha256:" + strings.Repeat("ab", 32):                                         "gateway@sha256:" + strings.Repeat("ab", 32),
		`sandbox name "openshell-gateway-0_tenant-a_6a01d4c8-0d2f-4c4d-9a3b-7d2a3f0e1b2c_4"`: `sandbox name "openshell-gateway-0_tenant-a_…"`,
	} {
		if got := normalise(message); got != want {
			t.Errorf("%q became %q, want %q", message, got, want)
		}
	}
}

// gatewayPod is the pod of a StatefulSet, with a container in that state.
func gatewayPod(set *appsv1.StatefulSet, state corev1.ContainerStatus) corev1.Pod {
	yes := true
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "openshell-gateway-0", OwnerReferences: []metav1.OwnerReference{{UID: set.UID, Controller: &yes}}},
		Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{state}},
	}
}

func TestWhatKeepsAGatewayFromServing(t *testing.T) {
	set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{UID: "set"}}
	waiting := func(reason, message string) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: "c", Image: "x:1", State: waiting(reason, message)}
	}
	crashed := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Error", ExitCode: 2, Message: "starting\n2026-01-01T00:00:00Z Error:\n  x no such key\n  help: none\n"}}
	backOff, runsAgain := waiting("CrashLoopBackOff", "back-off 10s"), corev1.ContainerStatus{Name: "c", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	backOff.LastTerminationState, runsAgain.LastTerminationState = crashed, crashed
	ready := runsAgain
	ready.Ready = true
	unscheduled := gatewayPod(set, corev1.ContainerStatus{})
	unscheduled.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/12 nodes are available: 3 Insufficient cpu, 9 node(s) had taints."}}
	evicted := gatewayPod(set, corev1.ContainerStatus{})
	evicted.Status.Phase, evicted.Status.Reason, evicted.Status.Message = corev1.PodFailed, "Evicted", "low on memory"
	pending := &corev1.PersistentVolumeClaim{Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending}}
	pending.Name = "data"
	at := func(second int64) metav1.Time { return metav1.Unix(second, 0) }
	refused := func(uid, message string, second int64) corev1.Event {
		return corev1.Event{InvolvedObject: corev1.ObjectReference{UID: types.UID(uid)}, Message: message, LastTimestamp: at(second)}
	}
	for _, c := range []struct {
		what          string
		pods          []corev1.Pod
		claim         *corev1.PersistentVolumeClaim
		events        []corev1.Event
		since         int64
		reason, words string
	}{
		{"nothing yet", nil, nil, nil, 0, "", ""},
		{"being created", []corev1.Pod{gatewayPod(set, waiting("ContainerCreating", ""))}, nil, nil, 0, "", ""},
		{"ready, and crashed once", []corev1.Pod{gatewayPod(set, ready)}, nil, nil, 0, "", ""},
		{"the attempt", []corev1.Pod{gatewayPod(set, waiting("ErrImagePull", "not found"))}, nil, nil, 0, v1alpha1.ReasonImagePullFailed, "image x:1 of container c cannot be pulled: not found"},
		{"the wait", []corev1.Pod{gatewayPod(set, waiting("ImagePullBackOff", `Back-off pulling image "x:1": ErrImagePull: not found`))}, nil, nil, 0, v1alpha1.ReasonImagePullFailed, "image x:1 of container c cannot be pulled: not found"},
		{"the wait, of an old kubelet", []corev1.Pod{gatewayPod(set, waiting("ImagePullBackOff", `Back-off pulling image "x:1"`))}, nil, nil, 0, v1alpha1.ReasonImagePullFailed, "image x:1 of container c cannot be pulled"},
		{"a crash", []corev1.Pod{gatewayPod(set, backOff)}, nil, nil, 0, v1alpha1.ReasonCrashLoop, "container c crashes (Error, exit code 2): … Error: / x no such key / help: none"},
		{"between two crashes", []corev1.Pod{gatewayPod(set, runsAgain)}, nil, nil, 0, v1alpha1.ReasonCrashLoop, "container c crashes (Error, exit code 2): … Error: / x no such key / help: none"},
		{"a container that cannot be made", []corev1.Pod{gatewayPod(set, waiting("CreateContainerConfigError", "no key"))}, nil, nil, 0, v1alpha1.ReasonPodFailed, "container c cannot start (CreateContainerConfigError): no key"},
		{"evicted", []corev1.Pod{evicted}, nil, nil, 0, v1alpha1.ReasonPodFailed, "the pod failed (Evicted): low on memory"},
		{"no node", []corev1.Pod{unscheduled}, nil, nil, 0, v1alpha1.ReasonUnschedulable, "the pod is not scheduled: no node is available: Insufficient cpu, node(s) had taints"},
		{"no volume", []corev1.Pod{unscheduled}, pending, nil, 0, v1alpha1.ReasonVolumePending, "volume claim data is not bound (the pod is not scheduled: no node is available: Insufficient cpu, node(s) had taints)"},
		{"refused", nil, nil, []corev1.Event{refused("set", `create Pod openshell-gateway-0 in StatefulSet openshell-gateway failed error: exceeded quota`, 5)}, 5, v1alpha1.ReasonPodRefused, "the API server refuses the pod: exceeded quota"},
		{"refused, before it served", nil, nil, []corev1.Event{refused("set", "quota", 4)}, 5, "", ""},
		{"another is refused", nil, nil, []corev1.Event{refused("other", "quota", 6)}, 5, "", ""},
		{"the last refusal counts", nil, nil, []corev1.Event{refused("set", "policy", 7), refused("set", "quota", 6)}, 5, v1alpha1.ReasonPodRefused, "the API server refuses the pod: policy"},
	} {
		since := at(c.since)
		got := refusal(set, c.events, &since)
		if len(c.pods) > 0 {
			got = firstOf(gatewayTroubles(&c.pods[0], c.claim))
		}
		if got.reason != c.reason || got.text() != c.words {
			t.Errorf("%s: %s %q, want %s %q", c.what, got.reason, got.text(), c.reason, c.words)
		}
	}
}

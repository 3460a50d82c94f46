package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestReplacedPods(t *testing.T) {
	set, now := appsv1.StatefulSet{Status: appsv1.StatefulSetStatus{UpdateRevision: "new"}}, metav1.Now()
	for name, c := range map[string]struct {
		revision string
		ready    corev1.ConditionStatus
		deleted  *metav1.Time
		want     bool
	}{
		"up to date":                     {"new", corev1.ConditionTrue, nil, false},
		"up to date and starting":        {"new", corev1.ConditionFalse, nil, false},
		"being deleted":                  {"new", corev1.ConditionTrue, &now, true},
		"of an earlier revision":         {"old", corev1.ConditionTrue, nil, true},
		"stuck at an earlier revision":   {"old", corev1.ConditionFalse, nil, false},
		"stuck there, and being deleted": {"old", corev1.ConditionFalse, &now, true},
	} {
		t.Run(name, func(t *testing.T) {
			pod := corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: c.ready}}}}
			pod.DeletionTimestamp, pod.Labels = c.deleted, map[string]string{appsv1.ControllerRevisionHashLabelKey: c.revision}
			if is := replaced(pod, set); is != c.want {
				t.Errorf("replaced is %v", is)
			}
		})
	}
}

func TestNewEvents(t *testing.T) {
	is := newEvents(map[string]int{"Ready": 1, "CrashLoop": 2, "Gone": 1}, map[string]int{"Ready": 3, "CrashLoop": 2, "Issuing": 1})
	if diff := cmp.Diff(map[string]int{"Ready": 2, "Issuing": 1}, is); diff != "" {
		t.Error(diff)
	}
}

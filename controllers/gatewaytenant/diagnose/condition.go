package diagnose

import (
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// Condition returns a condition of a pod, or nil if the pod has none of this type.
func Condition(pod *corev1.Pod, condition corev1.PodConditionType) *corev1.PodCondition {
	if i := slices.IndexFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == condition }); i >= 0 {
		return &pod.Status.Conditions[i]
	}
	return nil
}

// IsReady reports whether a pod is ready.
func IsReady(pod *corev1.Pod) bool {
	ready := Condition(pod, corev1.PodReady)
	return ready != nil && ready.Status == corev1.ConditionTrue
}

// JobCondition returns a condition of a Job that is true, or nil if there is none of this type.
func JobCondition(job *batchv1.Job, condition batchv1.JobConditionType) *batchv1.JobCondition {
	for i, c := range job.Status.Conditions {
		if c.Type == condition && c.Status == corev1.ConditionTrue {
			return &job.Status.Conditions[i]
		}
	}
	return nil
}

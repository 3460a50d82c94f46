package diagnose

import (
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// TestOnlyTheGatewayRejectsAConfig expects no verdict from anything but the message of the gateway's program.
func TestOnlyTheGatewayRejectsAConfig(t *testing.T) {
	const verdict = "Error: gateway config preflight failed: path='/etc/openshell/gateway.toml' category=malformed detected_version=2; the file was preserved unchanged; correct it"
	const wrapped = "Error:   \x1b[31m×\x1b[0m gateway config preflight failed: path='/etc/openshell/gateway.toml'\n  \x1b[31m│\x1b[0m category=malformed detected_version=2; the file was\n  \x1b[31m│\x1b[0m preserved unchanged; correct it\n"
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{UID: "job"}, Status: batchv1.JobStatus{
		Conditions: []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Message: "deadline"}},
	}}
	for name, c := range map[string]struct {
		owner      string
		ended      *corev1.ContainerStateTerminated
		want, text string
	}{
		"the file is rejected":           {"job", &corev1.ContainerStateTerminated{ExitCode: 1, Message: verdict}, v1alpha1.ReasonPreflightFailed, "the preflight of the next gateway.toml failed (malformed): " + verdict},
		"in a wrapped report":            {"job", &corev1.ContainerStateTerminated{ExitCode: 1, Message: wrapped}, v1alpha1.ReasonPreflightFailed, "the preflight of the next gateway.toml failed (malformed): Error:   × " + strings.TrimPrefix(verdict, "Error: ")},
		"the program lacks the command":  {"job", &corev1.ContainerStateTerminated{Reason: "Error", ExitCode: 2, Message: "unexpected argument 'config'"}, v1alpha1.ReasonPodFailed, "container preflight failed (Error, exit code 2): unexpected argument 'config'"},
		"the program exceeds its memory": {"job", &corev1.ContainerStateTerminated{Reason: "OOMKilled", ExitCode: 137}, v1alpha1.ReasonPodFailed, "container preflight failed (OOMKilled, exit code 137)"},
		"another pod has the label":      {"another", &corev1.ContainerStateTerminated{ExitCode: 1, Message: verdict}, "", "its Job failed: deadline"},
		"the image was never pulled":     {"job", nil, "", "its Job failed: deadline"},
	} {
		pod := corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "p", OwnerReferences: []metav1.OwnerReference{{UID: "job", Controller: new(true)}}},
			Spec:       corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, NodeName: "n"},
			Status:     corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{Name: "preflight", State: corev1.ContainerState{Terminated: c.ended}}}},
		}
		pod.OwnerReferences[0].UID = "job"
		if c.owner != "job" {
			pod.OwnerReferences[0].UID = "another"
		}
		pods := []corev1.Pod{pod}
		if c.ended == nil {
			pods = nil
		}
		if found := Preflight(job, pods, nil); found.Reason != c.want || found.Description() != c.text {
			t.Errorf("%s: %q, %q; want %q, %q", name, found.Reason, found.Description(), c.want, c.text)
		}
	}
}

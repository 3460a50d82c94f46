package diagnose

import (
	"fmt"
	"regexp"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// preflightCategory matches the part of a gateway's message that says why it rejects a gateway.toml. The message is one line, but the
// gateway wraps it.
var preflightCategory = regexp.MustCompile(`gateway config preflight failed:[^\n]* category=([a-z0-9_]+)`)

// Preflight returns what a preflight Job found, with the reason ReasonPreflightFailed, or why the Job does not run. Only the message of
// the gateway's program counts as a finding.
func Preflight(job *batchv1.Job, pods []corev1.Pod, events []corev1.Event) Problem {
	for i := range pods {
		if !metav1.IsControlledBy(&pods[i], job) {
			continue
		}
		for _, container := range pods[i].Status.ContainerStatuses {
			ended := container.State.Terminated
			if ended == nil || ended.ExitCode == 0 {
				continue
			}
			if category := preflightCategory.FindStringSubmatch(strings.Join(outputLines(ended.Message), "\n")); category != nil {
				return Problem{
					Reason: v1alpha1.ReasonPreflightFailed, Output: programOutput(ended.Message),
					Message: fmt.Sprintf("the preflight of the next gateway.toml failed (%s)", category[1]),
				}
			}
		}
	}
	return Job(job, pods, events)
}

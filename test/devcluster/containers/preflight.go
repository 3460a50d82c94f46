package main

import (
	"errors"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// preflight runs a gateway's program that only checks a gateway.toml. Its pod is over then, as certgen's is.
func (k *kubelet) preflight(pod *corev1.Pod, m *memory, mounted files) (*corev1.PodStatus, time.Duration) {
	now, container := time.Now(), pod.Spec.Containers[0]
	run := &program{started: now, ends: now}
	if problem := preflightError(container, environment(pod, container), mounted); problem != nil {
		run.code = 1
		if errors.Is(problem, gateway.ErrUsage) {
			run.code = 2
		}
		if container.TerminationMessagePolicy == corev1.TerminationMessageFallbackToLogsOnError {
			run.message = strings.TrimSpace(gateway.Report(problem))
		}
	}
	return k.programEnded(pod, m, run)
}

// preflightError returns why a container that runs a preflight fails.
func preflightError(container corev1.Container, variables []string, mounted files) error {
	arguments := expand(container.Args, variables)
	getenv := func(name string) string {
		for _, variable := range variables {
			if value, ok := strings.CutPrefix(variable, name+"="); ok {
				return value
			}
		}
		return ""
	}
	if rejects(container.Image) {
		mounted = files{}
	}
	release, known := releaseOf(container.Image)
	if !known {
		release = gateway.Newest // an older one has no preflight
	}
	return gateway.RunPreflight(release, arguments, getenv, mounted)
}

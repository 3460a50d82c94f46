package diagnose

import (
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
)

var (
	noNode       = regexp.MustCompile(`\b0/\d+ nodes are available: `)
	preemption   = regexp.MustCompile(`\s*(no new claims to deallocate, )?(pod group )?preemption: .*$`)
	countOfNodes = regexp.MustCompile(`(?:^|, )\d+ `)
)

// unscheduled returns why no node takes a pod.
func unscheduled(pod *corev1.Pod) Problem {
	condition := Condition(pod, corev1.PodScheduled)
	if condition == nil || condition.Status != corev1.ConditionFalse {
		return Problem{}
	}
	return Problem{
		Reason: v1alpha1.ReasonUnschedulable, Since: condition.LastTransitionTime,
		Message: "the pod is not scheduled: " + normalizeScheduling(condition.Message),
		Remedy:  "make room on the nodes, or " + describePod(pod),
	}
}

// normalizeScheduling removes the counts of nodes from the scheduler's message, and what it reports about preemption. The
// scheduler sorts the obstacles by these counts, and clusters grow and shrink all the time.
func normalizeScheduling(text string) string {
	text = preemption.ReplaceAllString(message.Normalize(text), "")
	before, obstacles, counted := cutAround(text, noNode)
	if !counted {
		return text
	}
	var sorted []string
	for _, obstacle := range countOfNodes.Split(strings.TrimSuffix(obstacles, "."), -1) {
		if obstacle != "" {
			sorted = append(sorted, obstacle)
		}
	}
	slices.Sort(sorted)
	return before + "no node is available: " + strings.Join(slices.Compact(sorted), ", ")
}

// cutAround cuts a text around the first match.
func cutAround(text string, match *regexp.Regexp) (before, after string, found bool) {
	at := match.FindStringIndex(text)
	if at == nil {
		return text, "", false
	}
	return text[:at[0]], text[at[1]:], true
}

package diagnose

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
)

// Grace is how long a problem that most new pods have for a short time may last before it is reported.
const Grace = 10 * time.Second

// Problem is why a pod does not do its work, and what to do about it. The zero value means that no problem is known.
type Problem struct {
	// Reason is that of the condition Available.
	Reason string
	// Message is the description of the problem.
	Message string
	// Output is what a program wrote before it ended, which may differ each time, or what a registry reported.
	Output string
	// Remedy is what to do about the problem.
	Remedy string
	// Since is when the problem began. It is reported some time after that, or immediately if Since is zero.
	Since metav1.Time
}

// IsZero reports whether no problem is known.
func (p Problem) IsZero() bool { return p == Problem{} }

// Description returns the message and the output.
func (p Problem) Description() string { return message.WithDetail(p.Message, p.Output) }

// FirstDue returns the first problem that has lasted for the given time. It also returns the shortest time after which one of
// those before it has lasted as long, or zero if there are none.
func FirstDue(problems []Problem, grace time.Duration, now time.Time) (due Problem, wait time.Duration) {
	for _, problem := range problems {
		left := grace - now.Sub(problem.Since.Time)
		if problem.Since.IsZero() || left <= 0 {
			return problem, wait
		}
		if wait == 0 || left < wait {
			wait = left
		}
	}
	return Problem{}, wait
}

// first returns the first problem, which is zero if there is none.
func first(problems []Problem) Problem {
	if len(problems) == 0 {
		return Problem{}
	}
	return problems[0]
}

// describePod returns the command that shows a pod and its Events.
func describePod(pod *corev1.Pod) string {
	return fmt.Sprintf("see: kubectl describe pod %s -n %s", pod.Name, pod.Namespace)
}

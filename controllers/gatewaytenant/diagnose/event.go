package diagnose

import corev1 "k8s.io/api/core/v1"

// combined is the prefix of the message of an Event that stands for several.
const combined = "(combined from similar events): "

// isLater reports whether an Event is later than another one. Within a second, which is the precision of their times, the order
// is that of their names, so that the same Events always have the same order.
func isLater(a, b *corev1.Event) bool {
	if a.LastTimestamp.Equal(&b.LastTimestamp) {
		return a.Name > b.Name
	}
	return b.LastTimestamp.Before(&a.LastTimestamp)
}

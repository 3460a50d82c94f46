package apply

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A client whose changes have to be reverted repeatedly, such as an earlier control plane that still runs, is reported to users.
const (
	// ContentionThreshold is the largest number of changes that is not reported.
	ContentionThreshold = 2
	// ContentionWindow is how long after its last change a client is reported. Changes that are further apart are not counted together.
	ContentionWindow = 10 * time.Minute
)

// LastManager returns the manager other than owner that wrote last to live, apart from its subresources. It is empty if there is none.
func LastManager(live metav1.Object, owner string) string {
	var last metav1.ManagedFieldsEntry
	for _, entry := range live.GetManagedFields() {
		if entry.Manager == owner || entry.Subresource != "" {
			continue
		}
		if last.Time == nil || entry.Time != nil && last.Time.Before(entry.Time) {
			last = entry
		}
	}
	return last.Manager
}

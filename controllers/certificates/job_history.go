package certificates

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// JobHistory records for each tenant when its last certgen Job ended, and since when the Jobs in a row have left work
// behind, both by the clock of this process.
//
// Neither can be derived from the cluster. The times in a Job are those of another clock: if this one is ahead, a wait that
// begins there is always over, and Jobs would follow each other without a pause for as long as the two clocks disagree
// about a certificate. And a Job that failed is deleted before the next one runs. Losing the history, as a restart of the
// operator does, costs that the backoff starts again at its shortest.
type JobHistory struct {
	mu      sync.Mutex
	tenants map[string]jobRecord // by namespace
}

type jobRecord struct {
	uid          types.UID // of the last Job that ended
	ended        time.Time
	failingSince time.Time // zero if no Job left work behind
}

// Observe records a tenant's Job, and whether there is work for certgen. It returns the Job with the time of its end by this
// process's clock, and since when certgen has been failing: since the first of the Jobs in a row ended that left work
// behind. Of a Job that had ended before this process first observed the tenant it uses the Job's own times, and counts the
// failure from the Job's start.
func (h *JobHistory) Observe(namespace string, job Job, work bool, now time.Time) (observed Job, failingSince time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tenants == nil {
		h.tenants = map[string]jobRecord{}
	}
	last, known := h.tenants[namespace]
	if !work {
		last.failingSince = time.Time{}
	}
	if job.State == JobComplete || job.State == JobFailed {
		if last.uid != job.UID {
			last.uid, last.ended = job.UID, now
			began := now
			if !known {
				last.ended, began = job.within(now)
			}
			if work && last.failingSince.IsZero() { // work that comes later is not what the Job left behind
				last.failingSince = began
			}
		}
		job.Ended = last.ended
	}
	h.tenants[namespace] = last
	if last.failingSince.IsZero() {
		return job, now
	}
	return job, last.failingSince
}

// Forget removes what was recorded about a tenant.
func (h *JobHistory) Forget(namespace string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.tenants, namespace)
}

// within returns when a Job ended and began, moved back together if it ended after now by its own clock.
func (j Job) within(now time.Time) (ended, began time.Time) {
	ended = j.Ended
	if now.Before(ended) {
		ended = now
	}
	return ended, ended.Add(-max(0, j.Ended.Sub(j.Started)))
}

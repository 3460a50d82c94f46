package gatewaytenant

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
)

// jobEnds remembers by this process's own clock when certgen Jobs ended, and since when they have been leaving work
// behind. The times in a Job are those of another clock: if this one is ahead, a wait that begins there is always over,
// and Jobs would follow each other without a pause for as long as the two clocks disagree about a certificate.
type jobEnds struct {
	mu sync.Mutex
	of map[string]jobEnd // by namespace
}

type jobEnd struct {
	uid   types.UID
	ended time.Time
	since time.Time // when the first of the Jobs in a row ended that left work behind; zero if there is none
}

// observe returns the Job with the time of its end by this process's clock, and since when certgen has been failing if
// that is earlier than failingSince. A Job that had ended before this process saw the tenant keeps its own time.
func (e *jobEnds) observe(namespace string, uid types.UID, job certificates.Job, work bool, failingSince, now time.Time) (certificates.Job, time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.of == nil {
		e.of = map[string]jobEnd{}
	}
	last, seen := e.of[namespace]
	if !work {
		last.since = time.Time{}
	}
	if job.State == certificates.JobComplete || job.State == certificates.JobFailed {
		if last.uid != uid {
			last.uid, last.ended = uid, now
			if !seen {
				last.ended = job.Ended
			}
			if work && last.since.IsZero() { // work that comes later is not what it left behind
				last.since = last.ended
			}
		}
		job.Ended = last.ended
	}
	e.of[namespace] = last
	if !last.since.IsZero() && last.since.Before(failingSince) {
		failingSince = last.since
	}
	return job, failingSince
}

func (e *jobEnds) forget(namespace string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.of, namespace)
}

package certificates

import "time"

// Action is what to do about a tenant's certgen Job.
type Action int

// Actions.
const (
	// NoAction: nothing is to be done, or the Job is doing it.
	NoAction Action = iota
	// RunJob: certgen must run, and no Job exists.
	RunJob
	// ReplaceJob: certgen must run, and the Job that exists will not run again. It is deleted with its pods. Once it is
	// gone, another runs.
	ReplaceJob
)

const (
	// settle is how long the Secrets that a Job wrote take to reach the cache. One that is missing after it was deleted later.
	settle = 5 * time.Second
	// shortestBackoff and longestBackoff bound the wait before a Job that failed is run again. The longest is shorter
	// than a Job's time to live, so that it can still be read.
	shortestBackoff = 10 * time.Second
	longestBackoff  = 5 * time.Minute
)

// Decide decides what to do about the Job, when the Secrets are as observed and the Job that they need now has this request
// hash. If only time must pass before something is to be done, it also returns how long. A Job that failed, or that left work
// behind, runs again after as long as certgen has been failing already, so that the waits double without a counter;
// failingSince is when that began. Both it and the Job come from [JobHistory].
func Decide(observed Observed, job Job, requestHash string, failingSince, now time.Time) (Action, time.Duration) {
	if !observed.NeedsCertgen() || job.State == JobTerminating {
		return NoAction, 0
	}
	if job.State == JobAbsent {
		return RunJob, 0
	}
	if job.RequestHash != requestHash {
		return ReplaceJob, 0
	}
	var again time.Time
	switch job.State {
	case JobComplete:
		again = job.Ended.Add(settle)
		if observed.Worst() < Missing {
			again = job.Ended.Add(min(max(job.Ended.Sub(failingSince), settle), longestBackoff))
		}
	case JobFailed:
		again = job.Ended.Add(min(max(job.Ended.Sub(failingSince), shortestBackoff), longestBackoff))
	default:
		return NoAction, 0
	}
	if wait := again.Sub(now); wait > 0 {
		return NoAction, wait
	}
	return ReplaceJob, 0
}

package certificates

import "time"

// Job is where a tenant's certgen Job stands.
type Job struct {
	// State is one of the states below.
	State JobState
	// Wish is the hash of what the Job was asked to do.
	Wish string
	// Ended is when a Job that is complete or failed came to that.
	Ended time.Time
}

// JobState is where a Job stands.
type JobState int

// States of a Job.
const (
	JobAbsent JobState = iota
	JobRunning
	JobComplete
	JobFailed
	JobLeaving // being deleted; its pods may still run
)

// Action is what to do about a tenant's certgen Job.
type Action int

// Actions.
const (
	// Leave: nothing is to be done, or what is to be done is being done.
	Leave Action = iota
	// Run: there is work and no Job.
	Run
	// Replace: there is work, and a Job in the way that cannot do it. It is deleted with its pods; once it is gone,
	// another runs.
	Replace
)

const (
	// settle is how long a Job's work takes to be seen, so that a Secret which is missing after it went later.
	settle = 5 * time.Second
	// shortestBackoff and longestBackoff bound the wait before a Job that failed is run again. The longest is shorter
	// than a Job's time to live, so that it can still be read.
	shortestBackoff = 10 * time.Second
	longestBackoff  = 5 * time.Minute
)

// Decide says what to do about the Job when the Secrets are as seen and the Job that they would now need has the hash
// wish; and, if that is to wait for time alone, how long. A Job that failed, or that left work behind, is tried again
// after as long as things have been failing already, so that the waits double without anybody's counting; failingSince
// is when that began.
func Decide(seen Seen, job Job, wish string, failingSince, now time.Time) (Action, time.Duration) {
	if !seen.Work() || job.State == JobLeaving {
		return Leave, 0
	}
	if job.State == JobAbsent {
		return Run, 0
	}
	if job.Wish != wish {
		return Replace, 0
	}
	var again time.Time
	switch job.State {
	case JobComplete:
		again = job.Ended.Add(settle)
		if seen.Worst() < Missing {
			again = job.Ended.Add(min(max(job.Ended.Sub(failingSince), settle), longestBackoff))
		}
	case JobFailed:
		again = job.Ended.Add(min(max(job.Ended.Sub(failingSince), shortestBackoff), longestBackoff))
	default:
		return Leave, 0
	}
	if wait := again.Sub(now); wait > 0 {
		return Leave, wait
	}
	return Replace, 0
}

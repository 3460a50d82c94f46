package certificates

import "time"

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

// Decide decides what to do about the Job, when the Secrets are as seen and the Job that they need now has the hash wish. If
// only time must pass before something is to be done, it also returns how long. A Job that failed, or that left work
// behind, runs again after as long as certgen has been failing already, so that the waits double without a counter;
// failingSince is when that began. Both it and the Job come from [JobHistory].
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

package certificates

// Job is where a tenant's certgen Job stands.
type Job struct {
	// State is one of the states below.
	State JobState
	// Wish is the hash of what the Job was asked to do.
	Wish string
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

// Decide says what to do about the Job when the Secrets are as seen and the Job that they would now need has the hash
// wish. A Job that has done its work or failed is left to its time to live: until then it can be read, and one that did
// not help holds back the next try. Only a Secret that is missing does not wait for that.
func Decide(seen Seen, job Job, wish string) Action {
	if len(seen.Lacks) == 0 {
		return Leave
	}
	switch {
	case job.State == JobAbsent:
		return Run
	case job.State == JobLeaving:
		return Leave
	case job.Wish != wish || job.State == JobComplete && !seen.Complete:
		return Replace
	default:
		return Leave
	}
}

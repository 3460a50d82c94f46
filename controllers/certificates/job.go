package certificates

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Job is the state of a tenant's certgen Job.
type Job struct {
	// UID is the Job's own.
	UID types.UID
	// State is one of the states below.
	State JobState
	// RequestHash is the hash of what the Job was created to do.
	RequestHash string
	// Started is when the Job started or, before that, when it was created.
	Started time.Time
	// Ended is when the Job completed or failed. It is zero before that.
	Ended time.Time
}

// JobState is the state of a Job.
type JobState int

// States of a Job.
const (
	JobAbsent JobState = iota
	JobRunning
	JobComplete
	JobFailed
	JobTerminating // being deleted; its pods may still run
)

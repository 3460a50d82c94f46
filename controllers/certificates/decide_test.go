package certificates

import (
	"testing"
	"time"
)

var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// jobs are all states of a Job, and what follows from each when there is work.
var jobs = []struct {
	what  string
	job   Job
	since time.Duration // for how long certgen has been failing
	want  Action
	wait  time.Duration
}{
	{"no Job", Job{}, 0, RunJob, 0},
	{"running", Job{State: JobRunning, RequestHash: "hash"}, 0, NoAction, 0},
	{"running, of another request", Job{State: JobRunning, RequestHash: "old"}, 0, ReplaceJob, 0},
	{"complete just now", Job{State: JobComplete, RequestHash: "hash", Ended: now.Add(-time.Second)}, 0, NoAction, settle - time.Second},
	{"complete", Job{State: JobComplete, RequestHash: "hash", Ended: now.Add(-settle)}, 0, ReplaceJob, 0},
	{"complete, and much is left", Job{State: JobComplete, RequestHash: "hash", Ended: now.Add(-settle)}, time.Minute, NoAction, 50 * time.Second},
	{"complete, of another request", Job{State: JobComplete, RequestHash: "old", Ended: now}, 0, ReplaceJob, 0},
	{"failed the first time", Job{State: JobFailed, RequestHash: "hash", Ended: now}, 0, NoAction, shortestBackoff},
	{"failed for half a minute", Job{State: JobFailed, RequestHash: "hash", Ended: now.Add(-5 * time.Second)}, 30 * time.Second, NoAction, 20 * time.Second},
	{"failed for an hour", Job{State: JobFailed, RequestHash: "hash", Ended: now}, time.Hour, NoAction, longestBackoff},
	{"failed, and waited", Job{State: JobFailed, RequestHash: "hash", Ended: now.Add(-shortestBackoff)}, shortestBackoff, ReplaceJob, 0},
	{"failed, of another request", Job{State: JobFailed, RequestHash: "old", Ended: now}, time.Hour, ReplaceJob, 0},
	{"terminating", Job{State: JobTerminating, RequestHash: "hash"}, 0, NoAction, 0},
}

// TestEveryNeedWithEveryJob is the whole decision about the Job.
func TestEveryNeedWithEveryJob(t *testing.T) {
	for _, need := range []Need{Valid, Unowned, Due, Invalid, Missing} {
		for _, c := range []struct {
			what     string
			observed Observed
			work     bool
		}{
			{"certgen can help", Observed{Findings: []Finding{{Secret: "s", Need: need}}}, true},
			{"certgen cannot help", Observed{Findings: []Finding{{Secret: "s", Need: need, Blocked: "is immutable"}}}, false},
			{"certgen can help with another Secret", Observed{Findings: []Finding{{Secret: "s", Need: need, Blocked: "is immutable"}, {Secret: "other", Need: Unowned}}}, true},
			{"certgen must remove an owner", Observed{Findings: []Finding{{Secret: "s", Need: need, Blocked: "is immutable", RemoveOwner: true}}}, true},
			{"a former gateway's Secrets are being removed", Observed{Terminating: true, Findings: []Finding{{Secret: "s", Need: need}}}, false},
		} {
			if need == Valid {
				c.observed.Findings, c.work = nil, false
			}
			for _, job := range jobs {
				want, wait := job.want, job.wait
				if job.what == "complete, and much is left" && need == Missing {
					want, wait = ReplaceJob, 0 // it was deleted after the Job had read it
				}
				if !c.work {
					want, wait = NoAction, 0
				}
				if got, after := Decide(c.observed, job.job, "hash", now.Add(-job.since), now); got != want || after != wait {
					t.Errorf("need %d, %s, %s: %v after %s, want %v after %s", need, c.what, job.what, got, after, want, wait)
				}
			}
		}
	}
}

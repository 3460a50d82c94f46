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
	{"no Job", Job{}, 0, Run, 0},
	{"running", Job{State: JobRunning, Wish: "wish"}, 0, Leave, 0},
	{"running, of another wish", Job{State: JobRunning, Wish: "old"}, 0, Replace, 0},
	{"complete just now", Job{State: JobComplete, Wish: "wish", Ended: now.Add(-time.Second)}, 0, Leave, settle - time.Second},
	{"complete", Job{State: JobComplete, Wish: "wish", Ended: now.Add(-settle)}, 0, Replace, 0},
	{"complete, and much is left", Job{State: JobComplete, Wish: "wish", Ended: now.Add(-settle)}, time.Minute, Leave, 50 * time.Second},
	{"complete, of another wish", Job{State: JobComplete, Wish: "old", Ended: now}, 0, Replace, 0},
	{"failed the first time", Job{State: JobFailed, Wish: "wish", Ended: now}, 0, Leave, shortestBackoff},
	{"failed for half a minute", Job{State: JobFailed, Wish: "wish", Ended: now.Add(-5 * time.Second)}, 30 * time.Second, Leave, 20 * time.Second},
	{"failed for an hour", Job{State: JobFailed, Wish: "wish", Ended: now}, time.Hour, Leave, longestBackoff},
	{"failed, and waited", Job{State: JobFailed, Wish: "wish", Ended: now.Add(-shortestBackoff)}, shortestBackoff, Replace, 0},
	{"failed, of another wish", Job{State: JobFailed, Wish: "old", Ended: now}, time.Hour, Replace, 0},
	{"leaving", Job{State: JobLeaving, Wish: "wish"}, 0, Leave, 0},
}

// TestEveryNeedWithEveryJob is the whole decision about the Job.
func TestEveryNeedWithEveryJob(t *testing.T) {
	for _, need := range []Need{Fits, Unowned, Due, Unfit, Missing} {
		for _, c := range []struct {
			what string
			seen Seen
			work bool
		}{
			{"certgen can help", Seen{Findings: []Finding{{Secret: "s", Need: need}}}, true},
			{"certgen cannot help", Seen{Findings: []Finding{{Secret: "s", Need: need, Blocked: "is immutable"}}}, false},
			{"certgen can help with another Secret", Seen{Findings: []Finding{{Secret: "s", Need: need, Blocked: "is immutable"}, {Secret: "other", Need: Unowned}}}, true},
			{"certgen must remove an owner", Seen{Findings: []Finding{{Secret: "s", Need: need, Blocked: "is immutable", Release: true}}}, true},
			{"a former gateway's Secrets are being removed", Seen{Leaving: true, Findings: []Finding{{Secret: "s", Need: need}}}, false},
		} {
			if need == Fits {
				c.seen.Findings, c.work = nil, false
			}
			for _, job := range jobs {
				want, wait := job.want, job.wait
				if job.what == "complete, and much is left" && need == Missing {
					want, wait = Replace, 0 // it was deleted after the Job had read it
				}
				if !c.work {
					want, wait = Leave, 0
				}
				if got, after := Decide(c.seen, job.job, "wish", now.Add(-job.since), now); got != want || after != wait {
					t.Errorf("need %d, %s, %s: %v after %s, want %v after %s", need, c.what, job.what, got, after, want, wait)
				}
			}
		}
	}
}

package certificates

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// TestClocksThatDisagreeMakeNoLoopOfJobs: to the operator a certificate is due, to certgen it is not, so each Job leaves
// the work behind. However far the operator's clock is off, the Jobs become rare, also after a restart.
func TestClocksThatDisagreeMakeNoLoopOfJobs(t *testing.T) {
	work := Observed{Complete: true, Findings: []Finding{{Secret: "s", Need: Due, Message: "is due for renewal"}}}
	for _, state := range []JobState{JobComplete, JobFailed} {
		for _, ahead := range []time.Duration{0, 10 * time.Minute, -10 * time.Minute, 11 * 365 * 24 * time.Hour, -11 * 365 * 24 * time.Hour} {
			for _, restarted := range []bool{false, true} {
				var history JobHistory
				server, jobs, job := now, 0, Job{}
				if restarted {
					job = Job{UID: "before", State: state, RequestHash: "hash", Started: server.Add(-time.Minute), Ended: server.Add(-time.Second)}
				}
				for end := server.Add(time.Hour); server.Before(end); server = server.Add(time.Second) {
					now := server.Add(ahead)
					observed, since := history.Observe("a", job, work.NeedsCertgen(), now)
					switch action, _ := Decide(work, observed, "hash", since, now); action {
					case RunJob:
						jobs++
						job = Job{UID: types.UID(fmt.Sprint(jobs)), State: state, RequestHash: "hash", Started: server, Ended: server}
					case ReplaceJob:
						job = Job{}
					}
				}
				if jobs > 20 || jobs == 0 {
					t.Errorf("state %d, with a clock that is %s ahead, restarted %t: %d Jobs ran in an hour", state, ahead, restarted, jobs)
				}
			}
		}
	}
}

// TestBackoffGrowsWhileJobsFail, starts again at its shortest once nothing is left to do, and is lost with the history.
func TestBackoffGrowsWhileJobsFail(t *testing.T) {
	work := Observed{Findings: []Finding{{Secret: "s", Need: Invalid, Message: "lacks x"}}}
	var history JobHistory
	at := now
	fails := func(uid types.UID) time.Duration {
		t.Helper()
		observed, since := history.Observe("a", Job{UID: uid, State: JobFailed, RequestHash: "hash", Started: at.Add(-3 * time.Second), Ended: at}, true, at)
		_, wait := Decide(work, observed, "hash", since, at)
		return wait
	}
	history.Observe("a", Job{}, true, at)
	for i, want := range []time.Duration{shortestBackoff, shortestBackoff, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second, longestBackoff, longestBackoff} {
		wait := fails(types.UID(fmt.Sprint(i)))
		if wait != want {
			t.Errorf("after failure %d, the next Job waits for %s, not %s", i, wait, want)
		}
		at = at.Add(wait)
	}
	history.Observe("a", Job{}, false, at)
	if wait := fails("after a success"); wait != shortestBackoff {
		t.Errorf("after a success, the next Job waits for %s", wait)
	}
	at = at.Add(time.Hour)
	if wait := fails("after an hour"); wait != longestBackoff {
		t.Errorf("after an hour, the next Job waits for %s", wait)
	}
	history = JobHistory{}
	if wait := fails("after a restart"); wait != shortestBackoff {
		t.Errorf("after a restart, the next Job waits for %s", wait)
	}
	history.Forget("a")
	history.Observe("a", Job{}, true, at)
	if wait := fails("after the tenant was deleted"); wait != shortestBackoff {
		t.Errorf("after the tenant was deleted and created, the next Job waits for %s", wait)
	}
}

// TestJobBeforeARestartCountsByItsOwnTimes: the wait is as long as the Job ran, wherever its clock is.
func TestJobBeforeARestartCountsByItsOwnTimes(t *testing.T) {
	work := Observed{Findings: []Finding{{Secret: "s", Need: Invalid, Message: "lacks x"}}}
	for _, c := range []struct {
		what           string
		started, ended time.Time
		wait           time.Duration
	}{
		{"ran for three minutes", now.Add(-3 * time.Minute), now, 3 * time.Minute},
		{"ended a minute ago", now.Add(-4 * time.Minute), now.Add(-time.Minute), 2 * time.Minute},
		{"ended after now, by its clock", now.Add(7 * time.Minute), now.Add(10 * time.Minute), 3 * time.Minute},
		{"ended an hour ago", now.Add(-63 * time.Minute), now.Add(-time.Hour), 0},
		{"ended before it started", now.Add(time.Minute), now, shortestBackoff},
	} {
		var history JobHistory
		for range 2 { // the second reconcile finds the same
			observed, since := history.Observe("a", Job{UID: "1", State: JobFailed, RequestHash: "hash", Started: c.started, Ended: c.ended}, true, now)
			if _, wait := Decide(work, observed, "hash", since, now); wait != c.wait {
				t.Errorf("%s: the next Job waits for %s, not %s", c.what, wait, c.wait)
			}
		}
	}
}

// TestWorkThatComesLaterIsDoneAtOnce: what was deleted after a Job had ended is not what that Job left behind.
func TestWorkThatComesLaterIsDoneAtOnce(t *testing.T) {
	var history JobHistory
	job := Job{UID: "1", State: JobComplete, RequestHash: "hash", Started: now, Ended: now}
	history.Observe("a", job, false, now)
	later := now.Add(time.Minute)
	observed, since := history.Observe("a", job, true, later)
	work := Observed{Findings: []Finding{{Secret: "s", Need: Missing}}}
	if action, wait := Decide(work, observed, "hash", since, later); action != ReplaceJob {
		t.Errorf("%v, in %s", action, wait)
	}
	failed := now.Add(10 * time.Minute)
	observed, since = history.Observe("a", Job{UID: "2", State: JobFailed, RequestHash: "hash", Started: now, Ended: failed}, true, failed)
	if _, wait := Decide(work, observed, "hash", since, failed); wait > 10*time.Second {
		t.Errorf("after the first failure, the next Job waits for %s", wait)
	}
}

package certificates

import "testing"

func TestDecide(t *testing.T) {
	work, none := Seen{Lacks: []string{"something"}}, Seen{}
	for _, c := range []struct {
		what string
		seen Seen
		job  Job
		want Action
	}{
		{"all fits, no Job", none, Job{}, Leave},
		{"all fits, a Job of another wish", none, Job{JobComplete, "old"}, Leave},
		{"all fits, a Job that its time to live removes", none, Job{JobComplete, "wish"}, Leave},
		{"all fits, a Job that failed", none, Job{JobFailed, "old"}, Leave},
		{"work, no Job", work, Job{}, Run},
		{"work, and it is being done", work, Job{JobRunning, "wish"}, Leave},
		{"work, and something else is being done", work, Job{JobRunning, "old"}, Replace},
		{"work since the Job was done", work, Job{JobComplete, "wish"}, Replace},
		{"work that the Job left undone", Seen{Complete: true, Lacks: work.Lacks}, Job{JobComplete, "wish"}, Leave},
		{"work, and the Job of another wish is done", work, Job{JobComplete, "old"}, Replace},
		{"work, and the Job failed at it", work, Job{JobFailed, "wish"}, Leave},
		{"work, and the Job failed at something else", work, Job{JobFailed, "old"}, Replace},
		{"work, and the last Job's pods may still run", work, Job{JobLeaving, "old"}, Leave},
	} {
		if got := Decide(c.seen, c.job, "wish"); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

package gatewaytenant

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
)

// TestClocksThatDisagreeMakeNoLoopOfJobs: to the operator a certificate is due, to certgen it is not, so each Job leaves
// the work behind. However far the operator's clock is off, the Jobs become rare.
func TestClocksThatDisagreeMakeNoLoopOfJobs(t *testing.T) {
	work := certificates.Seen{Complete: true, Findings: []certificates.Finding{{Secret: "s", Need: certificates.Due, Why: "is due for renewal"}}}
	for _, ahead := range []time.Duration{0, 10 * time.Minute, -10 * time.Minute, 11 * 365 * 24 * time.Hour} {
		var ends jobEnds
		server := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
		ends.observe("a", "", certificates.Job{}, true, server.Add(ahead), server.Add(ahead)) // the tenant is known to this process
		jobs, job, uid := 0, certificates.Job{}, types.UID("")
		for end := server.Add(time.Hour); server.Before(end); server = server.Add(time.Second) {
			now := server.Add(ahead)
			seen, since := ends.observe("a", uid, job, work.Work(), now, now)
			switch action, _ := certificates.Decide(work, seen, "wish", since, now); action {
			case certificates.Run:
				jobs++
				uid, job = types.UID(fmt.Sprint(jobs)), certificates.Job{State: certificates.JobComplete, Wish: "wish", Ended: server}
			case certificates.Replace:
				uid, job = "", certificates.Job{}
			}
		}
		if jobs > 20 || jobs == 0 {
			t.Errorf("with a clock that is %s ahead, %d Jobs ran in an hour", ahead, jobs)
		}
	}
}

// TestWorkThatComesLaterIsDoneAtOnce: what went after a Job had ended is not what that Job left behind.
func TestWorkThatComesLaterIsDoneAtOnce(t *testing.T) {
	var ends jobEnds
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	job := certificates.Job{State: certificates.JobComplete, Wish: "wish", Ended: now}
	ends.observe("a", "1", job, false, now, now)
	later := now.Add(time.Minute)
	seen, since := ends.observe("a", "1", job, true, later, later)
	work := certificates.Seen{Findings: []certificates.Finding{{Secret: "s", Need: certificates.Missing}}}
	if action, wait := certificates.Decide(work, seen, "wish", since, later); action != certificates.Replace {
		t.Errorf("%v, in %s", action, wait)
	}
	failed := now.Add(10 * time.Minute)
	seen, since = ends.observe("a", "2", certificates.Job{State: certificates.JobFailed, Wish: "wish", Ended: failed}, true, failed, failed)
	if _, wait := certificates.Decide(work, seen, "wish", since, failed); wait > 10*time.Second {
		t.Errorf("after the first failure, the next Job waits for %s", wait)
	}
}

package status

import (
	"errors"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
)

// TestCertificateNotAfterStaysUntilTheRenewal expects the time from the first complete set on, also while a certificate cannot be
// read or is missing, so that an alert on it reports a renewal that fails.
func TestCertificateNotAfterStaysUntilTheRenewal(t *testing.T) {
	in := serving(t)
	first, second := time.Unix(1, 0), time.Unix(2, 0)
	for _, c := range []struct {
		name     string
		observed certificates.Observed
		want     *time.Time
	}{
		{"the first set is incomplete", certificates.Observed{NotAfter: first}, nil},
		{"the first set is complete", certificates.Observed{NotAfter: first, Complete: true}, &first},
		{"a certificate cannot be read", certificates.Observed{Complete: true}, &first},
		{"a certificate is missing", certificates.Observed{}, &first},
		{"the certificates are renewed and another Secret is missing", certificates.Observed{NotAfter: second}, &second},
	} {
		t.Run(c.name, func(t *testing.T) {
			in.Plan.Certificates = c.observed
			in.GatewayTenant.Status = Compute(in)
			if is := in.GatewayTenant.Status.CertificateNotAfter; (is == nil) != (c.want == nil) || is != nil && !is.Time.Equal(*c.want) {
				t.Errorf("status.certificateNotAfter is %v, want %v", is, c.want)
			}
		})
	}
}

// TestSecretBlockedEndsWithTheCommand expects a message that ends with a complete command.
func TestSecretBlockedEndsWithTheCommand(t *testing.T) {
	in := serving(t)
	in.Plan.Certificates = certificates.Observed{Complete: true, Findings: []certificates.Finding{
		{Secret: "b", Need: certificates.Invalid, Message: "lacks x", Blocked: "is written by cert-manager, which must change it", HandOver: "b"},
		{Secret: "a", Need: certificates.Missing, Message: "is missing", Blocked: "Secret b would have to trust another CA, but it is written by cert-manager", HandOver: "b"},
		{Secret: "c", Need: certificates.Invalid, Message: "has expired", Blocked: "was not issued by the operator", HandOver: "c"},
		{Secret: "d", Need: certificates.Missing, Message: "belongs to a deleted GatewayTenant", Blocked: "is still being removed", Terminating: true},
	}}
	is := compute(in, v1alpha1.ConditionCertificatesReady)
	command := "kubectl annotate secret b c -n " + in.GatewayTenant.Namespace + " openshell.ambient-code.io/hand-over=to-operator"
	if is.Reason != v1alpha1.ReasonSecretBlocked || !strings.HasSuffix(is.Message, command) || !strings.Contains(is.Message, "Secret a is missing, and") || strings.Contains(is.Message, "former") {
		t.Errorf("CertificatesReady has the reason %s and the message %q", is.Reason, is.Message)
	}
}

func TestIssuedEndsWithTheNotes(t *testing.T) {
	in := serving(t)
	in.Plan.Certificates = certificates.Observed{Complete: true, Notes: []string{"Secret b is written by cert-manager and is used as it is"}}
	is := compute(in, v1alpha1.ConditionCertificatesReady)
	if is.Status != metav1.ConditionTrue || !strings.HasSuffix(is.Message, "; "+in.Plan.Certificates.Notes[0]) {
		t.Errorf("CertificatesReady is %s with the message %q", is.Status, is.Message)
	}
}

// TestCertificatesReadyDescribesWhatExists expects true while all Secrets are present and valid, whatever fails, and a Warning if they
// cannot be renewed. It says that certgen works only if it does, and what prevents that otherwise.
func TestCertificatesReadyDescribesWhatExists(t *testing.T) {
	const stuck = "Job openshell-gateway-certgen is being deleted since x, and its finalizer example.com/x keeps it"
	blockedBy := func(why string) func(*Input) { return func(in *Input) { in.Plan.CertgenBlocked = why } }
	job := func(problem string, conditions ...batchv1.JobCondition) func(*Input) {
		return func(in *Input) {
			in.Observed.JobProblem = problem
			in.Observed.Job = &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Annotations: in.Plan.Objects.Certgen.GetAnnotations()}, Status: batchv1.JobStatus{Conditions: conditions}}
		}
	}
	fails := func(in *Input) { in.Err = errors.New("quota exceeded") }
	complete := batchv1.JobCondition{Type: batchv1.JobComplete, Status: "True"}
	valid := func(in *Input) {
		in.Plan.Certificates.RenewAt = time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	}
	due, missing, invalid := found(certificates.Due, "is due for renewal", ""), found(certificates.Missing, "is missing", ""), found(certificates.Invalid, "lacks x", "")
	for _, c := range []struct {
		name    string
		changes []func(*Input)
		status  metav1.ConditionStatus
		reason  string
		message []string // Each is in the message. One that begins with "!" is not.
	}{
		{"valid", []func(*Input){valid}, "True", v1alpha1.ReasonIssued, []string{"present and valid", "!certgen"}},
		{"valid, and an object is refused", []func(*Input){valid, fails}, "True", v1alpha1.ReasonIssued, []string{"present and valid", "!certgen"}},
		{"valid, and the Job is stuck", []func(*Input){valid, blockedBy(stuck)}, "True", v1alpha1.ReasonRenewalBlocked, []string{"present and valid", "due for renewal at 2027-01-02T03:04:05Z", "certgen cannot run: " + stuck}},
		{"of another issuer, and the Job is stuck", []func(*Input){blockedBy(stuck)}, "True", v1alpha1.ReasonIssued, []string{"present and valid", "!certgen"}},
		{"due", []func(*Input){due}, "True", v1alpha1.ReasonRenewing, []string{"renewing: Secret s is due"}},
		{"due, and an object is refused", []func(*Input){due, fails}, "True", v1alpha1.ReasonRenewing, []string{"present and valid", "is due", "certgen runs when", "!renewing"}},
		{"due, an object is refused, and certgen runs", []func(*Input){due, fails, job("")}, "True", v1alpha1.ReasonRenewing, []string{"renewing: Secret s is due"}},
		{"due, and certgen fails", []func(*Input){due, job("its pod failed")}, "True", v1alpha1.ReasonRenewalBlocked, []string{"present and valid", "Secret s is due", "tried again and again: its pod failed"}},
		{"due, and the Job is stuck", []func(*Input){due, blockedBy(stuck)}, "True", v1alpha1.ReasonRenewalBlocked, []string{"present and valid", "Secret s is due", "certgen cannot run: " + stuck}},
		{"due, and the Secret is immutable", []func(*Input){found(certificates.Due, "is due", "is immutable")}, "True", v1alpha1.ReasonRenewalBlocked, []string{"present and valid, but Secret s is due, and is immutable"}},
		{"missing", []func(*Input){missing}, "False", v1alpha1.ReasonIssuing, []string{"issuing missing"}},
		{"missing, and an object is refused", []func(*Input){missing, fails}, "False", v1alpha1.ReasonIssuing, []string{"are missing", "certgen runs when", "!issuing"}},
		{"missing, an object is refused, and certgen runs", []func(*Input){missing, fails, job("")}, "False", v1alpha1.ReasonIssuing, []string{"issuing missing"}},
		{"missing, an object is refused, and certgen ran", []func(*Input){missing, fails, job("", complete)}, "False", v1alpha1.ReasonIssuing, []string{"certgen runs when", "!issuing"}},
		{"missing, and the Job is stuck", []func(*Input){missing, blockedBy(stuck)}, "False", v1alpha1.ReasonIssueFailed, []string{"certgen cannot run: " + stuck}},
		{"missing, and certgen fails", []func(*Input){missing, job("its pod failed")}, "False", v1alpha1.ReasonIssueFailed, []string{"tried again and again: its pod failed"}},
		{"invalid, and the Job is stuck", []func(*Input){invalid, blockedBy(stuck)}, "False", v1alpha1.ReasonIssueFailed, []string{"certgen cannot run: " + stuck}},
		{"another issuer's Secret is missing", []func(*Input){func(in *Input) {
			missing(in)
			in.Plan.Certificates.Findings[0].External, in.Plan.Certificates.Findings[0].Blocked = true, "is not the operator's"
		}}, "False", v1alpha1.ReasonSecretBlocked, []string{"Secret s is missing, and is not the operator's; to let the operator issue what is missing, and manage it from then on: kubectl create secret generic s -n tenant-a"}},
		{"a Secret is kept by a finalizer", []func(*Input){func(in *Input) {
			missing(in)
			in.Plan.Certificates.Findings[0].Terminating, in.Plan.Certificates.Findings[0].Kept, in.Plan.Certificates.Findings[0].Blocked = true, true, "its finalizer x keeps it"
		}}, "False", v1alpha1.ReasonSecretBlocked, []string{"its finalizer x keeps it"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := serving(t)
			for _, change := range c.changes {
				change(&in)
			}
			is := compute(in, v1alpha1.ConditionCertificatesReady)
			if is.Status != c.status || is.Reason != c.reason {
				t.Errorf("it is %+v, want %s with the reason %s", is, c.status, c.reason)
			}
			for _, part := range c.message {
				if absent, negated := strings.CutPrefix(part, "!"); strings.Contains(is.Message, absent) == negated {
					t.Errorf("the message is %q, want %q", is.Message, part)
				}
			}
			warning := compute(in, v1alpha1.ConditionWarning)
			if warns := strings.Contains(warning.Message, is.Message); warns != (c.reason == v1alpha1.ReasonRenewalBlocked) {
				t.Errorf("Warning is %+v", warning)
			}
			in.GatewayTenant.Status = Compute(in)
			in.Observed.Job, in.Observed.JobProblem = nil, "" // between two attempts
			if again := compute(in, v1alpha1.ConditionCertificatesReady); strings.Contains(is.Message, "its pod failed") && (again.Reason != is.Reason || again.Message != is.Message) {
				t.Errorf("between two attempts it is %+v", again)
			}
		})
	}
}

package status

import (
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// setCertificates reports what the Secrets hold and need.
func setCertificates(status *v1alpha1.GatewayTenantStatus, in Input) {
	seen := in.Plan.Certificates
	if seen.Complete { // while certgen issues the Secrets, each of them would cause a status write
		if in.DistributionWait <= 0 {
			status.ServerDNSNames = listable(seen.ServerNames)
		}
		status.Rotated = nil
		if rotated := v1alpha1.Rotated(seen.Rotated); rotated != (v1alpha1.Rotated{}) {
			status.Rotated = &rotated
		}
	}
	// If no certificate exists, the time of the last one stays, so that alerts detect failed renewals.
	if ends := timeOrNil(seen.NotAfter); ends != nil && (seen.Complete || status.CertificateNotAfter != nil) {
		status.CertificateNotAfter = ends
	}
	status.ExternalSecrets = seen.External
	set(status, certificatesReady(in))
}

// tried begins the message of a failure. The status keeps that message between two attempts.
const tried = "certgen is tried again and again: "

// certgenWaits is a part of the message while an error may prevent certgen from running.
const certgenWaits = "certgen runs when what it requires is applied, and the condition Ready says what prevents that"

// certificatesReady returns the condition CertificatesReady. It describes the Secrets that exist: it is true if all are present and
// valid, also if they cannot be renewed, which is another reason.
func certificatesReady(in Input) metav1.Condition {
	const condition = v1alpha1.ConditionCertificatesReady
	seen := in.Plan.Certificates
	if seen.Worst() <= certificates.Due {
		return validCertificates(in)
	}
	if blocked := explain(seen, func(f certificates.Finding) bool { return f.Need > certificates.Due && isBlocked(f) }); blocked != "" {
		return conditionFalse(condition, v1alpha1.ReasonSecretBlocked, truncate(blocked)+wayOut(seen, in.Plan.Tenant.Namespace))
	}
	failure := in.certgenFailure()
	switch {
	case in.suspended():
		return conditionFalse(condition, v1alpha1.ReasonSuspended, truncate("certgen does not run while spec.suspend is true: "+explain(seen, everything)))
	case failure != "":
		return conditionFalse(condition, v1alpha1.ReasonIssueFailed, failure)
	case seen.Terminating:
		return conditionFalse(condition, v1alpha1.ReasonIssuing, "certgen waits until a former gateway's Secrets are removed")
	case in.Err != nil && !in.certgenRuns():
		return conditionFalse(condition, v1alpha1.ReasonIssuing, "certificates or token keys are missing or do not fit; "+certgenWaits)
	case !seen.Complete: // without a list, which would change with each Secret that is issued
		return conditionFalse(condition, v1alpha1.ReasonIssuing, "issuing missing certificates and token keys")
	}
	return conditionFalse(condition, v1alpha1.ReasonIssuing, truncate("issuing: "+explain(seen, everything)))
}

// validCertificates returns the condition of a tenant whose certificates and token keys are all present and valid.
func validCertificates(in Input) metav1.Condition {
	const condition = v1alpha1.ConditionCertificatesReady
	seen := in.Plan.Certificates
	valid := strings.Join(append([]string{"all certificates and token keys are present and valid"}, seen.Notes...), "; ")
	work := explain(seen, everything)
	blocked := explain(seen, isBlocked)
	failure := in.certgenFailure()
	switch {
	case in.suspended() && seen.Worst() != certificates.Valid:
		return conditionTrue(condition, v1alpha1.ReasonIssued, valid+"; while spec.suspend is true they are not renewed")
	case blocked != "":
		return conditionTrue(condition, v1alpha1.ReasonRenewalBlocked, truncate(valid+", but "+blocked)+wayOut(seen, in.Plan.Tenant.Namespace))
	case failure != "" && work != "":
		return conditionTrue(condition, v1alpha1.ReasonRenewalBlocked, truncate(valid+", but "+work)+"; "+failure)
	case failure != "" && !seen.RenewAt.IsZero():
		return conditionTrue(condition, v1alpha1.ReasonRenewalBlocked, fmt.Sprintf("%s, and the first of them is due for renewal at %s; %s", truncate(valid), seen.RenewAt.UTC().Format(time.RFC3339), failure))
	case seen.Worst() == certificates.Due && in.Err != nil && !in.certgenRuns():
		return conditionTrue(condition, v1alpha1.ReasonRenewing, truncate(valid+", and are due for renewal: "+work)+"; "+certgenWaits)
	case seen.Worst() == certificates.Due:
		return conditionTrue(condition, v1alpha1.ReasonRenewing, truncate("renewing: "+work))
	case seen.Worst() == certificates.Unowned:
		return conditionTrue(condition, v1alpha1.ReasonIssued, truncate(valid+"; correcting owner references: "+work))
	case seen.Delayed != "":
		return conditionTrue(condition, v1alpha1.ReasonIssued, truncate(valid)+"; "+seen.Delayed)
	}
	return conditionTrue(condition, v1alpha1.ReasonIssued, truncate(valid))
}

// certgenFailure says why certgen cannot do its work. It is empty if nothing is known to prevent it. Between two attempts, it is
// the failure of the last one.
func (in Input) certgenFailure() string {
	if in.Plan.CertgenBlocked != "" {
		return "certgen cannot run: " + in.Plan.CertgenBlocked
	}
	if !in.Plan.Certificates.NeedsCertgen() {
		return ""
	}
	if in.Observed.JobProblem != "" && in.isPresentJob() {
		return truncate(tried + in.Observed.JobProblem)
	}
	before := meta.FindStatusCondition(in.GatewayTenant.Status.Conditions, v1alpha1.ConditionCertificatesReady)
	if before == nil || before.ObservedGeneration != in.GatewayTenant.Generation {
		return ""
	}
	if at := strings.Index(before.Message, tried); at >= 0 && (before.Reason == v1alpha1.ReasonIssueFailed || before.Reason == v1alpha1.ReasonRenewalBlocked) {
		return before.Message[at:]
	}
	return ""
}

// isPresentJob reports whether the certgen Job exists and was created for what is requested now.
func (in Input) isPresentJob() bool {
	job, desired := in.Observed.Job, in.Plan.Objects.Certgen
	return job != nil && desired != nil && job.Annotations[manifests.AnnotationWish] == desired.GetAnnotations()[manifests.AnnotationWish]
}

// certgenRuns reports whether the present certgen Job has not ended.
func (in Input) certgenRuns() bool {
	return in.isPresentJob() && diagnose.JobCondition(in.Observed.Job, batchv1.JobComplete) == nil && diagnose.JobCondition(in.Observed.Job, batchv1.JobFailed) == nil
}

// isBlocked reports whether certgen must not or cannot issue a Secret.
func isBlocked(f certificates.Finding) bool { return f.Blocked != "" && (!f.Terminating || f.Kept) }

// explain lists the findings that which selects.
func explain(seen certificates.Observed, which func(certificates.Finding) bool) string {
	var all []string
	for _, finding := range seen.Findings {
		if which(finding) {
			all = append(all, finding.String())
		}
	}
	return strings.Join(all, "; ")
}

// wayOut returns the commands that let certgen issue the Secrets that block it: those that can be handed over, and those that are
// missing and that another issuer wrote. It is empty if there are none.
func wayOut(seen certificates.Observed, namespace string) string {
	var names, commands []string
	for _, finding := range seen.Findings {
		if finding.HandOver != "" {
			names = append(names, finding.HandOver)
		}
		if finding.External {
			commands = append(commands, fmt.Sprintf("kubectl create secret generic %s -n %s", finding.Secret, namespace))
		}
	}
	text := ""
	if len(names) > 0 {
		slices.Sort(names)
		text = fmt.Sprintf("; to let the operator overwrite their contents and manage them from then on: kubectl annotate secret %s -n %s %s=%s",
			strings.Join(slices.Compact(names), " "), namespace, v1alpha1.AnnotationHandOver, v1alpha1.HandOverToOperator)
	}
	if len(commands) > 0 {
		text += "; to let the operator issue what is missing, and manage it from then on: " + strings.Join(commands, " && ")
	}
	return text
}

func everything(certificates.Finding) bool { return true }

// listable returns the names that fit into the status. A certificate that another issuer made may have more names, and longer
// ones, than the API allows.
func listable(names []string) []string {
	const most, longest = 256, 512
	fit := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return len(name) > longest })
	return fit[:min(len(fit), most)]
}

func timeOrNil(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	return &metav1.Time{Time: t}
}

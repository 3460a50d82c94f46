package status

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
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
	set(status, certificatesReady(meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionCertificatesReady), in))
}

// certificatesReady returns the condition CertificatesReady. It is true if all Secrets are present and valid, with another reason
// while certgen renews some of them. It is false if another owner's Secret blocks certgen or if certgen fails, even while the
// present Secrets are still valid.
func certificatesReady(before *metav1.Condition, in Input) metav1.Condition {
	const condition = v1alpha1.ConditionCertificatesReady
	seen := in.Plan.Certificates
	if blocked := explain(seen, func(f certificates.Finding) bool { return f.Blocked != "" && !f.Terminating }); blocked != "" {
		return conditionFalse(condition, v1alpha1.ReasonSecretBlocked, truncate(blocked)+handOver(seen, in.Plan.Tenant.Namespace))
	}
	switch worst := seen.Worst(); {
	case worst == certificates.Valid:
		return conditionTrue(condition, v1alpha1.ReasonIssued, truncate(strings.Join(append([]string{"all certificates and token keys are present and valid"}, seen.Notes...), "; ")))
	case in.suspended() && worst > certificates.Due:
		return conditionFalse(condition, v1alpha1.ReasonSuspended, truncate("certgen does not run while spec.suspend is true: "+explain(seen, everything)))
	case in.suspended():
		return conditionTrue(condition, v1alpha1.ReasonIssued, "all certificates and token keys are present and valid; while spec.suspend is true they are not renewed")
	case in.Observed.JobProblem != "" && in.Plan.Objects.Certgen != nil && in.Observed.Job.Annotations[manifests.AnnotationWish] == in.Plan.Objects.Certgen.GetAnnotations()[manifests.AnnotationWish]:
		return conditionFalse(condition, v1alpha1.ReasonIssueFailed, truncate("certgen is tried again and again: "+in.Observed.JobProblem))
	case before != nil && before.Reason == v1alpha1.ReasonIssueFailed && before.ObservedGeneration == in.GatewayTenant.Generation:
		return conditionFalse(condition, before.Reason, before.Message) // between two attempts, the failure continues
	case worst == certificates.Unowned:
		return conditionTrue(condition, v1alpha1.ReasonIssued, "all certificates and token keys are present and valid; certgen corrects their owner references: "+truncate(explain(seen, everything)))
	case worst == certificates.Due:
		return conditionTrue(condition, v1alpha1.ReasonRenewing, truncate("certgen renews: "+explain(seen, everything)))
	case seen.Terminating:
		return conditionFalse(condition, v1alpha1.ReasonIssuing, "certgen waits until a former gateway's Secrets are removed")
	case !seen.Complete: // without a list, which would change with each Secret that is issued
		return conditionFalse(condition, v1alpha1.ReasonIssuing, "certgen makes the Secrets that are missing")
	}
	return conditionFalse(condition, v1alpha1.ReasonIssuing, truncate("certgen has work: "+explain(seen, everything)))
}

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

// handOver returns the command that lets certgen manage the Secrets that block it. It is empty if none can be handed over.
func handOver(seen certificates.Observed, namespace string) string {
	var names []string
	for _, finding := range seen.Findings {
		if finding.HandOver != "" {
			names = append(names, finding.HandOver)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return fmt.Sprintf("; to let the operator overwrite their contents and manage them from then on: kubectl annotate secret %s -n %s %s=%s",
		strings.Join(slices.Compact(names), " "), namespace, v1alpha1.AnnotationHandOver, v1alpha1.HandOverToOperator)
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

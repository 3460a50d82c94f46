package gatewaytenant

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// certificatesStatus says what the Secrets hold and need.
func certificatesStatus(status *v1alpha1.GatewayTenantStatus, p pass) {
	if p.certificates.Complete { // while the set is being made, each Secret would be a write
		if p.distributing <= 0 {
			status.ServerDNSNames = listable(p.certificates.ServerNames)
		}
		status.Rotated = nil
		if rotated := v1alpha1.Rotated(p.certificates.Rotated); rotated != (v1alpha1.Rotated{}) {
			status.Rotated = &rotated
		}
	}
	if ends := timeOrNil(p.certificates.NotAfter); ends != nil && (p.certificates.Complete || status.CertificateNotAfter != nil) {
		status.CertificateNotAfter = ends // while there is none, when the last one did: who renews in vain is to be told
	}
	set(status, certificatesReady(meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionCertificatesReady), p))
}

// certificatesReady looks at the Secrets, and at the Job if there is work for it. That they are there and fit is what
// counts: that newer ones are being made is worth a reason, and that making them fails, a condition that is false.
func certificatesReady(before *metav1.Condition, p pass) metav1.Condition {
	const condition = v1alpha1.ConditionCertificatesReady
	seen := p.certificates
	if blocked := explain(seen, func(f certificates.Finding) bool { return f.Blocked != "" && !f.Terminating }); blocked != "" {
		return no(condition, v1alpha1.ReasonSecretBlocked, message.Truncate(blocked, message.MaxLength)+handOver(seen, p.tenant.Namespace))
	}
	switch worst := seen.Worst(); {
	case worst == certificates.Valid:
		return yes(condition, v1alpha1.ReasonIssued, message.Truncate(strings.Join(append([]string{"all certificates and token keys are present and valid"}, seen.Notes...), "; "), message.MaxLength))
	case p.suspended && worst > certificates.Due:
		return no(condition, v1alpha1.ReasonSuspended, message.Truncate("certgen does not run while spec.suspend is true: "+explain(seen, everything), message.MaxLength))
	case p.suspended:
		return yes(condition, v1alpha1.ReasonIssued, "all certificates and token keys are present and valid; while spec.suspend is true they are not renewed")
	case p.seen.jobTrouble != "" && p.objects.Certgen != nil && p.seen.job.Annotations[manifests.AnnotationWish] == p.objects.Certgen.GetAnnotations()[manifests.AnnotationWish]:
		return no(condition, v1alpha1.ReasonIssueFailed, message.Truncate("certgen is tried again and again: "+p.seen.jobTrouble, message.MaxLength))
	case before != nil && before.Reason == v1alpha1.ReasonIssueFailed && before.ObservedGeneration == p.generation:
		return no(condition, before.Reason, before.Message) // between two attempts nothing is better
	case worst == certificates.Unowned:
		return yes(condition, v1alpha1.ReasonIssued, "all certificates and token keys are present and valid; certgen corrects their owner references: "+message.Truncate(explain(seen, everything), message.MaxLength))
	case worst == certificates.Due:
		return yes(condition, v1alpha1.ReasonRenewing, message.Truncate("certgen renews: "+explain(seen, everything), message.MaxLength))
	case seen.Terminating:
		return no(condition, v1alpha1.ReasonIssuing, "certgen waits until a former gateway's Secrets are removed")
	case !seen.Complete: // no list: it would change with each Secret that is made
		return no(condition, v1alpha1.ReasonIssuing, "certgen makes the Secrets that are missing")
	}
	return no(condition, v1alpha1.ReasonIssuing, message.Truncate("certgen has work: "+explain(seen, everything), message.MaxLength))
}

// explain lists what was found of those Secrets.
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

// listable are the names that fit into the status: a certificate that was made elsewhere may have more, and longer
// ones, than the API has room for.
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

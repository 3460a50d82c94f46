package status

import (
	"strings"
	"testing"
	"time"

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

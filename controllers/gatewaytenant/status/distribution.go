package status

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// clockDifference is the most by which the clocks of two API servers are expected to differ. Times of objects are in whole seconds.
const clockDifference = 5 * time.Second

// DistributionWait returns how much longer the gateway may serve an earlier certificate than the one in its Secret. It is zero if the
// gateway serves that one. Since is when the certificate was stored, by the clock of this process. Kubelets update mounted Secrets
// with a delay, and the operator does not connect to gateways, so a certificate counts as served when that delay is over, or if the
// pod was created after the certificate was stored. This only matters while the names in the certificate differ from those in the
// status.
func DistributionWait(in Input, since, now time.Time) time.Duration {
	is := in.Plan.Certificates
	served := in.GatewayTenant.Status.ServerDNSNames
	wait := since.Add(in.TrustDelay).Sub(now)
	if in.incomplete() || !is.Complete || wait <= 0 || in.Observed.PodCreated.IsZero() || slices.Equal(listable(is.ServerNames), served) {
		return 0
	}
	created := in.Observed.PodCreated
	firstPod := len(served) == 0 && !created.Add(clockDifference).Before(is.ServerStored) // it waited for the Secret
	if created.After(is.ServerStored) || firstPod {
		return 0
	}
	return wait
}

// distributingCondition returns the condition Ready of a gateway that does not serve a name of its spec yet. It is nil if the gateway
// serves all of them.
func distributingCondition(status v1alpha1.GatewayTenantStatus, in Input) *metav1.Condition {
	missing := certificates.MissingNames(status.ServerDNSNames, in.Plan.Tenant.ServerNames)
	if in.DistributionWait <= 0 || len(missing) == 0 {
		return nil // a name that was removed needs no new certificate
	}
	ready := conditionFalse(v1alpha1.ConditionReady, v1alpha1.ReasonDistributing, truncate(fmt.Sprintf("The certificate with %s is issued. The gateway serves it when the kubelet has updated Secret %s in pod %s, within %s of its issue.",
		strings.Join(missing, ", "), manifests.ServerTLSName, manifests.PodName, in.TrustDelay)))
	return &ready
}

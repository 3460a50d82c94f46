package gatewaytenant

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
)

// certificateExpires is a tenant's next end of a certificate. What alerts on it sees renewals that fail, of whatever cause.
var certificateExpires = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Name: "gatewaytenant_certificate_expiration_timestamp_seconds",
	Help: "When the first of the certificates of a tenant's gateway and its clients ends, in seconds since 1970. Renewed when two thirds of their life are over.",
}, []string{"namespace"})

func init() { metrics.Registry.MustRegister(certificateExpires) }

// measure keeps the metric of a tenant. While a certificate is missing, it tells of the last one.
func measure(namespace string, seen certificates.Seen) {
	if !seen.NotAfter.IsZero() {
		certificateExpires.WithLabelValues(namespace).Set(float64(seen.NotAfter.Unix()))
	}
}

// forget drops the metric of a tenant that is gone.
func forget(namespace string) { certificateExpires.DeleteLabelValues(namespace) }

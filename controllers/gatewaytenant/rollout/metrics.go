package rollout

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var rolloutTenants = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Name: "gatewaytenant_rollout_tenants",
	Help: "Tenants whose gateway is restarted by an update of the platform, by state: rolling until it serves again, waiting for its turn.",
}, []string{"state"})

func init() { metrics.Registry.MustRegister(rolloutTenants) }

// measure updates the metric.
func (s *Slots) measure() {
	if !s.leads {
		return
	}
	rolloutTenants.WithLabelValues("rolling").Set(float64(s.used()))
	rolloutTenants.WithLabelValues("waiting").Set(float64(len(s.waiting)))
}

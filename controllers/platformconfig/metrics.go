package platformconfig

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// entries is how many rows of the report are in which state.
var entries = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Name: "gatewaytenant_platform_config_entries",
	Help: "Entries of platform-config, and bridged GatewayTenants without one, by state.",
}, []string{"state"})

func init() { metrics.Registry.MustRegister(entries) }

// measure keeps the metric. A state in which nothing is counts zero, so that alerts on it end.
func measure(rows []Row) {
	counts := count(rows)
	for _, state := range []State{Applied, Waiting, Refused, Conflict, Failed, Kept, Held} {
		entries.WithLabelValues(string(state)).Set(float64(counts[state]))
	}
}

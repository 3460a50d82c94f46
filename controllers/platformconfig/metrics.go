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

// problems is what is wrong with whole ConfigMaps.
var problems = prometheus.NewGauge(prometheus.GaugeOpts{
	Name: "gatewaytenant_platform_config_problems",
	Help: "ConfigMaps with entries that are missing or cannot be read; until they can be, nothing of theirs is made, changed or removed.",
})

func init() { metrics.Registry.MustRegister(entries, problems) }

// measure keeps the metrics. A state in which nothing is counts zero, so that alerts on it end.
func measure(plan Plan) {
	problems.Set(float64(len(plan.Problems)))
	counts := count(plan.Rows)
	for _, state := range []State{Applied, Waiting, Refused, Conflict, Failed, Kept, Held} {
		entries.WithLabelValues(string(state)).Set(float64(counts[state]))
	}
}

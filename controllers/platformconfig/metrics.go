package platformconfig

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
)

// rowsByState is the number of rows of the report in each state.
var rowsByState = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Name: "gatewaytenant_platform_config_entries",
	Help: "Entries of platform-config, and bridged GatewayTenants without one, by state.",
}, []string{"state"})

// problems is the number of problems of whole ConfigMaps.
var problems = prometheus.NewGauge(prometheus.GaugeOpts{
	Name: "gatewaytenant_platform_config_problems",
	Help: "ConfigMaps with entries that are missing or cannot be read; until they can be, nothing of theirs is made, changed or removed.",
})

func init() { metrics.Registry.MustRegister(rowsByState, problems) }

// setMetrics sets the metrics. It sets a state without rows to zero, so that alerts on it end.
func setMetrics(p plan.Plan) {
	problems.Set(float64(len(p.Problems)))
	counts := plan.Count(p.Rows)
	for _, state := range plan.States() {
		rowsByState.WithLabelValues(string(state)).Set(float64(counts[state]))
	}
}

package apply

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// applies tells how many requests are made, and how many are not.
var applies = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "gatewaytenant_apply_total",
	Help: "Objects that a pass looked at, by kind and result: applied with a request, unchanged and so without one, or failed.",
}, []string{"kind", "result"})

func init() { metrics.Registry.MustRegister(applies) }

func measure(kind string, sent bool, err error) {
	result := "unchanged"
	switch {
	case err != nil:
		result = "failed"
	case sent:
		result = "applied"
	}
	applies.WithLabelValues(kind, result).Inc()
}

package apply

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// applies counts the objects that were reconciled, by whether a request was made.
var applies = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "gatewaytenant_apply_total",
	Help: "Objects that a pass looked at, by kind and result: applied with a request, unchanged and so without one, or failed.",
}, []string{"kind", "result"})

// lookups counts cache hits and misses, which show whether the cache is large enough.
var lookups = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "gatewaytenant_apply_cache_lookups_total",
	Help: "Comparisons of an object with its desired state, by whether the cache had the result: hit or miss.",
}, []string{"result"})

func init() { metrics.Registry.MustRegister(applies, lookups) }

// Results of an object that was compared and, if needed, applied.
const (
	resultApplied   = "applied"
	resultUnchanged = "unchanged"
	resultFailed    = "failed"
)

// count counts one object with the given result, or as failed if err is not nil.
func count(object *unstructured.Unstructured, result string, err error) {
	if err != nil {
		result = resultFailed
	}
	applies.WithLabelValues(object.GetKind(), result).Inc()
}

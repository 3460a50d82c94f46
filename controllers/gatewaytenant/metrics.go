package gatewaytenant

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// fleet is a collector that summarizes the statuses of all tenants. It reads them from the cache for each scrape, so it holds no
// state that could become outdated.
type fleet struct {
	from atomic.Pointer[tenantSource] // It is nil before a manager is set up. If a process has several, the last one counts.
}

// tenantSource provides the tenants in the cache of a manager.
type tenantSource struct {
	tenants client.Reader
	leads   <-chan struct{} // It is closed when this replica becomes the leader.
}

// The number of series about conditions depends on the number of reasons, not of tenants. An alert on the expiration of a
// certificate detects renewals that fail, whatever the cause.
var (
	conditionLabels  = []string{"condition", "status", "reason"}
	conditionTenants = prometheus.NewDesc("gatewaytenant_condition_tenants",
		"Tenants by what one of their conditions says. Only the replica that leads counts them.", conditionLabels, nil)
	conditionOldest = prometheus.NewDesc("gatewaytenant_condition_oldest_timestamp_seconds",
		"Since when the condition of the first of these tenants has had this status, in seconds since 1970.", conditionLabels, nil)
	certificateExpires = prometheus.NewDesc("gatewaytenant_certificate_expiration_timestamp_seconds",
		"When the first of the certificates of a tenant's gateway and its clients ends, in seconds since 1970. Renewed when two thirds of their life are over.",
		[]string{"namespace"}, nil)
)

var allTenants = &fleet{}

func init() { metrics.Registry.MustRegister(allTenants) }

// Describe implements prometheus.Collector.
func (f *fleet) Describe(all chan<- *prometheus.Desc) {
	all <- conditionTenants
	all <- conditionOldest
	all <- certificateExpires
}

// Collect implements prometheus.Collector.
func (f *fleet) Collect(all chan<- prometheus.Metric) {
	from := f.from.Load()
	if from == nil {
		return
	}
	select {
	case <-from.leads:
	default:
		return // a standby replica has the same cache, so every tenant would be counted twice
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var list v1alpha1.GatewayTenantList
	if err := from.tenants.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return // the cache is not filled yet
	}
	type labels struct{ condition, status, reason string }
	tenants, oldest := map[labels]int{}, map[labels]time.Time{}
	for i := range list.Items {
		status := &list.Items[i].Status
		if ends := status.CertificateNotAfter; ends != nil {
			all <- prometheus.MustNewConstMetric(certificateExpires, prometheus.GaugeValue, float64(ends.Unix()), list.Items[i].Namespace)
		}
		for _, is := range status.Conditions {
			key := labels{is.Type, string(is.Status), is.Reason}
			if since := is.LastTransitionTime.Time; tenants[key] == 0 || since.Before(oldest[key]) {
				oldest[key] = since
			}
			tenants[key]++
		}
	}
	for key, number := range tenants {
		all <- prometheus.MustNewConstMetric(conditionTenants, prometheus.GaugeValue, float64(number), key.condition, key.status, key.reason)
		all <- prometheus.MustNewConstMetric(conditionOldest, prometheus.GaugeValue, float64(oldest[key].Unix()), key.condition, key.status, key.reason)
	}
}

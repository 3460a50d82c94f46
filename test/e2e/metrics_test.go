package e2e

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
)

// TestMetricsTellWhereTenantsStand: by what the operator's endpoint would serve.
func TestMetricsTellWhereTenantsStand(t *testing.T) {
	started := time.Now().Truncate(time.Second)
	cluster.CreateTenant(t, "metrics-good", v1alpha1.GatewayTenantSpec{})
	cluster.CreateTenant(t, "metrics-bad", v1alpha1.GatewayTenantSpec{Config: "openshell.gateway.log_level = 7"})
	waitReady(t, "metrics-good")
	waitCondition(t, "metrics-bad", v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalidConfig)

	rejected := map[string]string{"condition": "Accepted", "status": "False", "reason": v1alpha1.ReasonInvalidConfig}
	cluster.Eventually(t, 5*time.Second, func() error { // the cache may be behind
		if is := metric(t, "gatewaytenant_condition_tenants", rejected); is != 1 {
			return fmt.Errorf("%v tenants are rejected, want 1", is)
		}
		return nil
	})
	if since := metric(t, "gatewaytenant_condition_oldest_timestamp_seconds", rejected); since < float64(started.Unix()) || since > float64(time.Now().Unix()) {
		t.Errorf("the tenant has been rejected since %v, want between %d and now", since, started.Unix())
	}
	if is := metric(t, "gatewaytenant_condition_tenants", map[string]string{"condition": "Ready", "status": "True", "reason": "Ready"}); is < 1 {
		t.Errorf("%v tenants are Ready", is)
	}

	ends := get(t, &v1alpha1.GatewayTenant{}, "metrics-good", v1alpha1.Name).Status.CertificateNotAfter
	if is := metric(t, "gatewaytenant_certificate_expiration_timestamp_seconds", map[string]string{"namespace": "metrics-good"}); ends == nil || is != float64(ends.Unix()) {
		t.Errorf("the first certificate ends at %v, want %v", is, ends)
	}

	unchanged := map[string]string{"kind": "StatefulSet", "result": "unchanged"}
	before := metric(t, "gatewaytenant_apply_total", unchanged)
	withOptions(t, func(o *options.Options) { o.SyncPeriod = time.Second })
	cluster.Eventually(t, 10*time.Second, func() error {
		if is := metric(t, "gatewaytenant_apply_total", unchanged); is < before+3 {
			return fmt.Errorf("%v StatefulSets were looked at and not applied, and before it were %v", is, before)
		}
		return nil
	})
}

// TestMetricsHaveTheValuesThatAlertsAskFor: of those that are controller-runtime's.
func TestMetricsHaveTheValuesThatAlertsAskFor(t *testing.T) {
	cluster.CreateTenant(t, "metrics-alerts", v1alpha1.GatewayTenantSpec{})
	waitReady(t, "metrics-alerts")
	if metric(t, "leader_election_master_status", map[string]string{"name": "gatewaytenant-operator"}) != 1 {
		t.Error("no metric says that this operator leads")
	}
	for _, controller := range []string{"gatewaytenant", "platformconfig"} {
		if metric(t, "controller_runtime_reconcile_total", map[string]string{"controller": controller, "result": "success"}) == 0 {
			t.Errorf("no metric counts the reconciles of %s", controller)
		}
	}
}

// metric reads one value from the registry; what is not there is 0.
func metric(t *testing.T, name string, labels map[string]string) float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, one := range family.GetMetric() {
			matching := 0
			for _, label := range one.GetLabel() {
				if labels[label.GetName()] == label.GetValue() {
					matching++
				}
			}
			if matching == len(labels) {
				return one.GetGauge().GetValue() + one.GetCounter().GetValue() // one of them is 0
			}
		}
	}
	return 0
}

package manifests

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// costOf returns what NewTenant allocates, and the time it takes. Both are measured again, up to five times, while they
// exceed the limits: other work on the machine delays one run, and rarely five.
func costOf(gt *v1alpha1.GatewayTenant, platform Platform, mostAllocated uint64, mostTime time.Duration) (allocated uint64, took time.Duration) {
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, _ = NewTenant(gt, platform) // only the cost matters here
		took = time.Since(start)
		runtime.ReadMemStats(&after)
		if allocated = after.TotalAlloc - before.TotalAlloc; allocated <= mostAllocated && took <= mostTime {
			break
		}
	}
	return allocated, took
}

func tenantWith(config string) *v1alpha1.GatewayTenant {
	gt := &v1alpha1.GatewayTenant{Spec: v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.111", Config: config}}
	gt.Namespace = "tenant-a"
	return gt
}

// TestCostOfALargeSpec: one operator evaluates the specs of all tenants. All fields of this one are as large as they can be.
func TestCostOfALargeSpec(t *testing.T) {
	gt := tenantWith("[openshell.gateway]\ndefault_image='" + strings.Repeat("a", 65_000) + "'")
	for i := range 64 {
		label := strings.Repeat("a", 61)
		gt.Spec.ServerDNSNames = append(gt.Spec.ServerDNSNames, fmt.Sprintf("a%02d.%s.%s.%s.%s.b", i, label, label, label, label)[:253])
	}
	labels := map[string]string{}
	for i := range maxSelectorTerms / 32 {
		labels[fmt.Sprintf("key%d", i)] = strings.Repeat("v", 63)
	}
	for range 32 {
		gt.Spec.Network.AllowedClients = append(gt.Spec.Network.AllowedClients, v1alpha1.AllowedClient{PodSelector: &metav1.LabelSelector{MatchLabels: labels}})
	}
	if _, err := NewTenant(gt, testPlatform(t)); err != nil {
		t.Fatal(err)
	}
	const mostAllocated, mostTime = 8 << 20, 500 * time.Millisecond
	allocated, took := costOf(gt, testPlatform(t), mostAllocated, mostTime)
	t.Logf("%d bytes allocated in %s", allocated, took)
	if allocated > mostAllocated || took > mostTime {
		t.Errorf("%d bytes allocated in %s; want at most %d in %s", allocated, took, mostAllocated, mostTime)
	}
}

// TestBoundOfSelectors: an API server takes more than a million values, and the error about that many invalid ones takes
// hours to write.
func TestBoundOfSelectors(t *testing.T) {
	with := func(values int, value string) v1alpha1.GatewayTenantSpec {
		expression := metav1.LabelSelectorRequirement{Key: "app", Operator: metav1.LabelSelectorOpIn}
		for range values {
			expression.Values = append(expression.Values, value)
		}
		client := v1alpha1.AllowedClient{PodSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{expression}}}
		return v1alpha1.GatewayTenantSpec{Network: v1alpha1.Network{AllowedClients: []v1alpha1.AllowedClient{client}}}
	}
	if _, err := tenantOf(t, with(maxSelectorTerms-1, "a")); err != nil {
		t.Error(err)
	}
	rejected(t, with(maxSelectorTerms, "a"), v1alpha1.ReasonInvalidNetwork, "spec.network has 1001", "1000 are allowed")
	both := with(maxSelectorTerms-1, "a").Network
	both.MetricsClients = []v1alpha1.AllowedClient{{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "prometheus"}}}}
	rejected(t, v1alpha1.GatewayTenantSpec{Network: both}, v1alpha1.ReasonInvalidNetwork, "spec.network has 1001")
	both = v1alpha1.Network{MetricsClients: []v1alpha1.AllowedClient{{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "-"}}}}}
	rejected(t, v1alpha1.GatewayTenantSpec{Network: both}, v1alpha1.ReasonInvalidNetwork, "spec.network.metricsClients[0].podSelector")
	gt := tenantWith("")
	gt.Spec.Network = with(maxSelectorTerms-1, "-").Network
	const most = 4 << 20
	if allocated, _ := costOf(gt, testPlatform(t), most, 1<<62); allocated > most {
		t.Errorf("%d invalid values: %d bytes allocated, want at most %d", maxSelectorTerms-1, allocated, most)
	}
	spec := with(2, "a")
	spec.Network.AllowedClients[0].PodSelector.MatchExpressions[0].Values[1] = "-"
	rejected(t, spec, v1alpha1.ReasonInvalidNetwork, "values[1]")
	spec.Network.AllowedClients[0].PodSelector.MatchExpressions[0].Operator = metav1.LabelSelectorOpExists
	rejected(t, spec, v1alpha1.ReasonInvalidNetwork, "must be empty")
	spec.Network.AllowedClients[0].PodSelector.MatchExpressions[0] = metav1.LabelSelectorRequirement{Key: "app", Operator: metav1.LabelSelectorOpIn}
	rejected(t, spec, v1alpha1.ReasonInvalidNetwork, "can't be empty")
}

package gatewaytenant

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

func TestGraceGrowsWithTheBacklog(t *testing.T) {
	for backlog, want := range map[int]struct{ grace, firstLookup time.Duration }{
		0:    {10 * time.Second, 4 * time.Second},
		2:    {10*time.Second + 500*time.Millisecond, 4*time.Second + 500*time.Millisecond},
		1000: {260 * time.Second, 254 * time.Second},
		3000: {5 * time.Minute, 5 * time.Minute},
	} {
		t.Run(fmt.Sprintf("%d tenants", backlog), func(t *testing.T) {
			counter := &tenantCounter{tenants: &tenantCache{tenants: make([]v1alpha1.GatewayTenant, backlog)}}
			if got := counter.Grace(); got != want.grace {
				t.Errorf("the grace is %s, want %s", got, want.grace)
			}
			if got := counter.FirstLookup(); got != want.firstLookup {
				t.Errorf("the first lookup is after %s, want %s", got, want.firstLookup)
			}
		})
	}
}

// tenantCache lists tenants.
type tenantCache struct {
	client.Reader
	tenants []v1alpha1.GatewayTenant
	lists   int
}

func (c *tenantCache) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	c.lists++
	list.(*v1alpha1.GatewayTenantList).Items = c.tenants
	return nil
}

func TestBacklogIsCountedFromTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cached := &tenantCache{tenants: make([]v1alpha1.GatewayTenant, 1)} // it has no condition yet
		for _, reason := range []string{v1alpha1.ReasonIssuing, v1alpha1.ReasonRollingOut, v1alpha1.ReasonPodEvicted, v1alpha1.ReasonReady, v1alpha1.ReasonSuspended, v1alpha1.ReasonCrashLoop} {
			tenant := v1alpha1.GatewayTenant{}
			tenant.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Reason: reason}}
			cached.tenants = append(cached.tenants, tenant)
		}
		counter := &tenantCounter{tenants: cached}
		for range 10 {
			if total, backlog := counter.countTotal(), counter.countBacklog(); total != 7 || backlog != 4 {
				t.Errorf("%d tenants are counted, %d of them in the backlog, want 7 and 4", total, backlog)
			}
		}
		cached.tenants = nil
		if time.Sleep(time.Second); counter.countTotal() != 0 || cached.lists != 2 {
			t.Errorf("%d tenants are counted after %d lists, want none after 2", counter.countTotal(), cached.lists)
		}
	})
}

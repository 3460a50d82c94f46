package attack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

const (
	// quietAtOnce is how many quiet tenants are created at the same time: the median of them counts.
	quietAtOnce = 3
	// quietLimit is the time after which a quiet tenant is not waited for any longer.
	quietLimit = 20 * time.Second
	// startLimit is how long the operator may take until the first tenant after its start is Ready. A former leader that
	// was killed is followed after 8 seconds.
	startLimit = 40 * time.Second
)

// allowed returns the time within which a quiet tenant must become Ready during an attack: twice its usual time. The
// addition of 1.5 seconds is for the API server and this test, which share the machine with the operator.
func allowed(usual time.Duration) time.Duration { return max(2*usual, usual+1500*time.Millisecond) }

// quietTenants creates tenants in namespaces of their own and returns the time until each of them was Ready. The
// namespaces stay until undo. One that is not Ready within the limit counts with the limit: while attacks begin, the API
// server itself may not answer for some seconds, whatever the operator does.
func (p *place) quietTenants(ctx context.Context, n int, limit time.Duration) ([]time.Duration, error) {
	times, errs := make([]time.Duration, n), make(chan error, n)
	for i := range n {
		go func() {
			var err error
			times[i], err = p.quietTenant(ctx, fmt.Sprintf("quiet-%d", p.quiet.Add(1)), limit)
			errs <- err
		}()
	}
	var err error
	for range n {
		err = errors.Join(err, <-errs)
	}
	return times, err
}

func (p *place) quietTenant(ctx context.Context, name string, limit time.Duration) (time.Duration, error) {
	if err := p.namespace(ctx, name); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := p.client.Create(ctx, &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: v1alpha1.Name}}); err != nil {
		return 0, err
	}
	if err := p.waitReady(ctx, name, limit); err != nil {
		if ctx.Err() == nil {
			return limit, nil // it counts, and is no longer waited for
		}
		return 0, err
	}
	return time.Since(began), nil
}

// waitReady waits until a namespace's tenant is Ready.
func (p *place) waitReady(ctx context.Context, namespace string, limit time.Duration) error {
	late, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for late.Err() == nil {
		changes, err := p.client.Watch(late, &v1alpha1.GatewayTenantList{}, client.InNamespace(namespace))
		if err != nil {
			break
		}
		for change := range changes.ResultChan() {
			tenant, is := change.Object.(*v1alpha1.GatewayTenant)
			if is && meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionReady) {
				changes.Stop()
				return nil
			}
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("tenant %s: %w", namespace, ctx.Err())
	}
	return fmt.Errorf("tenant %s is not Ready within %s", namespace, limit)
}

func median(times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	times = slices.Sorted(slices.Values(times))
	return times[len(times)/2]
}

package operatortest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// ErrEnded reports that the operator under test has ended. No further waiting helps.
var ErrEnded = errors.New("the operator has ended")

// Poll calls check at an interval until it returns nil or ErrEnded. After the limit, or when ctx ends, it returns the last
// error of check. Without a limit, which is zero, only ctx ends it.
func Poll(ctx context.Context, interval, limit time.Duration, check func() error) error {
	var late <-chan time.Time
	if limit > 0 {
		late = time.After(limit)
	}
	for {
		err := check()
		if err == nil || errors.Is(err, ErrEnded) {
			return err
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("not in time: %w", err)
			}
			return errors.Join(context.Cause(ctx), err)
		case <-late:
			return fmt.Errorf("not within %s: %w", limit, err)
		case <-time.After(interval):
		}
	}
}

// Pause waits for a time. It returns early, with an error, if ctx ends.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// WaitCondition waits until a condition of a tenant has a status and reason at the present generation, and returns the
// tenant.
func (a *Access) WaitCondition(
	t testing.TB, limit time.Duration, namespace, condition string, status metav1.ConditionStatus, reason string,
) *v1alpha1.GatewayTenant {
	t.Helper()
	tenant := &v1alpha1.GatewayTenant{}
	a.Eventually(t, limit, func() (err error) {
		tenant, err = TenantWith(t.Context(), a.Client, namespace, condition, status, reason)
		return err
	})
	return tenant
}

// TenantWith reads a tenant. It returns an error unless the condition has the status and reason at the present generation.
func TenantWith(
	ctx context.Context, reader client.Reader, namespace, condition string, status metav1.ConditionStatus, reason string,
) (*v1alpha1.GatewayTenant, error) {
	tenant := &v1alpha1.GatewayTenant{}
	if err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: v1alpha1.Name}, tenant); err != nil {
		return nil, err
	}
	is := meta.FindStatusCondition(tenant.Status.Conditions, condition)
	if is == nil || is.Status != status || is.Reason != reason || is.ObservedGeneration != tenant.Generation {
		return nil, fmt.Errorf("%s: generation %d: %s is %+v, want %s %s", namespace, tenant.Generation, condition, is, status, reason)
	}
	return tenant, nil
}

// WaitReady waits until a tenant is Ready at its present generation, and returns it.
func (a *Access) WaitReady(t testing.TB, limit time.Duration, namespace string) *v1alpha1.GatewayTenant {
	t.Helper()
	return a.WaitCondition(t, limit, namespace, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
}

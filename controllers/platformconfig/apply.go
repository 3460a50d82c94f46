package platformconfig

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
)

// tenantApplier applies the GatewayTenants of entries.
type tenantApplier struct {
	applier     *apply.Applier
	concurrency int
	rejections  rejections
}

// applyAll applies the planned entries, several concurrently. One that fails does not affect others. It writes failures to
// the plan's rows, and returns those that are to be retried.
func (a *tenantApplier) applyAll(ctx context.Context, p *plan.Plan, tenants map[string]*v1alpha1.GatewayTenant) error {
	errs := make([]error, len(p.Apply))
	var workers errgroup.Group
	workers.SetLimit(a.concurrency)
	a.rejections.expire(time.Now())
	for i := range p.Apply {
		workers.Go(func() error {
			errs[i] = a.apply(ctx, &p.Apply[i], tenants[p.Apply[i].Namespace])
			return nil
		})
	}
	_ = workers.Wait() // the workers' errors are in errs: all of them, not the first
	for i, err := range errs {
		work := &p.Apply[i]
		row := &p.Rows[work.Row]
		if err == nil {
			if work.Refused != "" {
				row.State, row.Message = plan.Refused, work.Message()
			}
			continue
		}
		row.State, row.Message = plan.Failed, fmt.Sprintf("%s: %v", work.Place, err)
		if work.Refused != "" {
			row.Message += "; " + work.Refused
		}
		if isRejection(err) {
			row.State, errs[i] = plan.Refused, nil
		} else if apierrors.IsNotFound(err) || apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			row.State, row.Message, errs[i] = plan.Waiting, "the namespace is going; its gateway is made when it appears again", nil
		}
	}
	return errors.Join(errs...)
}

// apply applies an entry. If the API server rejects independent fields of it, it applies the rest.
func (a *tenantApplier) apply(ctx context.Context, work *plan.Work, tenant *v1alpha1.GatewayTenant) error {
	var live metav1.Object // a nil pointer in it would not be nil
	if tenant != nil {
		live = tenant
	}
	send := func() error {
		desired := work.Tenant()
		return a.rejections.unlessRejected(desired, tenant, time.Now(), func() error { return a.applier.CompareAndApply(ctx, desired, live) })
	}
	err := send()
	if rest, is := work.WithoutFaults(tenant, faultsOf(err)); is {
		*work = rest
		return send()
	}
	return err
}

// faultsOf returns the errors of the API server about the fields of a GatewayTenant.
func faultsOf(err error) []plan.Fault {
	status := apierrors.APIStatus(nil)
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	var faults []plan.Fault
	for _, cause := range status.Status().Details.Causes {
		faults = append(faults, plan.Fault{Field: cause.Field, Message: cause.Message})
	}
	return faults
}

package platformconfig

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
)

// tenantApplier applies the GatewayTenants of entries.
type tenantApplier struct {
	comparer    *apply.Comparer
	applier     *apply.Applier
	concurrency int
	rejections  rejections
	contention  contention
}

// applyAll applies the planned entries, several concurrently. One that fails does not affect others. It writes failures to
// the plan's rows, and returns those that are to be retried, and how long until a row changes without an event.
func (a *tenantApplier) applyAll(ctx context.Context, p *plan.Plan, tenants map[string]*v1alpha1.GatewayTenant) (time.Duration, error) {
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
	a.contention.keepOnly(p.Apply)
	var again time.Duration
	for i, err := range errs {
		work := &p.Apply[i]
		row := &p.Rows[work.Row]
		if err != nil {
			errs[i] = setFailed(row, work, err)
			continue
		}
		if work.Refused != "" {
			row.State, row.Message = plan.Refused, work.Message()
		} else if contended, wait := a.contention.message(work.Namespace, time.Now()); contended != "" {
			row.State, row.Message = plan.Contended, contended
			if again == 0 || wait < again {
				again = wait
			}
		}
	}
	return again, errors.Join(errs...)
}

// setFailed sets the row of an entry that was not applied. It returns the error if the apply is to be retried, since no event will
// follow.
func setFailed(row *plan.Row, work *plan.Work, err error) error {
	row.State, row.Message = plan.Failed, fmt.Sprintf("%s: %v", work.Place, err)
	if work.Refused != "" {
		row.Message += "; " + work.Refused
	}
	switch {
	case isRejection(err):
		row.State, err = plan.Refused, nil
	case isGone(err):
		row.State, row.Message, err = plan.Waiting, "the namespace is being deleted; its gateway is made when it appears again", nil
	case isUnserved(err):
		row.Message = fmt.Sprintf("%s: the API server does not serve GatewayTenants; install the CRD gatewaytenants.%s, and the gateway is created again, on its volume if that was kept", work.Place, v1alpha1.GroupVersion.Group)
	}
	return err
}

// isGone reports whether nothing can be created in a namespace because it does not exist any more or is being deleted.
func isGone(err error) bool {
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return true
	}
	status := apierrors.APIStatus(nil)
	return apierrors.IsNotFound(err) && errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Kind == "namespaces"
}

// isUnserved reports whether the API server does not know GatewayTenants. It answers a request for any object of a kind that it
// does not serve with a text instead of a status.
func isUnserved(err error) bool {
	return meta.IsNoMatchError(err) || apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}

// apply applies an entry. If the API server rejects independent fields of it, it applies the rest.
func (a *tenantApplier) apply(ctx context.Context, work *plan.Work, tenant *v1alpha1.GatewayTenant) error {
	err := a.send(ctx, work, tenant)
	if rest, is := work.WithoutFaults(tenant, faultsOf(err)); is {
		*work = rest
		return a.send(ctx, work, tenant)
	}
	return err
}

// send applies what is planned if the GatewayTenant differs from it. The tenant is nil if none exists.
func (a *tenantApplier) send(ctx context.Context, work *plan.Work, tenant *v1alpha1.GatewayTenant) error {
	var live metav1.Object // a nil pointer in it would not be nil
	if tenant != nil {
		live = tenant
	}
	desired := work.Tenant()
	return a.rejections.unlessRejected(desired, tenant, time.Now(), func() error {
		difference, err := a.comparer.Compare(desired, live)
		if err != nil {
			return err
		}
		if tenant != nil && (difference.Needed || !a.contention.isSettled(tenant, apply.AppliedHash(tenant))) && work.Differs(tenant) {
			difference.Needed, difference.Incomplete = true, false // whatever its managedFields say
		}
		if !difference.Needed {
			a.contention.settle(tenant, apply.AppliedHash(tenant))
			return nil
		}
		return a.applier.Apply(ctx, desired, live, difference)
	})
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

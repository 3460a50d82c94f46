package platformconfig

import (
	"context"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/report"
)

// reporter writes the report, and records Events about it.
type reporter struct {
	client client.Client
	events events.EventRecorder
	name   types.NamespacedName

	// written is the version of the report that this process wrote last, until the cache contains that or a newer one. It
	// cannot be derived from the cache, which may be behind. Losing it is safe: the plan is then made from an older version,
	// and removals are skipped until the cache contains the newest one.
	written *record
	// wroteAt is the time of that write, which limits the rate of writes. Losing it costs one write.
	wroteAt time.Time
}

// record is a version of the report. The version is empty if no report exists.
type record struct {
	version string
	hold    plan.Hold
	applied plan.AppliedSet
}

// latest returns the newest version of the report that this process knows.
func (r *reporter) latest(cached *corev1.ConfigMap) record {
	if r.written != nil && isBehind(cached, r.written.version) {
		return *r.written
	}
	r.written = nil
	if cached == nil {
		return record{}
	}
	return record{cached.ResourceVersion, report.HoldIn(cached), report.AppliedIn(cached)}
}

// isBehind reports whether a report in the cache is older than a version. A report that was deleted after that version
// counts as older, too, until it is written again.
func isBehind(cached *corev1.ConfigMap, version string) bool {
	if cached == nil {
		return true
	}
	order, err := resourceversion.CompareResourceVersion(cached.ResourceVersion, version)
	return err == nil && order < 0
}

// recordHold adds a hold to the existing report, and returns the version that contains it. Applied is what the newest version records, which
// the cache may not contain yet.
func (r *reporter) recordHold(ctx context.Context, hold plan.Hold, applied plan.AppliedSet, cached *corev1.ConfigMap) (record, error) {
	if err := r.write(ctx, report.WithHold(cached, hold, applied), hold, applied); err != nil {
		return record{}, err
	}
	return *r.written, nil
}

// report writes the report if it changed, at most once a second. It returns how long to wait for the next write. If the
// summary changed, it records an Event about the first ConfigMap, which is nil if it does not exist.
func (r *reporter) report(ctx context.Context, p plan.Plan, cached, first *corev1.ConfigMap) (time.Duration, error) {
	setMetrics(p)
	data := report.Data(p)
	if cached != nil && maps.Equal(cached.Data, data) {
		return 0, nil
	}
	if wait := time.Second - time.Since(r.wroteAt); wait > 0 {
		return wait, nil
	}
	if err := r.write(ctx, data, p.Hold, p.Applied); err != nil {
		return 0, err
	}
	event := report.Changed(p, cached)
	if event == nil {
		return 0, nil
	}
	ctrl.LoggerFrom(ctx).Info("The entries of platform-config changed state", "summary", event.Summary)
	if first != nil {
		r.events.Eventf(first, nil, event.Type, event.Reason, "Reconcile", "%s", event.Note)
	}
	return 0, nil
}

func (r *reporter) write(ctx context.Context, data map[string]string, hold plan.Hold, applied plan.AppliedSet) error {
	object := report.Object(r.name, data)
	if err := r.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(plan.FieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("writing the report %s: %w", r.name, err)
	}
	r.written, r.wroteAt = &record{object.GetResourceVersion(), hold, applied}, time.Now()
	return nil
}

package platformconfig

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
)

// Reconciler keeps the GatewayTenants as the ConfigMaps say.
type Reconciler struct {
	client.Client               // reads from the manager's caches
	live          client.Reader // reads from the API server: only before something is deleted
	applier       *apply.Applier
	events        events.EventRecorder
	options       Options
	refused       refusedApplies
	read          map[string]readSource // by origin, what was read of the version that was there
	wrote         time.Time             // when the report was last written
	hold          *Hold                 // what is on record as held, as this process wrote it; nil: it has not written yet
}

// readSource is a source and the version of its ConfigMap. Reading a thousand entries takes longer than all the rest.
type readSource struct {
	version string
	source  Source
}

// Reconcile is one pass over all entries. There is only ever one at a time.
func (r *Reconciler) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	configs, err := r.configs(ctx, r.Client)
	if err != nil {
		return ctrl.Result{}, err
	}
	world, err := r.world(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	world.Hold, world.Nonce = HoldIn(configs[r.options.report().Name]), rand.Text()
	if r.hold != nil { // the cache may be behind what was written
		world.Hold = *r.hold
	}
	plan := Compare(r.sources(configs), world, r.options.Guard)
	if configs[r.options.Config.Name] == nil {
		plan.withoutFirst(r.options.Config)
	}
	if plan.Hold.Plan != world.Hold.Plan && plan.Hold.Plan != "" { // on record before anything else changes the proportion
		if err := r.recordHold(ctx, plan.Hold, configs); err != nil {
			return ctrl.Result{}, err
		}
	}
	err = errors.Join(r.applyAll(ctx, &plan, world), r.remove(ctx, plan, configs))
	wait, reportErr := r.report(ctx, plan, configs)
	if err == nil && reportErr == nil {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	if wait > 0 { // what failed is to be read before it is tried again, which may take a while
		select {
		case <-ctx.Done():
		case <-time.After(wait):
			_, reportErr = r.report(ctx, plan, configs)
		}
	}
	return ctrl.Result{}, errors.Join(err, reportErr)
}

// configs are the ConfigMaps with entries, by name, and the report.
func (r *Reconciler) configs(ctx context.Context, reader client.Reader) (map[string]*corev1.ConfigMap, error) {
	var list corev1.ConfigMapList
	if err := reader.List(ctx, &list, client.InNamespace(r.options.Config.Namespace)); err != nil {
		return nil, fmt.Errorf("listing the ConfigMaps with entries: %w", err)
	}
	configs := map[string]*corev1.ConfigMap{}
	for i := range list.Items {
		if config := &list.Items[i]; r.options.Concerns(config) {
			configs[config.Name] = config
		}
	}
	return configs, nil
}

// sources reads the ConfigMaps, in the order of their names; the report is none of them.
func (r *Reconciler) sources(configs map[string]*corev1.ConfigMap) []Source {
	read := map[string]readSource{}
	var sources []Source
	room := maxTotalSize
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		if name == r.options.report().Name {
			continue
		}
		config := configs[name]
		version := string(config.UID) + config.ResourceVersion
		known, is := r.read[name]
		if !is || known.version != version || !known.source.fits(room) {
			known = readSource{version, known.source.reread(config, r.options.Platform, room)}
		}
		read[name] = known
		room -= known.source.size
		sources = append(sources, known.source)
	}
	r.read = read
	return sources
}

// world is what there is beside the ConfigMaps.
func (r *Reconciler) world(ctx context.Context) (World, error) {
	var tenants v1alpha1.GatewayTenantList
	namespaces := metav1.PartialObjectMetadataList{}
	namespaces.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	err := errors.Join(r.List(ctx, &tenants, client.UnsafeDisableDeepCopy), r.List(ctx, &namespaces, client.UnsafeDisableDeepCopy))
	if err != nil {
		return World{}, fmt.Errorf("listing GatewayTenants and namespaces: %w", err)
	}
	return WorldOf(tenants.Items, namespaces.Items, r.options.Namespaces), nil
}

// report writes the report if it changed, at most once a second.
func (r *Reconciler) report(ctx context.Context, plan Plan, configs map[string]*corev1.ConfigMap) (time.Duration, error) {
	measure(plan)
	if old := configs[r.options.report().Name]; old != nil && maps.Equal(old.Data, reportOf(plan)) {
		return 0, nil
	}
	if wait := time.Second - time.Since(r.wrote); wait > 0 {
		return wait, nil
	}
	return 0, r.record(ctx, plan, configs)
}

// record writes the report, and tells of the change in an Event.
func (r *Reconciler) record(ctx context.Context, plan Plan, configs map[string]*corev1.ConfigMap) error {
	if err := r.write(ctx, reportOf(plan), plan.Hold); err != nil {
		return err
	}
	r.tell(ctx, plan, configs, configs[r.options.report().Name])
	return nil
}

// recordHold adds a hold to the report that there is.
func (r *Reconciler) recordHold(ctx context.Context, hold Hold, configs map[string]*corev1.ConfigMap) error {
	data := map[string]string{}
	if old := configs[r.options.report().Name]; old != nil {
		maps.Copy(data, old.Data)
	}
	data[keyHold] = holdText(hold)
	return r.write(ctx, data, hold)
}

func (r *Reconciler) write(ctx context.Context, data map[string]string, hold Hold) error {
	name := r.options.report()
	object := client.ApplyConfigurationFromUnstructured(reportObject(name, data))
	if err := r.Apply(ctx, object, client.FieldOwner(FieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("writing the report %s: %w", name, err)
	}
	r.wrote, r.hold = time.Now(), &hold
	return nil
}

// tell records an Event at the first ConfigMap when the summary changed.
func (r *Reconciler) tell(ctx context.Context, plan Plan, configs map[string]*corev1.ConfigMap, old *corev1.ConfigMap) {
	text := summary(plan)
	if old != nil && old.Data[keySummary] == text {
		return
	}
	ctrl.LoggerFrom(ctx).Info("The entries of platform-config changed state", "summary", strings.Split(strings.TrimSpace(text), "\n"))
	config := configs[r.options.Config.Name]
	if config == nil {
		return // there is nothing to record it at
	}
	kind, reason := corev1.EventTypeNormal, "Applied"
	counts := count(plan.Rows)
	switch {
	case plan.Hold.Plan != "":
		kind, reason = corev1.EventTypeWarning, "RemovalHeld"
	case len(plan.Problems) > 0:
		kind, reason = corev1.EventTypeWarning, "Unreadable"
	case counts[Refused]+counts[Failed]+counts[Conflict]+counts[Kept] > 0:
		kind, reason = corev1.EventTypeWarning, "NotAllApplied"
	}
	const most = 900 // an Event's note may have 1,024 bytes
	r.events.Eventf(config, nil, kind, reason, "Reconcile", "%s", message.Truncate(text, most))
}

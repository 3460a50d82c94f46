package plugin

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/crdschema"
	"github.com/ambient-code/gatewaytenant-operator/controllers/namedcache"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	bridgeplan "github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/report"
)

// bridge plans for all entries as if the given ConfigMaps replaced the existing ones.
func (p Planner) bridge(ctx context.Context, configs []ConfigInput, plan *Plan) error {
	configMaps := p.Settings.Options.ConfigMaps()
	all := map[string]*corev1.ConfigMap{}
	snapshot, tenants, err := p.bridgeSnapshot(ctx, configMaps, all)
	if err != nil {
		return err
	}
	for _, given := range configs {
		config := given.Config.DeepCopy()
		if live := all[config.Name]; live != nil { // annotations that the file does not set stay
			config.Annotations = mergedMaps(live.Annotations, config.Annotations)
		}
		all[config.Name] = config
	}
	delete(all, configMaps.Report().Name)
	var inOrder []*corev1.ConfigMap
	for _, name := range slices.Sorted(maps.Keys(all)) {
		inOrder = append(inOrder, all[name])
	}
	sources := entries.NewReader(p.Settings.Platform).Read(inOrder)
	for _, source := range sources {
		if p.Cluster == nil {
			for _, entry := range source.Entries {
				snapshot.Namespaces[entry.Namespace] = bridgeplan.Present
			}
		}
	}
	snapshot.Reserved = p.Settings.Platform.Reserves
	compared := bridgeplan.Compare(sources, snapshot, p.Settings.Options.Guard)
	plan.Problems = compared.Problems
	if hold := compared.Hold; hold.Token != "" {
		plan.Problems = append(plan.Problems, fmt.Sprintf("the removal of %d of %d gateways waits for a confirmation, with the value that the summary of %s has then", len(hold.Tenants), hold.Total, configMaps.Report().Name))
	}
	outcomes := notApplied(compared)
	if err := p.addRemovals(ctx, outcomes); err != nil {
		return err
	}
	plan.Tenants = append(plan.Tenants, outcomes...)
	var steps []step
	for _, work := range compared.Apply {
		before := tenants[work.Namespace]
		after, refused, err := previewAsFarAsAccepted(work, before, snapshot.Tenants[work.Namespace])
		if err != nil {
			return err
		}
		if refused != "" {
			plan.Tenants = append(plan.Tenants, Outcome{Namespace: work.Namespace, Action: Refused, Message: refused})
		}
		steps = append(steps, step{before: before, after: after})
	}
	return p.follow(ctx, steps, plan)
}

// previewAsFarAsAccepted returns the GatewayTenant as it would be once the bridge has applied an entry, without the
// fields that the API server would refuse if the bridge applies the rest, and why it would refuse them.
func previewAsFarAsAccepted(work bridgeplan.Work, before *unstructured.Unstructured, tenant *v1alpha1.GatewayTenant) (*unstructured.Unstructured, string, error) {
	after, err := preview(work, before)
	if err != nil || before == nil {
		return after, "", err
	}
	errs, err := crdschema.Check(after.Object, before.Object)
	if err != nil {
		return nil, "", err
	}
	var faults []bridgeplan.Fault
	for _, e := range errs {
		faults = append(faults, bridgeplan.Fault{Field: e.Field, Message: e.ErrorBody()})
	}
	rest, is := work.WithoutFaults(tenant, faults)
	if !is {
		return after, "", nil
	}
	after, err = preview(rest, before)
	return after, rest.Message(), err
}

// bridgeSnapshot reads what the bridge reads in addition to the files: GatewayTenants, namespaces, the other ConfigMaps with entries
// and the removal hold.
func (p Planner) bridgeSnapshot(ctx context.Context, configMaps entries.ConfigMaps, configs map[string]*corev1.ConfigMap) (bridgeplan.Snapshot, map[string]*unstructured.Unstructured, error) {
	snapshot := bridgeplan.NewSnapshot(nil, nil, nil)
	tenants := map[string]*unstructured.Unstructured{}
	if p.Cluster == nil {
		return snapshot, tenants, nil
	}
	var list corev1.ConfigMapList
	if err := p.Cluster.List(ctx, &list, client.InNamespace(configMaps.First.Namespace)); err != nil {
		return snapshot, nil, fmt.Errorf("listing the ConfigMaps with entries in namespace %s: %w; with --offline nothing is asked of the cluster", configMaps.First.Namespace, err)
	}
	for i := range list.Items {
		if configMaps.Include(&list.Items[i]) {
			configs[list.Items[i].Name] = &list.Items[i]
		}
	}
	objects := &unstructured.UnstructuredList{}
	objects.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("GatewayTenantList"))
	if err := p.Cluster.List(ctx, objects); err != nil {
		return snapshot, nil, fmt.Errorf("listing all GatewayTenants: %w", explain(err))
	}
	existing, err := namespaces(ctx, p.Cluster)
	if err != nil {
		return snapshot, nil, err
	}
	var all []v1alpha1.GatewayTenant
	for i := range objects.Items {
		tenant, err := typed(&objects.Items[i])
		if err != nil {
			return snapshot, nil, err
		}
		tenants[tenant.Namespace] = &objects.Items[i]
		all = append(all, *tenant)
	}
	snapshot = bridgeplan.NewSnapshot(all, existing, namedcache.Only(p.Settings.Options.WatchNamespaces).Include)
	recorded := configs[configMaps.Report().Name]
	snapshot.Hold, snapshot.Applied, snapshot.Nonce = report.HoldIn(recorded), report.AppliedIn(recorded), rand.Text()
	return snapshot, tenants, nil
}

// notApplied returns the outcomes for the tenants to which the bridge applies nothing.
func notApplied(compared bridgeplan.Plan) []Outcome {
	actions := map[bridgeplan.State]Action{
		bridgeplan.Waiting: Waiting, bridgeplan.Refused: Refused, bridgeplan.Conflict: Refused,
		bridgeplan.Kept: Kept, bridgeplan.Held: Held,
	}
	var outcomes []Outcome
	for _, row := range compared.Rows {
		if action, is := actions[row.State]; is {
			outcomes = append(outcomes, Outcome{Namespace: row.Namespace, Action: action, Message: row.Message})
		}
	}
	for _, tenant := range compared.Delete {
		message := "its volume claim stays"
		if tenant.Spec.Storage.WhenDeleted == v1alpha1.WhenDeletedDelete {
			message = "its volume goes with it, since spec.storage.whenDeleted is Delete"
		}
		outcomes = append(outcomes, Outcome{Namespace: tenant.Namespace, Action: Removed, Message: message})
	}
	for _, tenant := range compared.Release {
		outcomes = append(outcomes, Outcome{Namespace: tenant.Namespace, Action: Released, Message: "it stays, as a hand-made one"})
	}
	return outcomes
}

func mergedMaps(base, over map[string]string) map[string]string {
	merged := maps.Clone(base)
	if merged == nil {
		merged = map[string]string{}
	}
	maps.Copy(merged, over)
	return merged
}

func sortedKeys(of map[string]bool) []string { return slices.Sorted(maps.Keys(of)) }

// shown formats a value in one line.
func shown(value any) string {
	if value == nil {
		return "unset"
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// preview returns the GatewayTenant as it would be once the bridge has applied an entry.
func preview(work bridgeplan.Work, before *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	applied, err := apply.NewComparer(Scheme, bridgeplan.FieldOwner).Preview(work.Tenant(), before)
	return applied.Object, err
}

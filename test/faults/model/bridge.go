package model

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	bridgeplan "github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

const origin = "platform/platform-config"

// texts are what platform-config may say. The first stands for: it is not there.
var texts = []string{
	"",
	"[]",
	"- {name: a",
	entry("a", 1) + entry("b", 1),
	entry("a", 1),
	entry("a", 2) + entry("b", 1),
	"- {name: a, gateway: {serverDnsNames: [], imag: x}}\n" + entry("b", 1),
	"- {name: c, gateway: {serverDnsNames: []}}\n",
}

func entry(namespace string, spec int) string {
	return fmt.Sprintf("- {name: %s, gateway: {serverDnsNames: [n%d.example.com]}}\n", namespace, spec)
}

// object is a GatewayTenant in one of two namespaces: what made it, and which one it is of those that there were.
type object struct {
	spec int8 // 0: none; -1: hand-made; else the entry that it was made from
	uid  int8
}

// write is a write of the present reconcile that is not made yet.
type write struct {
	of     int8 // the namespace
	apply  int8 // the spec, or 0 for a deletion
	seen   object
	config int8 // the one that the reconcile read
	unsure bool // the config has changed since
}

// bridgeWorld is a state of the model: what there is, and what the operator knows of it.
type bridgeWorld struct {
	config  int8
	tenants [2]object
	// cached is what the operator's caches hold. oldConfig reports whether the config has changed since.
	cachedConfig  int8
	oldConfig     bool
	cachedTenants [2]object
	todo          [2]write // the writes of the present reconcile
	hold          bool     // a removal of all is on record as held
	edits         int8     // of others, so far
}

const mostEdits = 4

var namespaces = []string{"a", "b"}

type bridge struct {
	sources []entries.Source
}

func newBridge() (*bridge, error) {
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		return nil, err
	}
	b := &bridge{}
	for _, text := range texts {
		config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "platform-config"}, Data: map[string]string{entries.Key: text}}
		b.sources = append(b.sources, entries.Read(config, platform))
	}
	return b, nil
}

// plan calls the operator's own planner.
func (b *bridge) plan(config int8, tenants [2]object) bridgeplan.Plan {
	snapshot := bridgeplan.Snapshot{
		Tenants: map[string]*v1alpha1.GatewayTenant{}, Nonce: "nonce",
		Namespaces: map[string]bridgeplan.Presence{"a": bridgeplan.Present, "b": bridgeplan.Present},
	}
	for i, is := range tenants {
		if is.spec == 0 {
			continue
		}
		tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: namespaces[i], UID: types.UID(fmt.Sprint("uid-", is.uid))}}
		if is.spec > 0 {
			tenant.Labels = map[string]string{v1alpha1.LabelSource: v1alpha1.SourcePlatformConfig}
			tenant.Annotations = map[string]string{v1alpha1.AnnotationSource: origin}
		}
		snapshot.Tenants[namespaces[i]] = tenant
	}
	var sources []entries.Source
	if config > 0 {
		sources = b.sources[config : config+1]
	}
	return bridgeplan.Compare(sources, snapshot, bridgeplan.DefaultGuard)
}

func specOf(work bridgeplan.Work) int8 {
	if fmt.Sprint(work.Spec["serverDnsNames"]) == "[n2.example.com]" {
		return 2
	}
	return 1
}

// reconcile makes a plan from the caches.
func (b *bridge) reconcile(w bridgeWorld) bridgeWorld {
	plan := b.plan(w.cachedConfig, w.cachedTenants)
	w.todo, w.hold = [2]write{}, plan.Hold.Token != ""
	for _, work := range plan.Apply {
		i := slices.Index(namespaces, work.Namespace)
		if seen := w.cachedTenants[i]; i >= 0 && seen.spec != specOf(work) {
			w.todo[i] = write{of: int8(i), apply: specOf(work), seen: seen} //nolint:gosec // one of two
		}
	}
	for _, tenant := range plan.Delete {
		i := slices.Index(namespaces, tenant.Namespace)
		w.todo[i] = write{of: int8(i), seen: w.cachedTenants[i], config: w.cachedConfig, unsure: w.oldConfig} //nolint:gosec // one of two
	}
	return w
}

// act makes one of the writes that are left, as the API server takes it: an apply overwrites nothing but what was seen,
// and before a delete, live reads confirm its cause.
func act(w bridgeWorld, i int) bridgeWorld {
	do := w.todo[i]
	w.todo[i] = write{}
	live := w.tenants[i]
	switch {
	case do == write{}:
	case do.apply > 0 && do.seen.spec == 0 && live.spec == -1:
		// In conflict with what was made by hand and is unseen; what was seen as hand-made is never applied to.
	case do.apply > 0 && do.seen.spec != 0 && (live.spec == 0 || live.uid != do.seen.uid):
		// In conflict, since the one that was seen is gone.
	case do.apply > 0 && live.spec == 0:
		w.tenants[i] = object{do.apply, live.uid ^ 1}
	case do.apply > 0:
		w.tenants[i].spec = do.apply
	case do.unsure || do.config != w.config:
	case live.spec > 0 && live.uid == do.seen.uid:
		w.tenants[i] = object{0, live.uid}
	}
	return w
}

// steps are all that can happen next.
func (b *bridge) steps(w bridgeWorld) []Step[bridgeWorld] {
	var steps []Step[bridgeWorld]
	add := func(to bridgeWorld, format string, args ...any) {
		steps = append(steps, Step[bridgeWorld]{fmt.Sprintf(format, args...), to})
	}
	if w.todo == [2]write{} {
		add(b.reconcile(w), "a reconcile begins")
	} else {
		crashed := w
		crashed.todo = [2]write{}
		add(crashed, "the operator crashes")
	}
	to := w
	to.cachedConfig, to.oldConfig = w.config, false
	add(to, "the config is delivered")
	for i, namespace := range namespaces {
		if w.todo[i] != (write{}) {
			add(act(w, i), "the write to %s is made", namespace)
		}
		to := w
		to.cachedTenants[i] = w.tenants[i]
		add(to, "the tenant of %s is delivered", namespace)
	}
	if w.edits < mostEdits {
		b.edits(w, add)
	}
	return steps
}

// edits are what others do.
func (b *bridge) edits(w bridgeWorld, add func(bridgeWorld, string, ...any)) {
	w.edits++
	for config := range texts {
		to := w
		to.config, to.oldConfig = int8(config), true //nolint:gosec // one of a few
		for i := range to.todo {
			to.todo[i].unsure = to.todo[i] != write{} && to.todo[i].apply == 0
		}
		add(to, "platform-config becomes %q", texts[config])
	}
	to := w
	if w.tenants[0].spec == 0 {
		to.tenants[0] = object{-1, w.tenants[0].uid ^ 1}
		add(to, "somebody makes a GatewayTenant in a by hand")
	} else {
		to.tenants[0] = object{0, w.tenants[0].uid}
		add(to, "somebody deletes the GatewayTenant of a")
	}
}

// calm delivers all events, and lets the operator do one thing.
func (b *bridge) calm(w bridgeWorld) bridgeWorld {
	for i := range w.todo {
		if w.todo[i] != (write{}) {
			return act(w, i)
		}
	}
	w.cachedConfig, w.oldConfig, w.cachedTenants = w.config, false, w.tenants
	return b.reconcile(w)
}

// wanted says why a world at rest is not as it should be.
func (b *bridge) wanted(from, w bridgeWorld) error {
	source := b.sources[w.config]
	for i, namespace := range namespaces {
		is := w.tenants[i].spec
		at := slices.IndexFunc(source.Entries, func(e entries.Entry) bool { return e.Namespace == namespace })
		switch {
		case from.tenants[i].spec == -1 && is != -1:
			return fmt.Errorf("what was made by hand in %s is %d", namespace, is)
		case is == -1:
		case w.config == 0 || source.Err != nil:
			if from.todo == [2]write{} && is != from.tenants[i].spec {
				return fmt.Errorf("the config cannot be read, and %s became %d", namespace, is)
			}
		case at >= 0 && is != specOf(bridgeplan.Work{Entry: source.Entries[at]}):
			return fmt.Errorf("%s is %d, and its entry is another", namespace, is)
		case at < 0 && is > 0 && len(source.Refusals) == 0 && !w.hold:
			return fmt.Errorf("%s has no entry and is still there", namespace)
		}
	}
	return nil
}

// Bridge explores what a few edits, crashes and late events can lead to between platform-config and GatewayTenants.
func Bridge() (Result, error) {
	b, err := newBridge()
	if err != nil {
		return Result{}, err
	}
	return Check(bridgeWorld{}, b.steps, b.calm, b.wanted), nil
}

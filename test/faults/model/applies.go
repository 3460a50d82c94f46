package model

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// thing is one of a tenant's objects: what there is of it, and what the operator knows.
type thing struct {
	live, cached, seen int16 // seen is the version in the cache when the present reconcile began
	due                bool  // whether the present reconcile has not applied it yet
	uids               int8  // that there were
}

// applyWorld is a state of the model: a tenant's ConfigMap or Service, and its StatefulSet, which waits for the Secrets.
type applyWorld struct {
	spec, cachedSpec, plannedSpec int8
	secrets, cachedSecrets        bool
	things                        [2]thing
	left                          int8 // edits of others that are still to come
}

const (
	gateway = 1 // the StatefulSet's place among things
)

// applies are the operator's own renderings, and its own Applier.
type applies struct {
	*versions
	desired [2][2]*unstructured.Unstructured // by spec and thing
	fresh   [2][2]int16                      // what comes of these where nothing was
	did     map[[5]int16]applied
	edited  map[string]int16
}

// newApplies renders a tenant with either of two specs. The kind is that of the object which waits for nothing.
func newApplies(kind string) (*applies, error) {
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		return nil, err
	}
	a := &applies{versions: newVersions(), did: map[[5]int16]applied{}, edited: map[string]int16{}}
	for spec, config := range []string{"", "openshell.gateway.log_level = 'debug'"} {
		gt := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: "a", UID: "tenant"}, Spec: v1alpha1.GatewayTenantSpec{Config: config}}
		tenant, err := manifests.NewTenant(gt, platform)
		if err != nil {
			return nil, err
		}
		objects, err := manifests.Render(tenant, manifests.RenderInput{NamespaceUID: "namespace", TokenKey: "1"})
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(objects.Foundation, func(o *unstructured.Unstructured) bool { return o.GetKind() == kind })
		for _, no := range []string{"hostIPC", "hostNetwork", "hostPID"} { // a fake client forgets who owns what is false
			unstructured.RemoveNestedField(objects.Gateway.Object, "spec", "template", "spec", no)
		}
		a.desired[spec] = [2]*unstructured.Unstructured{objects.Foundation[at], objects.Gateway}
		for i, desired := range a.desired[spec] {
			a.fresh[spec][i] = a.versions.apply(desired, 0, 0, uid(0), 9).live
		}
	}
	return a, nil
}

// ours reports whether the operator would apply a thing in this version.
func (a *applies) ours(i int, version int16) bool {
	if version == 0 {
		return true
	}
	return plan.CheckOwnership(a.desired[0][i], a.all[version], "tenant") == nil
}

// apply applies one thing as the present reconcile saw it. The operator crashes after so many writes.
func (a *applies) apply(w applyWorld, i int, most int16) (applyWorld, applied) {
	t := &w.things[i]
	t.due = false
	if !a.ours(i, t.seen) {
		return w, applied{live: t.live}
	}
	is := [5]int16{int16(i)*2 + int16(w.plannedSpec), t.seen, t.live, int16(t.uids), most} //nolint:gosec // small numbers
	did, known := a.did[is]
	if !known {
		did = a.versions.apply(a.desired[w.plannedSpec][i], t.seen, t.live, uid(t.uids), int(most))
		a.did[is] = did
	}
	if t.live == 0 && did.live != 0 {
		t.uids++
	}
	t.live = did.live
	return w, did
}

func uid(number int8) types.UID { return types.UID(fmt.Sprint("uid-", number)) }

// begin begins a reconcile, from the caches. It does not apply the StatefulSet if it has not seen the Secrets.
func begin(w applyWorld) applyWorld {
	w.plannedSpec = w.cachedSpec
	for i := range w.things {
		w.things[i].seen, w.things[i].due = w.things[i].cached, i != gateway || w.cachedSecrets
	}
	return w
}

// crash ends a reconcile.
func crash(w applyWorld) applyWorld {
	w.plannedSpec = 0
	for i := range w.things {
		w.things[i].seen, w.things[i].due = 0, false
	}
	return w
}

func (w applyWorld) busy() bool {
	return slices.ContainsFunc(w.things[:], func(t thing) bool { return t.due })
}

// steps returns everything that can happen next. A reconcile makes its writes in any order, which includes the real one.
func (a *applies) steps(w applyWorld) []Step[applyWorld] {
	var steps []Step[applyWorld]
	add := func(to applyWorld, format string, args ...any) {
		if !to.busy() {
			to = crash(to) // what it saw is of no importance any more
		}
		steps = append(steps, Step[applyWorld]{fmt.Sprintf(format, args...), to})
	}
	if !w.busy() {
		add(begin(w), "a reconcile begins")
	} else {
		add(crash(w), "the operator crashes")
	}
	for i, t := range w.things {
		kind := a.desired[0][i].GetKind()
		if t.due {
			to, did := a.apply(w, i, 9)
			add(to, "the %s is applied", kind)
			for most := 1; most < did.writes; most++ {
				to, _ := a.apply(w, i, int16(most)) //nolint:gosec // one or two
				add(crash(to), "the operator crashes when it has made %d of %d writes to the %s", most, did.writes, kind)
			}
		}
		to := w
		to.things[i].cached = t.live
		add(to, "the %s is delivered", kind)
	}
	to := w
	to.cachedSpec, to.cachedSecrets = w.spec, w.secrets
	add(to, "the spec and the Secrets are delivered")
	to = w
	to.secrets = true
	add(to, "certgen makes the Secrets")
	if w.left > 0 {
		w.left--
		a.edits(w, add)
	}
	return steps
}

// content is what an object says, whose it is, and our labels, apart from what others say of it.
func content(object *unstructured.Unstructured) map[string]any {
	said := maps.Clone(object.Object)
	delete(said, "status")
	labels := object.GetLabels()
	maps.DeleteFunc(labels, func(label, _ string) bool { return !strings.HasPrefix(label, "app.kubernetes.io/") })
	said["metadata"] = map[string]any{"labels": labels, "owners": object.GetOwnerReferences()}
	return said
}

// calm delivers all events, and lets the operator do one thing.
func (a *applies) calm(w applyWorld) applyWorld {
	for i := range w.things {
		if w.things[i].due {
			w, _ = a.apply(w, i, 9)
			if !w.busy() {
				w = crash(w)
			}
			return w
		}
	}
	w.secrets, w.cachedSpec, w.cachedSecrets = true, w.spec, true
	for i := range w.things {
		w.things[i].cached = w.things[i].live
	}
	begun := begin(w)
	if a.silent(begun) {
		return w
	}
	return begun
}

// silent reports whether a reconcile that has begun sends nothing.
func (a *applies) silent(w applyWorld) bool {
	for i := range w.things {
		if _, did := a.apply(w, i, 9); did.writes > 0 {
			return false
		}
	}
	return true
}

// wanted says why a world at rest is not as it should be.
func (a *applies) wanted(from, rest applyWorld) error {
	for i, t := range rest.things {
		kind := a.desired[0][i].GetKind()
		if was := from.things[i].live; !a.ours(i, was) {
			if t.live != was {
				return fmt.Errorf("somebody else's %s was touched", kind)
			}
			continue
		}
		if t.live == 0 || t.live != a.fresh[rest.spec][i] && !reflect.DeepEqual(content(a.all[t.live]), content(a.all[a.fresh[rest.spec][i]])) {
			return fmt.Errorf("the %s is not as it was rendered", kind)
		}
	}
	return nil
}

// Applies explores what edits, crashes and late events can lead to between what was rendered for a tenant and what there
// is of it. No planner decides in which order a reconcile makes its writes, so every order is tried. Edits is the number of edits
// by others; two of them take a minute.
func Applies(edits int8) (Result, error) {
	var all Result
	for _, kind := range []string{"ConfigMap", "Service"} {
		a, err := newApplies(kind)
		if err != nil {
			return Result{}, err
		}
		is := Check(applyWorld{left: edits}, a.steps, a.calm, a.wanted)
		all.States += is.States
		all.Violations = append(all.Violations, is.Violations...)
	}
	return all, nil
}

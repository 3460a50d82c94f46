package model

import (
	"context"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// theirs are changes that somebody makes, by kind, as JSON patches.
var theirs = map[string]map[string]string{
	"ConfigMap": {"changed": `[{"op":"replace","path":"/data/gateway.toml","value":"theirs"}]`},
	"Service": {
		"changed":          `[{"op":"replace","path":"/spec/ports/0/targetPort","value":9999}]`,
		"given an element": `[{"op":"add","path":"/spec/ports/-","value":{"name":"theirs","port":9999,"protocol":"TCP"}}]`,
	},
	"StatefulSet": {
		"changed":          `[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"theirs"}]`,
		"given an element": `[{"op":"add","path":"/spec/template/spec/containers/-","value":{"name":"theirs","image":"theirs"}}]`,
		"taken its hash":   `[{"op":"remove","path":"/metadata/annotations/openshell.ambient-code.io~1applied-hash"}]`,
	},
}

// edits are what others do.
func (a *applies) edits(w applyWorld, add func(applyWorld, string, ...any)) {
	to := w
	to.spec = 1 - w.spec
	add(to, "the spec becomes %d", to.spec)
	to = w
	to.secrets = false
	add(to, "a Secret is deleted")
	for i, t := range w.things {
		kind := a.desired[0][i].GetKind()
		if to := w; t.live != 0 {
			to.things[i].live = 0
			add(to, "the %s is deleted", kind)
			to.things[i].live = a.stranger(i, uid(t.uids), nil)
			to.things[i].uids++
			add(to, "the %s is deleted, and somebody's comes in its place", kind)
			to = w
			for _, what := range slices.Sorted(maps.Keys(theirs[kind])) {
				if changed, possible := a.change(i, t.live, what); possible {
					to.things[i].live = changed
					add(to, "the %s is %s", kind, what)
				}
			}
			continue
		}
		to.things[i].live = a.stranger(i, uid(t.uids), nil)
		to.things[i].uids++
		add(to, "somebody makes a %s", kind)
		to.things[i].live = a.stranger(i, uid(t.uids), map[string]string{manifests.LabelName: manifests.AppName})
		add(to, "an earlier gateway's %s is put back", kind)
	}
}

// change makes one of theirs, if it can be made of what there is: elements come once, and nothing goes that is not there.
func (a *applies) change(i int, live int16, what string) (int16, bool) {
	key := fmt.Sprint(i, live, what)
	if changed, known := a.edited[key]; known {
		return changed, changed != 0
	}
	is := a.all[live]
	_, stamped := is.GetAnnotations()[apply.AnnotationHash]
	foreign := slices.ContainsFunc(is.GetManagedFields(), func(m metav1.ManagedFieldsEntry) bool { return m.Manager == another })
	if what == "taken its hash" && !stamped || what == "given an element" && foreign {
		a.edited[key] = 0
		return 0, false
	}
	a.edited[key] = a.edit(a.desired[0][i], live, theirs[a.desired[0][i].GetKind()][what])
	return a.edited[key], true
}

// stranger is an object of somebody else with the name of one of ours, which says something else.
func (a *applies) stranger(i int, uid types.UID, labels map[string]string) int16 {
	key := fmt.Sprint(i, uid, labels)
	if is, known := a.edited[key]; known {
		return is
	}
	object := a.desired[0][i].DeepCopy()
	object.SetOwnerReferences(nil)
	object.SetAnnotations(nil)
	object.SetLabels(labels)
	s := a.serve(object, 0, uid, 1)
	if err := s.Create(context.Background(), object, client.FieldOwner(another)); err != nil {
		panic(err) // there is none
	}
	a.edited[key] = a.edit(object, a.number(s.live()), theirs[object.GetKind()]["changed"])
	return a.edited[key]
}

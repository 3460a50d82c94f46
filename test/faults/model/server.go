package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
)

const (
	us      = "gatewaytenant-operator"
	another = "another"
)

// versions are all versions of objects that were met, each known by its number. 0 is none: the object is absent.
type versions struct {
	all   []*unstructured.Unstructured
	known map[string]int16
	types managedfields.TypeConverter
}

func newVersions() *versions {
	return &versions{all: []*unstructured.Unstructured{nil}, known: map[string]int16{}, types: applyconfigurations.NewTypeConverter(clientgoscheme.Scheme)}
}

// number is the number of an object's version: the same for what cannot be told apart, whenever it was written.
func (v *versions) number(object *unstructured.Unstructured) int16 {
	if object == nil {
		return 0
	}
	object = object.DeepCopy()
	object.SetResourceVersion("")
	fields := object.GetManagedFields()
	for i := range fields {
		fields[i].Time = nil
	}
	object.SetManagedFields(fields)
	text, err := json.Marshal(object)
	if err != nil {
		panic(err) // it was made of JSON
	}
	if _, known := v.known[string(text)]; !known {
		v.known[string(text)] = int16(len(v.all)) //nolint:gosec // there are some dozens
		v.all = append(v.all, object)
	}
	return v.known[string(text)]
}

// at is a version as it is read; live ones and old ones have other resourceVersions.
func (v *versions) at(number int16, resourceVersion string) *unstructured.Unstructured {
	if number == 0 {
		return nil
	}
	object := v.all[number].DeepCopy()
	object.SetResourceVersion(resourceVersion)
	return object
}

// server is the API server as far as one object goes. It dies for the client after some writes.
type server struct {
	client.Client
	object *unstructured.Unstructured // as which one it is found
	uid    types.UID                  // of one that is made
	writes int
	most   int
}

// serve makes a server with one object, or none.
func (v *versions) serve(of *unstructured.Unstructured, live int16, uid types.UID, most int) *server {
	builder := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithTypeConverters(v.types).WithReturnManagedFields()
	if object := v.at(live, "2"); object != nil {
		builder = builder.WithObjects(object)
	}
	return &server{Client: builder.Build(), object: of, uid: uid, most: most}
}

// live is the object that there is.
func (s *server) live() *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(s.object.GroupVersionKind())
	err := s.Get(context.Background(), client.ObjectKeyFromObject(s.object), object)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		panic(err) // it has no other error
	}
	if object.GetUID() == "" {
		object.SetUID(s.uid)
	}
	return object
}

// Apply refuses what was meant for an object with another uid, as an API server does; a fake client does not.
func (s *server) Apply(ctx context.Context, desired runtime.ApplyConfiguration, options ...client.ApplyOption) error {
	if s.writes++; s.writes > s.most {
		return errKilled
	}
	text, err := json.Marshal(desired)
	if err != nil {
		return err
	}
	meant := &unstructured.Unstructured{}
	if err := meant.UnmarshalJSON(text); err != nil {
		return err
	}
	if live := s.live(); meant.GetUID() != "" && (live == nil || live.GetUID() != meant.GetUID()) {
		return apierrors.NewConflict(schema.GroupResource{Resource: meant.GetKind()}, meant.GetName(), errors.New("another uid"))
	}
	return s.Client.Apply(ctx, desired, options...)
}

// Patch is a write, too.
func (s *server) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	if s.writes++; s.writes > s.most {
		return errKilled
	}
	return s.Client.Patch(ctx, object, patch, options...)
}

// applied is what came of an apply.
type applied struct {
	live   int16
	writes int // that were begun
}

// apply has the operator's own Applier apply an object, as it sees it. It dies after the given number of writes.
func (v *versions) apply(desired *unstructured.Unstructured, seen, live int16, uid types.UID, most int) applied {
	s := v.serve(desired, live, uid, most)
	old := "1"
	if seen == live {
		old = "2"
	}
	var is metav1.Object
	if seen := v.at(seen, old); seen != nil {
		is = seen
	}
	// An error needs no attention: who has one tries again, and never comes to rest if that does not help.
	_ = apply.New(s, apply.NewComparer(clientgoscheme.Scheme, us, apply.Exclusive)).CompareAndApply(context.Background(), desired, is)
	return applied{v.number(s.live()), s.writes}
}

// edit is what somebody does to an object that is there, as a JSON patch.
func (v *versions) edit(of *unstructured.Unstructured, live int16, patch string) int16 {
	s := v.serve(of, live, "", 1)
	if err := s.Patch(context.Background(), of.DeepCopy(), client.RawPatch(types.JSONPatchType, []byte(patch)), client.FieldOwner(another)); err != nil {
		panic(fmt.Errorf("%s: %w", patch, err)) // patches are written for what is there
	}
	return v.number(s.live())
}

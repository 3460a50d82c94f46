package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/applyconfigurations"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/bounded"
)

// Applier sends what a Comparer decided, as the field manager of the Comparer.
type Applier struct {
	client    client.Client
	comparer  *Comparer
	reader    client.Reader // reads from the API server; nil if the caches withhold nothing
	onApplied func(Write)   // nil if no caller needs it
	large     chan struct{} // holds an element while an object is reread, which may be large
}

// Write is an apply that succeeded.
type Write struct {
	// Desired is what was applied.
	Desired *unstructured.Unstructured
	// Live is the object before, and Difference what had to be changed. Live is nil if the object did not exist.
	Live       metav1.Object
	Difference Difference
	// Result is the object after.
	Result metav1.Object
	// Overridden are some of the desired fields that an admission webhook changed in Result.
	Overridden []string
}

// Option configures an Applier.
type Option func(*Applier)

// WithReader makes the Applier read an object from the API server through reader if a cache withholds data that an apply
// depends on. The Applier reads and compares one such object at a time, since it may take much memory.
func WithReader(reader client.Reader) Option {
	return func(a *Applier) { a.reader = reader }
}

// OnApplied makes the Applier call f after each apply that succeeded.
func OnApplied(f func(Write)) Option {
	return func(a *Applier) { a.onApplied = f }
}

// New returns an Applier that writes through c.
func New(c client.Client, comparer *Comparer, options ...Option) *Applier {
	go applyconfigurations.NewTypeConverter(comparer.fields.scheme) // The first one parses the schemas of all kinds, which takes long.
	a := &Applier{client: c, comparer: comparer, large: make(chan struct{}, 1)}
	for _, option := range options {
		option(a)
	}
	return a
}

// Apply sends desired if difference, which is Compare's result for desired and live, requires it. An object that exists
// although live is nil, or that has another uid than live, is not overwritten: Apply returns a conflict. Desired is not
// modified.
func (a *Applier) Apply(ctx context.Context, desired *unstructured.Unstructured, live metav1.Object, difference Difference) (err error) {
	if difference.Incomplete {
		if live, difference, err = a.compareAgain(ctx, desired, live); err != nil || !difference.Needed {
			return err
		}
	}
	if !difference.Needed {
		return nil
	}
	err = a.send(ctx, desired, live, difference)
	count(desired, resultApplied, err)
	return err
}

// CompareAndApply compares desired with live and applies it if it has to be applied. It is for callers that act on the
// result of the comparison in no other way.
func (a *Applier) CompareAndApply(ctx context.Context, desired *unstructured.Unstructured, live metav1.Object) error {
	difference, err := a.comparer.Compare(desired, live)
	if err != nil {
		return err
	}
	return a.Apply(ctx, desired, live, difference)
}

// compareAgain compares desired with the object as the API server has it, and returns what the apply needs of that object. No other
// comparison takes place meanwhile. What is sent afterwards can take long if a tenant's admission webhook is slow.
func (a *Applier) compareAgain(ctx context.Context, desired *unstructured.Unstructured, live metav1.Object) (metav1.Object, Difference, error) {
	if a.reader == nil {
		difference, err := a.comparer.compareComplete(desired, live, nil)
		return live, difference, err
	}
	select {
	case a.large <- struct{}{}:
		defer func() { <-a.large }()
	case <-ctx.Done():
		return nil, Difference{}, fmt.Errorf("waiting to read %s: %w", Describe(desired), ctx.Err())
	}
	content, err := a.reread(ctx, desired, live)
	if err == nil {
		live, err = a.comparer.digested(content)
	}
	if err != nil {
		count(desired, resultFailed, err)
		return nil, Difference{}, err
	}
	difference, err := a.comparer.compareComplete(desired, live, content)
	return withoutContent(live), difference, err
}

// withoutContent returns what identifies an object and its version. It keeps the applied hash.
func withoutContent(live metav1.Object) metav1.Object {
	return &metav1.ObjectMeta{
		Namespace: live.GetNamespace(), Name: live.GetName(), UID: live.GetUID(), ResourceVersion: live.GetResourceVersion(),
		Generation: live.GetGeneration(), Annotations: TrimAnnotations(live.GetAnnotations()),
	}
}

// send takes over the fields of other managers, if there is anything to take over, and applies desired.
func (a *Applier) send(ctx context.Context, desired *unstructured.Unstructured, live metav1.Object, difference Difference) error {
	hashed, _, err := addHash(desired)
	if err != nil {
		return err
	}
	if difference.Takeover != nil {
		if err := a.takeOver(ctx, desired, live, difference.Takeover); err != nil {
			return err
		}
	}
	options := []client.ApplyOption{client.FieldOwner(a.comparer.fields.owner)}
	if live != nil { // Otherwise, an object that exists belongs to another manager, and its fields must conflict.
		options = append(options, client.ForceOwnership)
		hashed.SetUID(live.GetUID()) // Without it, the apply would overwrite an object that has replaced live since.
	}
	if err := a.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(hashed), options...); err != nil {
		if isOtherUID(err) {
			err = apierrors.NewConflict(schema.GroupResource{Group: desired.GroupVersionKind().Group, Resource: desired.GetKind()}, desired.GetName(), errors.New("another has taken its place"))
		}
		return fmt.Errorf("applying %s: %w", Describe(desired), err)
	}
	return a.applied(ctx, Write{Desired: desired, Live: live, Difference: difference, Result: hashed}, hashed)
}

// applied reports an apply that succeeded. Result is the object that the API server answered with.
func (a *Applier) applied(ctx context.Context, write Write, result *unstructured.Unstructured) (err error) {
	if write.Live != nil && result.GetResourceVersion() != "" {
		if write.Overridden, err = a.comparer.accept(write.Desired, result, write.Difference); err != nil {
			return err
		}
	}
	if a.onApplied != nil {
		a.onApplied(write)
	}
	log(ctx, write)
	return nil
}

// takeOver writes managedFields in which fields of other managers are ours. The same write removes the hash: if the apply
// that follows fails, the next comparison must find that it is still needed.
func (a *Applier) takeOver(ctx context.Context, desired *unstructured.Unstructured, live metav1.Object, entries []metav1.ManagedFieldsEntry) error {
	operations := []map[string]any{
		{"op": "replace", "path": "/metadata/managedFields", "value": entries},
		{"op": "replace", "path": "/metadata/resourceVersion", "value": live.GetResourceVersion()},
	}
	if AppliedHash(live) != "" {
		operations = append(operations, map[string]any{"op": "remove", "path": "/metadata/annotations/" + strings.ReplaceAll(AnnotationHash, "/", "~1")})
	}
	patch, err := json.Marshal(operations)
	if err != nil {
		return err
	}
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(desired.GroupVersionKind())
	object.Namespace, object.Name = desired.GetNamespace(), desired.GetName()
	if err := a.client.Patch(ctx, object, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return fmt.Errorf("taking over the fields of others on %s: %w", Describe(desired), err)
	}
	return nil
}

// reread returns live as the API server has it. It fails if another object has replaced live.
func (a *Applier) reread(ctx context.Context, desired *unstructured.Unstructured, live metav1.Object) (*unstructured.Unstructured, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(desired.GroupVersionKind().GroupVersion().WithKind(desired.GetKind() + "List"))
	err := bounded.Pages(ctx, 1, 1, func(ctx context.Context, page metav1.ListOptions) (string, error) {
		named := client.MatchingFields{metav1.ObjectNameField: desired.GetName()}
		return "", a.reader.List(ctx, list, client.InNamespace(desired.GetNamespace()), named, client.Limit(page.Limit))
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", Describe(desired), err)
	}
	if len(list.Items) == 0 || list.Items[0].GetUID() != live.GetUID() {
		return nil, fmt.Errorf("reading %s: another object has taken its place", Describe(desired))
	}
	read := &list.Items[0]
	read.SetGroupVersionKind(desired.GroupVersionKind())
	return read, nil
}

// log writes one line for an object that was created or changed, with the managers whose changes may have been reverted.
func log(ctx context.Context, write Write) {
	logger := logr.FromContextOrDiscard(ctx).WithValues("object", Describe(write.Desired))
	hash, err := Hash(write.Desired)
	switch {
	case write.Live == nil:
		logger.Info("Created object")
	case err == nil && AppliedHash(write.Live) == hash:
		logger.Info("Reverted drift", "managers", write.Difference.Managers, "fields", write.Difference.Fields)
	default:
		logger.Info("Updated object")
	}
	if len(write.Overridden) > 0 {
		logger.Info("An admission webhook changed the object", "fields", write.Overridden)
	}
}

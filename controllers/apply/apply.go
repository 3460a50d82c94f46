package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/applyconfigurations"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Applier applies objects as one field owner.
type Applier struct {
	client client.Client
	owner  string
	fields *ownership
	alone  bool
	known  known
	shapes shapes
	told   func(namespace string, managers []string)

	live  client.Reader // reads from the API server; nil if no Compactor withholds managed fields
	large sync.Mutex    // serializes applies that reread managed fields, since these may be large
}

// New makes an Applier that writes through c as the field owner.
func New(c client.Client, scheme *runtime.Scheme, owner string) *Applier {
	go applyconfigurations.NewTypeConverter(scheme) // the first one parses the schemas of all kinds, for which no pass need wait
	return &Applier{client: c, owner: owner, fields: newOwnership(scheme, owner)}
}

// Alone makes the Applier the only one to say what the objects are that it applies: it removes what others put into their
// lists and, of objects that it takes over, all that a former manager set but metadata.
func (a *Applier) Alone() *Applier {
	a.alone = true
	return a
}

// Rereading makes the Applier read an object through live, from the API server, before it applies it if a Compactor has
// withheld fields of other managers. It applies one such object at a time, since these fields take much memory.
func (a *Applier) Rereading(live client.Reader) *Applier {
	a.live = live
	return a
}

// OnDrift has f told who changed fields of ours on an object that is applied again for it. Set it before the first Apply.
func (a *Applier) OnDrift(f func(namespace string, managers []string)) { a.told = f }

// Apply sends desired unless live, the object as a cache has it (nil: absent), is in that state already: the hash of
// what was last sent is the same, and every field that it set is still ours. An object that is there although live is nil,
// or that is not the one that live is, is not overwritten: that is a Conflict. Desired is not modified.
func (a *Applier) Apply(ctx context.Context, desired *unstructured.Unstructured, live metav1.Object) error {
	sent, err := a.applyChanged(ctx, desired, live)
	measure(desired.GetKind(), sent, err)
	return err
}

// applyChanged tells whether desired had to be sent.
func (a *Applier) applyChanged(ctx context.Context, desired *unstructured.Unstructured, live metav1.Object) (sent bool, err error) {
	stamped, text, err := stamp(desired)
	if err != nil {
		return false, err
	}
	var thieves []string
	if live != nil {
		if a.known.holds(stamped, live) {
			return false, nil
		}
		if a.live != nil && a.fields.isTrimmed(live) {
			a.large.Lock()
			defer a.large.Unlock()
			if live, err = a.reread(ctx, stamped, live); err != nil {
				return false, err
			}
		}
		var changed bool
		if a.alone {
			if changed, err = a.takeOver(ctx, stamped, live); err != nil {
				return false, err
			}
		}
		unchanged, err := a.unchanged(stamped, text, live)
		if err != nil {
			return false, err
		}
		if unchanged && !changed {
			a.known.note(stamped, live)
			return false, nil
		}
		if thieves = a.fields.thieves(stamped, live); len(thieves) > 0 && a.told != nil {
			a.told(desired.GetNamespace(), thieves)
		}
	}
	options := []client.ApplyOption{client.FieldOwner(a.owner)}
	if live != nil { // else what there is unseen is somebody else's, and its fields would be in conflict
		options = append(options, client.ForceOwnership)
		stamped.SetUID(live.GetUID()) // or it would overwrite what may have taken its place unseen
	}
	if err := a.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(stamped), options...); err != nil {
		if isAnother(err) {
			err = apierrors.NewConflict(schema.GroupResource{Group: desired.GroupVersionKind().Group, Resource: desired.GetKind()}, desired.GetName(), errors.New("another has taken its place"))
		}
		return false, fmt.Errorf("applying %s: %w", Describe(desired), err)
	}
	log(ctx, desired, live, thieves)
	return true, nil
}

// Owned tells whether an object was not applied because others own fields of it, and not for a conflict that passes.
func Owned(err error) bool {
	return apierrors.IsConflict(err) && hasCause(err, func(cause metav1.StatusCause) bool { return cause.Type == metav1.CauseTypeFieldManagerConflict })
}

// isAnother tells whether what is there is not the object with the uid that was sent.
func isAnother(err error) bool {
	return apierrors.IsInvalid(err) && hasCause(err, func(cause metav1.StatusCause) bool { return cause.Field == "metadata.uid" })
}

// hasCause tells whether the API server gave such a cause for an error.
func hasCause(err error, such func(metav1.StatusCause) bool) bool {
	status := apierrors.APIStatus(nil)
	return errors.As(err, &status) && status.Status().Details != nil && slices.ContainsFunc(status.Status().Details.Causes, such)
}

// log writes one line for an object that was made or changed, and who had changed it before, if somebody had.
func log(ctx context.Context, desired *unstructured.Unstructured, live metav1.Object, thieves []string) {
	logger := logr.FromContextOrDiscard(ctx).WithValues("object", Describe(desired))
	switch {
	case live == nil:
		logger.Info("Made")
	case len(thieves) > 0:
		logger.Info("Set back what others had changed", "others", thieves)
	default:
		logger.Info("Changed")
	}
}

// unchanged tells whether live is as it was when stamped, whose text without the stamp is given, was applied.
func (a *Applier) unchanged(stamped *unstructured.Unstructured, text []byte, live metav1.Object) (bool, error) {
	ours := slices.IndexFunc(live.GetManagedFields(), a.fields.ours)
	if ours < 0 || StampOf(live) != StampOf(stamped) {
		return false, nil
	}
	shape, is := shapeOf(stamped, text, live, live.GetManagedFields()[ours])
	if is && a.shapes.has(shape) {
		return true, nil
	}
	holds, err := a.fields.holdsAll(stamped, live)
	if is && holds {
		a.shapes.note(shape)
	}
	return holds, err
}

// Describe names an object in messages, as kind and name, with its namespace if it has one.
func Describe(object *unstructured.Unstructured) string {
	if object.GetNamespace() == "" {
		return fmt.Sprintf("%s %s", object.GetKind(), object.GetName())
	}
	return fmt.Sprintf("%s %s/%s", object.GetKind(), object.GetNamespace(), object.GetName())
}

package apply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/applyconfigurations"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// AnnotationHash is on every object that an Applier has applied: the hash of what was sent.
const AnnotationHash = "openshell.ambient-code.io/applied-hash"

// Applier applies objects as one field owner.
type Applier struct {
	client client.Client
	owner  string
	fields *ownership
	alone  bool
	known  known
	told   func(namespace string, managers []string)
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
	stamped, err := stamp(desired)
	if err != nil {
		return false, err
	}
	var thieves []string
	if live != nil {
		if a.known.holds(stamped, live) {
			return false, nil
		}
		var changed bool
		if a.alone {
			if changed, err = a.takeOver(ctx, stamped, live); err != nil {
				return false, err
			}
		}
		unchanged, err := a.unchanged(stamped, live)
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

// isAnother tells whether what is there is not the object with the uid that was sent.
func isAnother(err error) bool {
	status := apierrors.APIStatus(nil)
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	return slices.ContainsFunc(status.Status().Details.Causes, func(cause metav1.StatusCause) bool { return cause.Field == "metadata.uid" })
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

// InState tells whether live was applied from desired; whether others have changed it since, it does not look at.
func InState(desired *unstructured.Unstructured, live metav1.Object) bool {
	hash, err := Hash(desired)
	return err == nil && StampOf(live) == hash
}

// Stamped tells whether the hash on live is the one that owner wrote, and not somebody else's.
func Stamped(live metav1.Object, owner string) bool {
	owned, err := (&ownership{owner: owner}).owned(live)
	return err == nil && owned != nil && owned.Has(fieldpath.MakePathOrDie("metadata", "annotations", AnnotationHash))
}

func (a *Applier) unchanged(stamped *unstructured.Unstructured, live metav1.Object) (bool, error) {
	if StampOf(live) != StampOf(stamped) {
		return false, nil
	}
	return a.fields.holdsAll(stamped, live)
}

// Hash is the value of AnnotationHash on an object that was applied from desired.
func Hash(desired *unstructured.Unstructured) (string, error) {
	text, err := desired.MarshalJSON()
	if err != nil {
		return "", fmt.Errorf("hashing %s: %w", Describe(desired), err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), nil
}

// stamp returns the object with its own hash on it. All but its annotations is desired's, and shared.
func stamp(desired *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	hash, err := Hash(desired)
	if err != nil {
		return nil, err
	}
	stamped := &unstructured.Unstructured{Object: maps.Clone(desired.Object)}
	metadata, _ := stamped.Object["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	annotations, _ := metadata["annotations"].(map[string]any)
	if annotations = maps.Clone(annotations); annotations == nil {
		annotations = map[string]any{}
	}
	annotations[AnnotationHash] = hash
	metadata["annotations"], stamped.Object["metadata"] = annotations, metadata
	return stamped, nil
}

// Describe names an object in messages, as kind and name, with its namespace if it has one.
func Describe(object *unstructured.Unstructured) string {
	if object.GetNamespace() == "" {
		return fmt.Sprintf("%s %s", object.GetKind(), object.GetName())
	}
	return fmt.Sprintf("%s %s/%s", object.GetKind(), object.GetNamespace(), object.GetName())
}

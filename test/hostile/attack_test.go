package hostile

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// outcome is what became of an attempt.
type outcome int

const (
	refused  outcome = iota // by the API server
	rejected                // by the operator: Accepted is false
	accepted
	outcomes // how many there are
)

// tally counts outcomes, by the kinds of hostility in the attempts.
type tally struct {
	mu     sync.Mutex
	all    [outcomes]int
	byKind map[string]*[outcomes]int
}

func (t *tally) add(attempt attempt, is outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all[is]++
	slices.Sort(attempt.hostile)
	for _, kind := range slices.Compact(attempt.hostile) {
		if t.byKind[kind] == nil {
			t.byKind[kind] = &[outcomes]int{}
		}
		t.byKind[kind][is]++
	}
}

func (t *tally) sum() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all[refused] + t.all[rejected] + t.all[accepted]
}

// attackerIn is the administrator of one tenant.
type attackerIn struct {
	*generator
	client client.Client
	seen   *observer
	asked  *asked
	tally  *tally
}

func (p *place) attackerIn(t *testing.T, seen *observer, tally *tally, generator *generator) *attackerIn {
	t.Helper()
	config, err := p.ServiceAccountConfig(t.Context(), generator.namespace, attacker)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	as, err := client.New(config, client.Options{Scheme: p.Client.Scheme(), Mapper: p.Client.RESTMapper()})
	if err != nil {
		t.Fatal(err)
	}
	return &attackerIn{generator, as, seen, p.oracle.of(generator.namespace), tally}
}

// patience is how long the operator may take to look at a GatewayTenant. It is not what is tested.
const patience = time.Minute

// update writes an attempt over the attacker's GatewayTenant, and waits until the operator has looked at it. It is a plain
// update: a JSON patch takes the API server a fifth more.
func (a *attackerIn) update(ctx context.Context) error {
	attempt := a.next()
	object, err := a.object(v1alpha1.Name, attempt)
	if err != nil {
		return err
	}
	a.note(attempt)
	for {
		object.SetResourceVersion(a.seen.now(a.namespace).version)
		if err = a.client.Update(ctx, object); !apierrors.IsConflict(err) {
			return a.became(ctx, attempt, object, err)
		}
		_, err := a.seen.wait(ctx, a.namespace, patience, func(s state) bool { return s.version != object.GetResourceVersion() })
		if err != nil { // a status was written at the same time, which must come
			return err
		}
	}
}

// object is the GatewayTenant that an attempt asks for.
func (a *attackerIn) object(name string, attempt attempt) (*unstructured.Unstructured, error) {
	text, err := json.Marshal(map[string]any{ // numbers as JSON has them: Unstructured copies no others
		"apiVersion": v1alpha1.GroupVersion.String(), "kind": "GatewayTenant", "spec": attempt.spec,
		"metadata": map[string]any{"namespace": a.namespace, "name": name, "annotations": attempt.annotations, "labels": attempt.labels},
	})
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{}
	return object, object.UnmarshalJSON(text)
}

// remake deletes the attacker's GatewayTenant and makes another, which may be called anything.
func (a *attackerIn) remake(ctx context.Context) error {
	tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: a.namespace, Name: v1alpha1.Name}}
	if err := client.IgnoreNotFound(a.client.Delete(ctx, tenant)); err != nil {
		return err
	}
	if _, err := a.seen.wait(ctx, a.namespace, patience, func(s state) bool { return s.uid == "" }); err != nil {
		return err
	}
	a.size, a.fresh = "", true
	attempt := a.next()
	name := v1alpha1.Name
	if a.IntN(6) == 0 {
		name = a.word()
		attempt.hostile = append(attempt.hostile, "name of the object")
	}
	object, err := a.object(name, attempt)
	if err != nil {
		return err
	}
	a.note(attempt)
	return a.became(ctx, attempt, object, a.client.Create(ctx, object))
}

// note has the oracle know what will be asked for. What is no spec at all is refused, so it asks for nothing.
func (a *attackerIn) note(attempt attempt) {
	text, err := json.Marshal(attempt.spec)
	if err != nil {
		return
	}
	var spec v1alpha1.GatewayTenantSpec
	if err := utiljson.Unmarshal(text, &spec); err != nil { // as strict about capitals as the API server
		return
	}
	given := map[string]string{}
	for name, value := range attempt.annotations {
		given[name], _ = value.(string)
	}
	a.asked.note(spec, given)
}

// became counts what an attempt became.
func (a *attackerIn) became(ctx context.Context, attempt attempt, tenant client.Object, err error) error {
	if err != nil {
		if !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) && !apierrors.IsForbidden(err) && !apierrors.IsRequestEntityTooLargeError(err) {
			return fmt.Errorf("%s: the API server could not take %v: %w", a.namespace, attempt, err)
		}
		a.tally.add(attempt, refused)
		return nil
	}
	is, err := a.seen.wait(ctx, a.namespace, patience, func(s state) bool {
		return s.uid == tenant.GetUID() && s.observed >= tenant.GetGeneration() || s.gone == tenant.GetUID() // the bridge takes what says that it is its own
	})
	switch {
	case err != nil:
		return fmt.Errorf("the operator did not look at %v: %w", attempt, err)
	case is.accepted:
		if storage, ok := attempt.spec["storage"].(map[string]any); ok { // a smaller size is rejected from now on
			if size, ok := storage["size"].(string); ok {
				a.size = size
			}
		}
		a.tally.add(attempt, accepted)
	default:
		a.tally.add(attempt, rejected)
	}
	return nil
}

package apply_test

import (
	"context"
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/observetest"
)

// stalling is an API server whose requests in stalls wait until their context ends. It reports each of them in arrived.
type stalling struct {
	client.Client
	live    *unstructured.Unstructured
	stalls  string
	arrived chan string
}

func (s *stalling) request(ctx context.Context, verb string) error {
	s.arrived <- verb
	if verb != s.stalls {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (s *stalling) List(ctx context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.(*unstructured.UnstructuredList).Items = []unstructured.Unstructured{*s.live.DeepCopy()}
	return s.request(ctx, "list")
}

func (s *stalling) Patch(ctx context.Context, _ client.Object, _ client.Patch, _ ...client.PatchOption) error {
	return s.request(ctx, "patch")
}

func (s *stalling) Apply(ctx context.Context, _ runtime.ApplyConfiguration, _ ...client.ApplyOption) error {
	return s.request(ctx, "apply")
}

// stalled returns a function that starts to repair an object whose values only a read from the API server shows. The repair's
// error arrives in done.
func stalled(t *testing.T, server *stalling) (repair func(ctx context.Context) (done chan error)) {
	t.Helper()
	desired := rendered(t)["StatefulSet openshell-gateway"]
	cluster := observetest.New(t)
	cluster.Apply(desired)
	cluster.Change(observe.RefOf(desired), func(object *unstructured.Unstructured) {
		podOf(object)["initContainers"] = []any{map[string]any{"name": "foreign", "image": "foreign:1"}}
	})
	server.live, server.arrived = cluster.Snapshot().Find(observe.RefOf(desired)), make(chan string, 10)
	comparer := apply.NewComparer(clientgoscheme.Scheme, manifests.Manager, apply.Exclusive)
	applier := apply.New(server, comparer, apply.WithReader(server))
	live := digested(t, server.live)
	return func(ctx context.Context) chan error {
		done := make(chan error, 1)
		go func() { done <- applier.CompareAndApply(ctx, desired, live) }()
		return done
	}
}

// TestSlowWriteBlocksNoOtherRepair: an admission webhook of one tenant can delay a write for many seconds.
func TestSlowWriteBlocksNoOtherRepair(t *testing.T) {
	for _, verb := range []string{"patch", "apply"} {
		t.Run(verb, func(t *testing.T) {
			server := &stalling{stalls: verb}
			repair := stalled(t, server)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			first := repair(ctx)
			for is := ""; is != verb; is = <-server.arrived {
			}
			second := repair(ctx)
			for is := ""; is != verb; {
				select {
				case is = <-server.arrived:
				case err := <-second:
					t.Fatal(err)
				}
			}
			cancel()
			for _, done := range []chan error{first, second} {
				if err := <-done; !errors.Is(err, context.Canceled) {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

// TestWaitForRereadEndsWithContext: a reconcile that has timed out does not wait for another one's read.
func TestWaitForRereadEndsWithContext(t *testing.T) {
	server := &stalling{stalls: "list"}
	repair := stalled(t, server)
	ctx, cancel := context.WithCancel(t.Context())
	first := repair(ctx)
	<-server.arrived
	ended, end := context.WithCancel(t.Context())
	end()
	if err := <-repair(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	cancel()
	if err := <-first; err == nil {
		t.Error("the read that stalls has succeeded")
	}
}

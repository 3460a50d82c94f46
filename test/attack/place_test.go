package attack

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

const platformNamespace = operatortest.PlatformNamespace

// labelAttack marks the namespaces that an attack or a quiet tenant is in, and what an attack adds to the platform's namespace.
const labelAttack = "attack"

// place is a cluster, and how the operator is started in it.
type place struct {
	cluster *operatortest.ControlPlane
	client  client.WithWatch
	wrapper []string     // limits the operator's memory
	quiet   atomic.Int64 // how many quiet tenants there were
	large   sync.Mutex   // held while a large object is written: it is not the API server that is attacked
}

// newPlace starts a cluster and installs the operator. Its Deployment's pods are stood in for, so nothing runs yet.
func newPlace(t *testing.T) *place {
	t.Helper()
	for _, name := range []string{"GOGC", "GOMEMLIMIT", "GOMAXPROCS", "GODEBUG"} { // the operator has its Deployment's
		t.Setenv(name, "")
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	cluster, err := operatortest.Start(t.Context(), "attack", devcluster.Options{First: []string{"../../config/crd"}}, "../../config/default")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.End(t.Failed()); err != nil {
			t.Error(err)
		}
	})
	p := &place{cluster: cluster, client: cluster.Client}
	var deployment appsv1.Deployment
	if err := p.client.Get(t.Context(), client.ObjectKey{Namespace: platformNamespace, Name: operatortest.OperatorName}, &deployment); err != nil {
		t.Fatal(err)
	}
	limit := deployment.Spec.Template.Spec.Containers[0].Resources.Limits.Memory()
	if limit.IsZero() {
		t.Fatal("the Deployment has no memory limit")
	}
	p.wrapper = limitMemory(t, limit.Value())
	// The control group can be removed once the cluster, and with it the operator, has ended.
	t.Cleanup(func() { _ = cluster.Kill(operatortest.Program) })
	return p
}

// namespace creates a namespace, which undo removes.
func (p *place) namespace(ctx context.Context, name string) error {
	return p.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: marked()}})
}

func marked() map[string]string { return map[string]string{labelAttack: "true"} }

// undo stops the operator and removes all that an attack has written, and the quiet tenants. The namespaces go a little
// later, with nothing in them that is large.
func (p *place) undo(ctx context.Context) error {
	if err := p.stopOperator(ctx); err != nil {
		return err
	}
	mine := client.MatchingLabels(marked())
	if err := p.client.DeleteAllOf(ctx, &corev1.ConfigMap{}, client.InNamespace(platformNamespace), mine); err != nil {
		return err
	}
	var namespaces corev1.NamespaceList
	if err := p.client.List(ctx, &namespaces, mine); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range namespaces.Items {
		group.Go(func() error { return p.remove(ctx, &namespaces.Items[i]) })
	}
	return group.Wait()
}

// remove removes what may be large in a namespace, and the namespace. The namespace controller removes the rest.
func (p *place) remove(ctx context.Context, namespace *corev1.Namespace) error {
	if namespace.DeletionTimestamp != nil {
		return nil
	}
	for _, kind := range []client.Object{
		&v1alpha1.GatewayTenant{}, &appsv1.StatefulSet{}, &batchv1.Job{}, &corev1.Pod{}, &corev1.ConfigMap{}, &corev1.Secret{}, &corev1.Event{},
	} {
		err := p.client.DeleteAllOf(ctx, kind, client.InNamespace(namespace.Name), client.GracePeriodSeconds(0), client.PropagationPolicy(metav1.DeletePropagationBackground))
		if err != nil {
			return err
		}
	}
	empty := []byte(`{"metadata":{"labels":null,"annotations":null}}`)
	if err := p.client.Patch(ctx, namespace, client.RawPatch(types.MergePatchType, empty)); err != nil {
		return err
	}
	return client.IgnoreNotFound(p.client.Delete(ctx, namespace))
}

// write calls f, which writes a large object. Those come one after the other, at no more than 25 a second.
func (p *place) write(ctx context.Context, f func() error) error {
	p.large.Lock()
	defer p.large.Unlock()
	if err := f(); err != nil {
		return err
	}
	return operatortest.Pause(ctx, 20*time.Millisecond)
}

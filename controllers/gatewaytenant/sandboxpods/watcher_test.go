package sandboxpods

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// tenant returns a GatewayTenant. If it has an image, nodes and ResourceQuotas concern it.
func tenant(namespace, image string) v1alpha1.GatewayTenant {
	return v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.Name}, Spec: v1alpha1.GatewayTenantSpec{Image: image}}
}

// wait waits until the rejections in tenant-a are known and as wanted.
func (f *fixture) wait(want Rejections) {
	f.t.Helper()
	var is Rejections
	for range 500 {
		var pending time.Duration
		var err error
		if is, pending, err = f.Rejections(f.t.Context(), "tenant-a"); err != nil {
			f.t.Fatal(err)
		}
		if pending == 0 && cmp.Equal(want, is) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	f.t.Fatalf("the rejections are %+v, want %+v", is, want)
}

// expect waits until the tenants in these namespaces are requested, and no others within a time.
func (f *fixture) expect(what string, within time.Duration, want ...string) {
	f.t.Helper()
	var namespaces []string
	for end := time.Now().Add(5 * time.Second); len(namespaces) < len(want) && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		namespaces = append(namespaces, f.taken()...)
	}
	time.Sleep(within)
	namespaces = append(namespaces, f.taken()...)
	slices.Sort(namespaces)
	if namespaces = slices.Compact(namespaces); !slices.Equal(namespaces, want) {
		f.t.Errorf("%s: tenants in %v are reconciled, want %v", what, namespaces, want)
	}
}

// taken takes the namespaces of the tenants in the queue.
func (f *fixture) taken() []string {
	var namespaces []string
	for f.queue.Len() > 0 {
		request, _ := f.queue.Get()
		namespaces = append(namespaces, request.Namespace)
		f.queue.Done(request)
	}
	return namespaces
}

// TestNothingIsWatchedUntilATenantRequiresIt, which also begins in a process that does not lead and reconciles no tenant.
func TestNothingIsWatchedUntilATenantRequiresIt(t *testing.T) {
	f := start(t, newServer(nil, nil, nil))
	old, concerned := tenant("tenant-b", ""), tenant("tenant-a", "gateway:0.1.3")
	f.handler.OnAdd(&old, true)
	time.Sleep(100 * time.Millisecond)
	if listed := f.server.listed(); len(listed) > 0 {
		t.Fatalf("%v were listed for a tenant that they do not concern", listed)
	}
	f.handler.OnUpdate(&old, &concerned)
	f.handler.OnUpdate(&old, &concerned)
	for range 500 {
		if len(f.server.listed()) == 3 {
			f.wait(Rejections{})
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("only %v were listed", f.server.listed())
}

// TestTenantsAreReconciledWhenSomethingRejectsTheirSandboxes, and those only that this concerns.
func TestTenantsAreReconciledWhenSomethingRejectsTheirSandboxes(t *testing.T) {
	server := newServer([]corev1.Node{node("a", oldRuntime)}, []corev1.ResourceQuota{quota("compute", "cpu")}, nil)
	f := start(t, server, tenant("tenant-a", "gateway:0.1.3"), tenant("tenant-b", ""), tenant("tenant-c", "gateway:0.1.3"))
	if is, wait, err := f.Rejections(t.Context(), "tenant-a"); err != nil || wait <= 0 || wait > firstRead || !cmp.Equal(is, Rejections{}) {
		t.Errorf("before the caches are filled: %+v, %s, %v", is, wait, err)
	}
	nodes, quotas := Nodes{[]string{oldRuntime}, true}, Quotas{[]string{"compute"}, []string{"cpu"}}
	f.wait(Rejections{nodes, quotas})
	const soon, later = time.Second / 2, nodesDebounce + time.Second/2
	f.expect("the first time", soon, "tenant-a", "tenant-c")

	limitRange, used := defaults(both, nil), quota("compute", "cpu")
	server.send("ADDED", "limitranges", "LimitRange", &limitRange)
	f.wait(Rejections{Nodes: nodes})
	f.expect("a LimitRange", soon, "tenant-a")

	used.ResourceVersion, used.Status.Used = "2", listOf("cpu")
	server.send("MODIFIED", "resourcequotas", "ResourceQuota", &used)
	f.expect("a quota of which more is used", soon)

	a, b := node("a", newRuntime, reports(true)), node("b", oldRuntime)
	server.send("ADDED", "nodes", "Node", &b)
	f.expect("another node of the same kind", later)

	server.send("MODIFIED", "nodes", "Node", &a)
	f.expect("a node that supports it", later, "tenant-a", "tenant-c")
	f.wait(Rejections{Nodes: Nodes{Runtimes: []string{oldRuntime}}})

	server.send("DELETED", "nodes", "Node", &b)
	f.expect("no other node", later, "tenant-a", "tenant-c")
	f.wait(Rejections{})
}

// TestMissingRight does not keep the status from being written forever.
func TestMissingRight(t *testing.T) {
	server := newServer(nil, []corev1.ResourceQuota{quota("compute", "cpu")}, nil)
	server.forbidden = "nodes"
	f := start(t, server, tenant("tenant-a", "gateway:0.1.3"))
	if _, wait, err := f.Rejections(t.Context(), "tenant-a"); err != nil || wait <= 0 {
		t.Errorf("at first: %s, %v", wait, err)
	}
	f.mu.Lock()
	f.since = time.Now().Add(-firstRead)
	f.mu.Unlock()
	if is, wait, err := f.Rejections(t.Context(), "tenant-a"); err != nil || wait != 0 || !cmp.Equal(is, Rejections{}) {
		t.Errorf("after %s: %+v, %s, %v", firstRead, is, wait, err)
	}
}

package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// takeover is how long tenants may be without an operator: a lease of 8 s, two retries, and some time for a busy machine.
const takeover = 15 * time.Second

// replica is one of two operators, a process of its own, whose requests are noted on their way to the API server.
type replica struct {
	name string

	mu       sync.Mutex
	requests []exchange
}

// exchange is a request, from when it came until it was answered or broken off.
type exchange struct {
	what         string // method and path
	begun, ended time.Time
}

func startReplica(t *testing.T, name, namespaces string) *replica {
	t.Helper()
	r := &replica{name: name}
	server := serve(t, r.noting(toAPIServer(t)))
	kubeconfig := kubeconfigFor(t, server, platformNamespace, "gatewaytenant-operator")
	if err := cluster.Run(name, "manager", append(managerArgs(namespaces), "--kubeconfig="+kubeconfig, "--leader-elect")...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(cluster.Resume(name), cluster.Kill(name)); err != nil {
			t.Error(err)
		}
	})
	return r
}

// noting notes what next serves.
func (r *replica) noting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		n := len(r.requests)
		r.requests = append(r.requests, exchange{what: request.Method + " " + request.URL.Path, begun: time.Now()})
		r.mu.Unlock()
		defer func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.requests[n].ended = time.Now()
		}()
		next.ServeHTTP(w, request)
	})
}

// sent are the requests of a kind so far, in the order in which they came.
func (r *replica) sent(kind func(request string) bool) []exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.requests), func(e exchange) bool { return !kind(e.what) })
}

// waitSent waits until there is a request of a kind, and returns the first.
func (r *replica) waitSent(t *testing.T, limit time.Duration, kind func(request string) bool) exchange {
	t.Helper()
	var all []exchange
	cluster.Eventually(t, limit, func() error {
		if all = r.sent(kind); len(all) == 0 {
			return fmt.Errorf("%s has sent no such request", r.name)
		}
		return nil
	})
	return all[0]
}

// startTwo starts two operators in the place of the one that tests share, and tells which of them leads: it has made
// the tenant Ready, and the other has written nothing.
func startTwo(t *testing.T, namespace string, others ...string) (leader, standby *replica) {
	t.Helper()
	withoutOperator(t)
	namespaces := strings.Join(append(others, namespace), ",")
	leader, standby = startReplica(t, "replica-a", namespaces), startReplica(t, "replica-b", namespaces)
	for _, r := range []*replica{leader, standby} {
		r.waitSent(t, takeover, func(request string) bool { return strings.Contains(request, "/leases") })
	}
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitSettled(t, namespace)
	if len(leader.sent(operatortest.Writes)) == 0 {
		leader, standby = standby, leader
	}
	if wrong := standby.sent(operatortest.Writes); len(wrong) > 0 {
		t.Fatalf("both have written, %s: %v", standby.name, wrong)
	}
	return leader, standby
}

// addName changes a tenant so that all of its parts follow: Secrets, pod and status.
func addName(t *testing.T, namespace string) {
	t.Helper()
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.ServerDNSNames = []string{"*.example.com"} })
}

// waitFollowed waits until the standby has taken over and a changed tenant is Ready again with its new name.
func waitFollowed(t *testing.T, lost time.Time, standby *replica, namespace string) {
	t.Helper()
	first := standby.waitSent(t, time.Until(lost.Add(takeover)), operatortest.Writes)
	t.Logf("%s after the leader was lost: %s", first.begun.Sub(lost).Round(time.Millisecond), first.what)
	waitSettled(t, namespace)
	if names := waitReady(t, namespace).Status.ServerDNSNames; !slices.Contains(names, "*.example.com") {
		t.Errorf("the certificate carries %v", names)
	}
}

// tookTurns fails the test if one has written when the other had begun.
func tookTurns(t *testing.T, before, after *replica) {
	t.Helper()
	begun := after.sent(operatortest.Writes)[0].begun
	for _, write := range before.sent(operatortest.Writes) {
		if write.ended.IsZero() || !write.ended.Before(begun) {
			t.Errorf("%s wrote %s after %s had begun: %s", before.name, write.begun.Sub(begun), after.name, write.what)
		}
	}
}

// TestKilledLeaderIsFollowed kills the operator that leads: the other one does what there is to do then.
func TestKilledLeaderIsFollowed(t *testing.T) {
	const namespace, later = "leader-killed", "leader-killed-later"
	leader, standby := startTwo(t, namespace, later)
	killed := time.Now()
	if err := cluster.Kill(leader.name); err != nil {
		t.Fatal(err)
	}
	addName(t, namespace)
	cluster.CreateTenant(t, later, v1alpha1.GatewayTenantSpec{})
	waitFollowed(t, killed, standby, namespace)
	waitReady(t, later)
	tookTurns(t, leader, standby)
}

// TestFrozenLeaderDoesNoHarm stops the operator that leads until the other one has done its work, and lets it go on then:
// it finds that it leads no more, and ends without a write.
func TestFrozenLeaderDoesNoHarm(t *testing.T) {
	const namespace = "leader-frozen"
	leader, standby := startTwo(t, namespace)
	frozen := time.Now()
	if err := cluster.Pause(leader.name); err != nil {
		t.Fatal(err)
	}
	addName(t, namespace)
	waitFollowed(t, frozen, standby, namespace)
	if !cluster.Running(leader.name) {
		t.Fatalf("%s ended while it was frozen", leader.name)
	}
	before := versionsOf(t, namespace)
	if err := cluster.Resume(leader.name); err != nil {
		t.Fatal(err)
	}
	resumed := time.Now()
	cluster.Eventually(t, takeover, func() error {
		if cluster.Running(leader.name) {
			return fmt.Errorf("%s still runs", leader.name)
		}
		return nil
	})
	t.Logf("it ended %s after it was resumed", time.Since(resumed).Round(time.Millisecond))
	waitSettled(t, namespace)
	if after := versionsOf(t, namespace); !slices.Equal(after, before) {
		t.Errorf("it was:\n%s\nand is:\n%s", strings.Join(without(before, after), "\n"), strings.Join(without(after, before), "\n"))
	}
	tookTurns(t, leader, standby)
}

// versionsOf are the uids and resourceVersions of a tenant and of all that it has: whoever writes changes one of them.
func versionsOf(t *testing.T, namespace string) []string {
	t.Helper()
	kinds := namespacedKinds()
	kinds["GatewayTenant"], kinds["Pod"] = &v1alpha1.GatewayTenantList{}, &corev1.PodList{}
	var all []string
	for kind, list := range kinds {
		if err := admin.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
			t.Fatal(err)
		}
		for _, object := range items(t, list) {
			all = append(all, fmt.Sprintf("%s/%s %s %s", kind, object.GetName(), object.GetUID(), object.GetResourceVersion()))
		}
	}
	slices.Sort(all)
	return all
}

// without are the texts of one list that are not in another.
func without(texts, others []string) []string {
	return slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return slices.Contains(others, text) })
}

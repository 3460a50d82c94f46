package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/controllers/plugin"
	"github.com/ambient-code/gatewaytenant-operator/test/audit"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// TestPlanListsEveryWrite makes one change of a tenant in each scenario, and compares the operator's writes to the tenant's objects, as
// the API server's audit log has them, with those that kubectl gatewaytenant plan listed before. Both are sets over the whole
// scenario. The plan does not list status, Events and what certgen writes.
func TestPlanListsEveryWrite(t *testing.T) {
	deployment(t)
	t.Run("scenario", func(t *testing.T) { // ends when all scenarios have
		for _, s := range planScenarios {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				s.run(t)
			})
		}
	})
}

// TestPlanListsTheWritesOfARemoval does the same for an entry that is removed from platform-config.
func TestPlanListsTheWritesOfARemoval(t *testing.T) {
	deployment(t)
	const namespace, binding = "planned-removal", "delete ClusterRoleBinding gatewaytenant-node-reader:planned-removal"
	cluster.CreateNamespace(t, namespace)
	platformConfig(t, entry(namespace))
	waitReady(t, namespace)
	settle(t)
	plan, _ := planOf(t, []string{"[]"})
	mark, err := auditLog.Mark()
	if err != nil {
		t.Fatal(err)
	}
	platformConfig(t)
	waitGone(t, &rbacv1.ClusterRoleBinding{}, "", "gatewaytenant-node-reader:"+namespace)
	settle(t)
	written, err := loggedWrites(mark, namespace)
	if err != nil {
		t.Fatal(err)
	}
	if planned := writesOf(plan[namespace]); !slices.Equal(planned, []string{binding}) || !slices.Equal(written, planned) {
		t.Errorf("planned are %q and made are %q, want %q", planned, written, binding)
	}
}

// planScenario is a change of a tenant.
type planScenario struct {
	name string
	// before prepares the namespace. If it is nil, a tenant with the zero spec is created and waited for.
	before func(t *testing.T, namespace string)
	// spec and annotations are those of the GatewayTenant after the change.
	spec        v1alpha1.GatewayTenantSpec
	annotations map[string]string
	// writes are the expected writes, sorted. NAMESPACE stands for the namespace.
	writes []string
}

func (s planScenario) run(t *testing.T) {
	namespace := "plan-" + strings.ReplaceAll(s.name, " ", "-")
	if s.before == nil {
		cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
		waitReady(t, namespace)
	} else {
		s.before(t, namespace)
	}
	ofTenant := func(request string) bool {
		return operatortest.Writes(request) && !strings.HasSuffix(request, "/status") && (strings.Contains(request, "/"+namespace+"/") || strings.Contains(request, "node-reader:"+namespace))
	}
	operator.waitIdle(t, ofTenant)
	tenant := operatortest.Tenant(namespace, s.spec)
	tenant.Annotations = s.annotations
	planned := plannedWrites(t, tenant)
	mark, err := auditLog.Mark()
	if err != nil {
		t.Fatal(err)
	}
	applyTenant(t, tenant)
	want := append([]string{}, s.writes...)
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "NAMESPACE", namespace)
	}
	if diff := cmp.Diff(want, planned); diff != "" {
		t.Errorf("the plan lists (+) other writes than expected (-):\n%s", diff)
	}
	var written []string
	cluster.Eventually(t, 60*time.Second, func() error {
		if written, err = loggedWrites(mark, namespace); err != nil {
			return err
		}
		for _, write := range planned {
			if !slices.Contains(written, write) {
				return fmt.Errorf("the planned write %q was not made; made were %q", write, written)
			}
		}
		return nil
	})
	operator.waitIdle(t, ofTenant)
	operator.quietFor(t, 3*time.Second, ofTenant)
	if written, err = loggedWrites(mark, namespace); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(planned, written); diff != "" {
		t.Errorf("the operator made (+) other writes than planned (-):\n%s", diff)
	}
}

// plannedWrites returns the writes that the plan of a GatewayTenant lists, sorted.
func plannedWrites(t *testing.T, tenant *v1alpha1.GatewayTenant) []string {
	t.Helper()
	document := tenant.DeepCopy()
	document.APIVersion, document.Kind = v1alpha1.GroupVersion.String(), "GatewayTenant"
	p, _ := planOfDocument(t, document)
	if len(p.Tenants) != 1 {
		t.Fatalf("the plan is of %d tenants: %+v", len(p.Tenants), p)
	}
	return writesOf(p.Tenants[0])
}

// writesOf returns the writes that an outcome lists, sorted.
func writesOf(outcome plugin.Outcome) []string {
	writes := map[string]bool{}
	for _, change := range outcome.Objects {
		object := change.Kind + " " + change.Name
		switch change.Action {
		case plan.Recreate:
			writes["delete "+object], writes["create "+object] = true, true
		case plan.RemoveSubject:
			writes["update "+object] = true
		default:
			writes[string(change.Action)+" "+object] = true
		}
	}
	return sortedSet(writes)
}

// loggedWrites returns the successful writes of the operator to the objects of a tenant since a mark, sorted.
func loggedWrites(mark int, namespace string) ([]string, error) {
	requests, err := auditLog.WritesSince(mark, audit.ServiceAccount(platformNamespace, "gatewaytenant-operator"))
	if err != nil {
		return nil, err
	}
	writes := map[string]bool{}
	for _, r := range requests {
		ofTenant := r.Namespace == namespace || r.Name == "gatewaytenant-node-reader:"+namespace || r.Name == sharedBindingOf(namespace)
		if !ofTenant || r.Failed() || r.Subresource != "" || r.Resource == "events" || r.Resource == "gatewaytenants" {
			continue
		}
		kind, err := r.Kind(admin.RESTMapper())
		if err != nil {
			return nil, err
		}
		verb := "update"
		switch {
		case r.Verb == "delete":
			verb = "delete"
		case r.Code == http.StatusCreated:
			verb = "create"
		}
		writes[verb+" "+kind+" "+r.Name] = true
	}
	return sortedSet(writes), nil
}

func sortedSet(set map[string]bool) []string {
	all := []string{}
	for element := range set {
		all = append(all, element)
	}
	slices.Sort(all)
	return all
}

// applyTenant creates a GatewayTenant, or gives an existing one this spec and these annotations.
func applyTenant(t *testing.T, tenant *v1alpha1.GatewayTenant) {
	t.Helper()
	existing := &v1alpha1.GatewayTenant{}
	if err := admin.Get(t.Context(), clientKey(tenant), existing); err != nil {
		cluster.Create(t, tenant)
		return
	}
	existing.Spec = tenant.Spec
	if existing.Annotations == nil {
		existing.Annotations = map[string]string{}
	}
	maps.Copy(existing.Annotations, tenant.Annotations)
	if err := admin.Update(t.Context(), existing); err != nil {
		t.Fatal(err)
	}
}

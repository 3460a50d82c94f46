package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// rivalWrite is a way in which another client writes an object.
type rivalWrite struct {
	name string
	// write changes a live object.
	write func(ctx context.Context, live *unstructured.Unstructured, change func(*unstructured.Unstructured)) error
	// reported is what the Warning says of it.
	reported string
}

const rival = "rival"

// put replaces an object as a client that reads, modifies and writes it.
func put(ctx context.Context, live *unstructured.Unstructured, change func(*unstructured.Unstructured)) error {
	changed := live.DeepCopy()
	change(changed)
	changed.SetResourceVersion("")
	return admin.Update(ctx, changed, client.FieldOwner(rival))
}

// rivalWrites are the ways that must not change what the operator decides.
var rivalWrites = []rivalWrite{
	{"put", put, rival},
	{"put-without-annotations", func(ctx context.Context, live *unstructured.Unstructured, change func(*unstructured.Unstructured)) error {
		return put(ctx, live, func(object *unstructured.Unstructured) {
			change(object)
			object.SetAnnotations(nil)
		})
	}, rival},
	{"put-without-managed-fields", func(ctx context.Context, live *unstructured.Unstructured, change func(*unstructured.Unstructured)) error {
		if err := put(ctx, live, change); err != nil {
			return err
		}
		_, err := patchAsSomebody(ctx, live, operation{"replace", "/metadata/managedFields", []any{map[string]any{}}})
		return err
	}, "changes"},
	{"give-the-fields-back", func(ctx context.Context, live *unstructured.Unstructured, change func(*unstructured.Unstructured)) error {
		if err := put(ctx, live, change); err != nil {
			return err
		}
		_, err := patchAsSomebody(ctx, live, operation{"replace", "/metadata/managedFields", live.GetManagedFields()})
		return err
	}, "changes"},
	{"apply-under-the-operators-name", func(ctx context.Context, live *unstructured.Unstructured, change func(*unstructured.Unstructured)) error {
		changed := live.DeepCopy()
		change(changed)
		delete(changed.Object, "status")
		changed.SetManagedFields(nil)
		for _, field := range []string{"resourceVersion", "creationTimestamp", "generation"} {
			unstructured.RemoveNestedField(changed.Object, "metadata", field)
		}
		return admin.Apply(ctx, client.ApplyConfigurationFromUnstructured(changed), client.FieldOwner(manifests.Manager), client.ForceOwnership)
	}, "changes"},
	{"delete", func(ctx context.Context, live *unstructured.Unstructured, _ func(*unstructured.Unstructured)) error {
		return admin.Delete(ctx, live)
	}, "deletes"},
	{"delete-and-create", func(ctx context.Context, live *unstructured.Unstructured, change func(*unstructured.Unstructured)) error {
		if err := admin.Delete(ctx, live); err != nil {
			return err
		}
		created := live.DeepCopy()
		change(created)
		delete(created.Object, "status")
		unstructured.RemoveNestedField(created.Object, "spec", "clusterIP")
		unstructured.RemoveNestedField(created.Object, "spec", "clusterIPs")
		created.SetManagedFields(nil)
		created.SetResourceVersion("")
		created.SetUID("")
		return client.IgnoreAlreadyExists(admin.Create(ctx, created, client.FieldOwner(rival))) // the operator may be faster
	}, "again and again"},
}

// nested returns the fields of an object at a path, to be modified.
func nested(object *unstructured.Unstructured, path ...string) map[string]any {
	is, _, _ := unstructured.NestedFieldNoCopy(object.Object, path...)
	return is.(map[string]any)
}

func gatewayContainer(object *unstructured.Unstructured) map[string]any {
	return nested(object, "spec", "template", "spec")["containers"].([]any)[0].(map[string]any)
}

func addSubject(object *unstructured.Unstructured) {
	object.Object["subjects"] = append(object.Object["subjects"].([]any), map[string]any{"kind": "ServiceAccount", "name": "stranger", "namespace": "default"})
}

func addVariable(object *unstructured.Unstructured) {
	container := gatewayContainer(object)
	container["env"] = append(container["env"].([]any), map[string]any{"name": "RIVAL", "value": "1"})
}

func addCapability(object *unstructured.Unstructured) {
	gatewayContainer(object)["securityContext"].(map[string]any)["capabilities"].(map[string]any)["add"] = []any{"NET_ADMIN"}
}

func openPolicy(object *unstructured.Unstructured) {
	nested(object, "spec")["ingress"] = []any{map[string]any{}}
}

// TestValuesComeBackHoweverTheyAreChanged: no mark that another client can write keeps the operator from what it set.
func TestValuesComeBackHoweverTheyAreChanged(t *testing.T) {
	t.Parallel()
	for _, way := range rivalWrites {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			namespace := "rival-" + way.name
			cluster.CreateTenant(t, namespace, driftSpec())
			waitReady(t, namespace)
			for _, c := range []struct {
				object string
				change func(*unstructured.Unstructured)
			}{
				{"StatefulSet/openshell-gateway", addVariable},
				{"StatefulSet/openshell-gateway", addCapability},
				{"ConfigMap/openshell-gateway-config", func(o *unstructured.Unstructured) { nested(o, "data")["gateway.toml"] = "# rival" }},
				{"ServiceAccount/openshell-gateway", func(o *unstructured.Unstructured) { o.Object["automountServiceAccountToken"] = true }},
				{"Service/openshell-gateway", func(o *unstructured.Unstructured) { nested(o, "spec", "selector")["app.kubernetes.io/name"] = "rival" }},
				{"RoleBinding/openshell-gateway-sandbox", addSubject},
				{"ClusterRoleBinding/" + manifests.NodeReaderPrefix + namespace, addSubject},
				{"NetworkPolicy/openshell-gateway-clients", openPolicy},
				{"NetworkPolicy/openshell-gateway-sandbox-ssh", openPolicy},
				{"NetworkPolicy/openshell-gateway-sandbox-ssh", openPolicy},
				{"NetworkPolicy/openshell-gateway-sandbox-ssh", openPolicy},
			} {
				was := driftObject(t, namespace, c.object)
				began := time.Now()
				if err := way.write(t.Context(), was, c.change); err != nil {
					t.Fatalf("%s: %v", c.object, err)
				}
				waitValues(t, was)
				if took := time.Since(began); took > 2*time.Second {
					t.Logf("%s came back after %s", c.object, took.Round(100*time.Millisecond))
				}
			}
			tenant := waitCondition(t, namespace, v1alpha1.ConditionWarning, metav1.ConditionTrue, v1alpha1.ReasonChangedByOthers)
			message := messageOf(tenant, v1alpha1.ConditionWarning)
			for _, want := range []string{way.reported, "NetworkPolicy openshell-gateway-sandbox-ssh"} {
				if !strings.Contains(message, want) {
					t.Errorf("Warning says %q, want %q", message, want)
				}
			}
			waitReady(t, namespace)
			atRest(t, namespace)
		})
	}
}

// waitValues waits until an object, or one that has replaced it, has the values that it had.
func waitValues(t *testing.T, was *unstructured.Unstructured) {
	t.Helper()
	values := func(object *unstructured.Unstructured) map[string]any {
		is := content(object)
		if spec, has := is["spec"].(map[string]any); has {
			delete(spec, "clusterIP")
			delete(spec, "clusterIPs")
		}
		return is
	}
	cluster.Eventually(t, driftLimit, func() error {
		is := was.NewEmptyInstance().(*unstructured.Unstructured)
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(was), is); err != nil {
			return err
		}
		if diff := cmp.Diff(values(was), values(is)); diff != "" {
			return fmt.Errorf("%s is not as it was (-was +is):\n%s", driftName(was), changedLines(diff))
		}
		return nil
	})
}

// TestFightOverAGatewayPauses: a rival changes the pod template after each repair. The operator restarts the gateway three times, and
// then only repairs what restarts nothing or what the pod may do, and applies what the tenant requests.
func TestFightOverAGatewayPauses(t *testing.T) {
	t.Parallel()
	const namespace, set = "rival-fights", "StatefulSet/openshell-gateway"
	cluster.CreateTenant(t, namespace, driftSpec())
	waitReady(t, namespace)
	was := driftObject(t, namespace, set)
	annotations := was.GetAnnotations()
	fight := func() {
		t.Helper()
		if err := put(t.Context(), driftObject(t, namespace, set), func(o *unstructured.Unstructured) {
			addVariable(o)
			left := o.GetAnnotations()
			delete(left, apply.AnnotationHash)
			o.SetAnnotations(left)
		}); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		fight()
		waitValues(t, was)
	}
	fight()
	tenant := waitCondition(t, namespace, v1alpha1.ConditionWarning, metav1.ConditionTrue, v1alpha1.ReasonChangedByOthers)
	cluster.Eventually(t, readyLimit, func() error {
		tenant = get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		for _, want := range []string{rival + " changes StatefulSet openshell-gateway", "leaves the pod template as it is until"} {
			if message := messageOf(tenant, v1alpha1.ConditionWarning); !strings.Contains(message, want) {
				return fmt.Errorf("Warning says %q, want %q", message, want)
			}
		}
		return nil
	})
	waitReady(t, namespace)
	operator.quietFor(t, 2*time.Second, statefulSetWrites(namespace))

	t.Run("a NetworkPolicy is closed", func(t *testing.T) {
		for range 3 {
			policy := driftObject(t, namespace, "NetworkPolicy/openshell-gateway-sandbox-ssh")
			if err := put(t.Context(), policy, openPolicy); err != nil {
				t.Fatal(err)
			}
			waitValues(t, policy)
		}
	})
	t.Run("a capability is removed", func(t *testing.T) {
		if err := put(t.Context(), driftObject(t, namespace, set), addCapability); err != nil {
			t.Fatal(err)
		}
		waitValues(t, was)
	})
	t.Run("the tenant changes its spec", func(t *testing.T) {
		fight()
		change(t, namespace, func(spec *v1alpha1.GatewayTenantSpec) { spec.Config = "openshell.gateway.log_level = 'warn'" })
		cluster.Eventually(t, driftLimit, func() error {
			live := driftObject(t, namespace, set)
			if env := gatewayContainer(live)["env"].([]any); len(env) != 1 || live.GetAnnotations()[apply.AnnotationHash] == annotations[apply.AnnotationHash] {
				return fmt.Errorf("the variables are %v", env)
			}
			return nil
		})
	})
}

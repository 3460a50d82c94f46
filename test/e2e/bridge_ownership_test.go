package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	bridgeplan "github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// userWith returns a client of a new user with the given ClusterRoles in a namespace.
func userWith(t *testing.T, namespace string, roles ...string) client.Client {
	t.Helper()
	return userNamed(t, namespace, "with-"+strings.Join(roles, "-"), roles...)
}

// userNamed returns a client with a ServiceAccount of this name that has these ClusterRoles in a namespace.
func userNamed(t *testing.T, namespace, account string, roles ...string) client.Client {
	t.Helper()
	cluster.Create(t, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: account}})
	for _, role := range roles {
		cluster.Create(t, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: account + "-" + role}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: account, Namespace: namespace}},
		})
	}
	user := as(t, namespace, account)
	cluster.Eventually(t, 10*time.Second, func() error { // until the API server knows the bindings
		return user.List(t.Context(), &v1alpha1.GatewayTenantList{}, client.InNamespace(namespace))
	})
	return user
}

// restoring sets or removes the annotation with which the operator changes nothing in a namespace.
func restoring(t *testing.T, namespace string, is bool) {
	t.Helper()
	value := "null"
	if is {
		value = `"` + v1alpha1.RestoreInProgress + `"`
	}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%s}}}`, v1alpha1.AnnotationRestore, value)
	if err := admin.Patch(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

// TestBridgedTenantStaysThePlatforms whatever a tenant writes who may do everything with the GatewayTenant except hand it over:
// under the bridge's name, without managedFields, or with another GatewayTenant.
func TestBridgedTenantStaysThePlatforms(t *testing.T) {
	const namespace = "platforms"
	cluster.CreateNamespace(t, namespace)
	platformConfig(t, entry(namespace))
	waitReady(t, namespace)
	waitState(t, namespace, bridgeplan.Applied)
	tenant := userWith(t, namespace, "gatewaytenant-admin")
	reverted := func(t *testing.T) {
		t.Helper()
		cluster.Eventually(t, 15*time.Second, func() error {
			is := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
			want := []string{"gateway." + namespace + ".example.com"}
			if !slices.Equal(is.Spec.ServerDNSNames, want) || is.Spec.SandboxTokens != "" || is.Labels[v1alpha1.LabelSource] == "" {
				return fmt.Errorf("names %v, tokens %q, labels %v", is.Spec.ServerDNSNames, is.Spec.SandboxTokens, is.Labels)
			}
			return nil
		})
	}
	t.Run("under the bridge's name", func(t *testing.T) {
		live := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		forged := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"serverDnsNames": []any{"evil.example"}, "sandboxTokens": "Disabled"}}}
		forged.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("GatewayTenant"))
		forged.SetNamespace(namespace)
		forged.SetName(v1alpha1.Name)
		forged.SetLabels(live.Labels)
		forged.SetAnnotations(map[string]string{v1alpha1.AnnotationSource: live.Annotations[v1alpha1.AnnotationSource], apply.AnnotationHash: live.Annotations[apply.AnnotationHash]})
		if err := tenant.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(forged), client.FieldOwner(bridgeplan.FieldOwner), client.ForceOwnership); err != nil {
			t.Fatal(err)
		}
		reverted(t)
	})
	t.Run("without managedFields", func(t *testing.T) {
		patch := `[{"op":"replace","path":"/metadata/managedFields","value":[{}]},{"op":"replace","path":"/spec/serverDnsNames","value":["evil.example"]}]`
		object := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.Name}}
		if err := tenant.Patch(t.Context(), object, client.RawPatch(types.JSONPatchType, []byte(patch))); err != nil {
			t.Fatal(err)
		}
		reverted(t)
	})
	t.Run("again and again", func(t *testing.T) {
		cluster.Eventually(t, 30*time.Second, func() error {
			if _, rows := report(t); rows[namespace].State == bridgeplan.Contended && strings.Contains(rows[namespace].Message, `field manager "a-rival"`) {
				return nil
			}
			object := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
			object.Spec.ServerDNSNames = []string{"evil.example"}
			if err := tenant.Update(t.Context(), object, client.FieldOwner("a-rival")); err != nil {
				return err
			}
			reverted(t)
			return fmt.Errorf("it is not reported yet")
		})
	})
	t.Run("another one, in a namespace that is being restored", func(t *testing.T) {
		restoring(t, namespace, true)
		waitState(t, namespace, bridgeplan.Waiting, "kubectl annotate namespace "+namespace+" "+v1alpha1.AnnotationRestore+"-")
		object := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.Name}}
		if err := tenant.Delete(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		object.Spec.ServerDNSNames = []string{"evil.example"}
		cluster.Eventually(t, 15*time.Second, func() error { return tenant.Create(t.Context(), object.DeepCopy()) })
		operator.quietFor(t, time.Second, func(request string) bool {
			return strings.Contains(request, "/namespaces/"+namespace+"/gatewaytenants/"+v1alpha1.Name+"?")
		})
		restoring(t, namespace, false)
		reverted(t)
	})
	platformConfig(t)
	waitGone(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
}

// TestHandingOverNeedsARight that those who may administer a GatewayTenant do not have.
func TestHandingOverNeedsARight(t *testing.T) {
	t.Parallel()
	const namespace = "not-theirs"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Suspend: true})
	admins, platform := userWith(t, namespace, "gatewaytenant-admin"), userWith(t, namespace, "gatewaytenant-edit", "gatewaytenant-handover")
	object := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.Name}}
	marked := object.DeepCopy()
	marked.Labels, marked.Annotations = map[string]string{v1alpha1.LabelSource: v1alpha1.SourcePlatformConfig}, map[string]string{v1alpha1.AnnotationSource: "gatewaytenant-system/platform-config"}
	metadata := func(kind, name, value string) string {
		return fmt.Sprintf(`{"metadata":{%q:{%q:%s}}}`, kind, name, value)
	}
	for _, c := range []struct {
		what, patch string
		needsRight  bool
	}{
		{"the label", metadata("labels", v1alpha1.LabelSource, `"platform-config"`), true},
		{"the source", metadata("annotations", v1alpha1.AnnotationSource, `"gatewaytenant-system/platform-config"`), true},
		{"a hand-over to the platform", metadata("annotations", v1alpha1.AnnotationHandOver, `"`+v1alpha1.HandOverToPlatform+`"`), true},
		{"a hand-over to the tenant", metadata("annotations", v1alpha1.AnnotationHandOver, `"`+v1alpha1.HandOverToTenant+`"`), true},
		{"another label", metadata("labels", "team", `"a"`), false},
		{"another annotation", metadata("annotations", v1alpha1.AnnotationRotateTLS, `"once"`), false},
		{"the spec", `{"spec":{"serverDnsNames":["a.example.com"]}}`, false},
	} {
		patch := client.RawPatch(types.MergePatchType, []byte(c.patch))
		err := admins.Patch(t.Context(), object.DeepCopy(), patch, client.DryRunAll)
		if c.needsRight != (apierrors.IsInvalid(err) && strings.Contains(err.Error(), "verb handover")) || !c.needsRight && err != nil {
			t.Errorf("%s: %v; needs the right: %v", c.what, err, c.needsRight)
		}
		if err := platform.Patch(t.Context(), object.DeepCopy(), patch, client.DryRunAll); err != nil {
			t.Errorf("%s, with the right: %v", c.what, err)
		}
	}
	likeOperator := userNamed(t, namespace, manifests.Manager, "gatewaytenant-edit") // an admin of a namespace can create such a ServiceAccount
	patch := client.RawPatch(types.MergePatchType, []byte(metadata("annotations", v1alpha1.AnnotationHandOver, `"`+v1alpha1.HandOverToTenant+`"`)))
	if err := likeOperator.Patch(t.Context(), object.DeepCopy(), patch, client.DryRunAll); !apierrors.IsInvalid(err) {
		t.Errorf("a ServiceAccount with the operator's name in another namespace: %v", err)
	}
	if err := admins.Delete(t.Context(), object.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	waitGone(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
	if err := admins.Create(t.Context(), marked.DeepCopy(), client.DryRunAll); !apierrors.IsInvalid(err) {
		t.Errorf("a GatewayTenant with the marks was created: %v", err)
	}
	if err := admin.Create(t.Context(), marked.DeepCopy()); err != nil { // a backup tool has all rights
		t.Fatal(err)
	}
	for what, patch := range map[string]string{"the label": metadata("labels", v1alpha1.LabelSource, "null"), "the source": metadata("annotations", v1alpha1.AnnotationSource, "null")} {
		if err := admins.Patch(t.Context(), object.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch)), client.DryRunAll); !apierrors.IsInvalid(err) {
			t.Errorf("%s was removed: %v", what, err)
		}
	}
}

// TestReservedNamespacesGetNoTenant creates GatewayTenants in reserved namespaces, and in default, as an administrator.
func TestReservedNamespacesGetNoTenant(t *testing.T) {
	t.Parallel()
	cluster.CreateNamespace(t, "openshift-monitoring")
	for _, namespace := range []string{"kube-system", "kube-public", "openshift-monitoring", platformNamespace} {
		tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.Name}}
		if err := admin.Create(t.Context(), tenant, client.DryRunAll); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "is reserved for the system or the operator") {
			t.Errorf("%s: %v", namespace, err)
		}
	}
	tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: v1alpha1.Name}}
	if err := admin.Create(t.Context(), tenant, client.DryRunAll); err != nil {
		t.Errorf("%s: %v", metav1.NamespaceDefault, err)
	}
}

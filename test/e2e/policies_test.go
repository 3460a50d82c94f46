package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// as is a client with the rights of a ServiceAccount.
func as(t *testing.T, namespace, account string) client.Client {
	t.Helper()
	config, err := cluster.ServiceAccountConfig(t.Context(), namespace, account)
	if err != nil {
		t.Fatal(err)
	}
	config.UserAgent = thief
	c, err := client.New(config, client.Options{Scheme: admin.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// patchOf is what somebody with the operator's token may try with an object that it may write.
type patchOf struct {
	what   string
	object client.Object
	patch  string // a JSON patch; empty: the object is created; "apply": applied; "delete": deleted
	word   string // of the refusal
}

// try does it.
func (p patchOf) try(ctx context.Context, c client.Client) error {
	object := p.object.DeepCopyObject().(client.Object)
	switch p.patch {
	case "":
		return c.Create(ctx, object, client.DryRunAll)
	case "apply":
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		if err != nil {
			return err
		}
		return c.Apply(ctx, client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: content}), client.FieldOwner("x"), client.DryRunAll)
	case "delete":
		return c.Delete(ctx, object, client.DryRunAll)
	}
	return c.Patch(ctx, object, client.RawPatch(types.JSONPatchType, []byte(p.patch)), client.DryRunAll)
}

// clusterBinding is a ClusterRoleBinding that a thief of the operator's token would like.
func clusterBinding(name, role, account, namespace string) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: account, Namespace: namespace}},
	}
}

// TestStolenTokenOfTheOperator gets its thief no further than to what gateways are made of.
func TestStolenTokenOfTheOperator(t *testing.T) {
	t.Parallel()
	const namespace = "stolen"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: namespace, Name: name} }
	set := &appsv1.StatefulSet{ObjectMeta: meta(manifests.GatewayName)}
	ours := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: manifests.NodeReaderPrefix + namespace}}
	theirs := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "cluster-admin"}}
	sandbox := &rbacv1.RoleBinding{ObjectMeta: meta(manifests.SandboxName)}
	const owner = `[{"op":"add","path":"/metadata/ownerReferences","value":[{"apiVersion":"v1","kind":"Namespace","name":"default","uid":"1"}]}]`
	const container = "/spec/template/spec/containers/0"
	for _, c := range []patchOf{
		{"binds cluster-admin", clusterBinding(manifests.NodeReaderPrefix+"x", "cluster-admin", "openshell-gateway", "x"), "", ""},
		{"binds under another name", clusterBinding("x", manifests.NodeReaderName, "openshell-gateway", "x"), "", "writes only ClusterRoleBindings"},
		{"binds a stranger", clusterBinding(manifests.NodeReaderPrefix+"x", manifests.NodeReaderName, "stranger", "x"), "", "its one subject"},
		{"binds another namespace's gateway", clusterBinding(manifests.NodeReaderPrefix+"x", manifests.NodeReaderName, "openshell-gateway", "y"), "", "its one subject"},
		{"adds a subject", ours, `[{"op":"add","path":"/subjects/-","value":{"kind":"ServiceAccount","name":"x","namespace":"x"}}]`, "its one subject"},
		{"gives a binding another owner", ours, owner, "nobody owns it"},
		{"labels cluster-admin's binding", theirs, `[{"op":"add","path":"/metadata/labels/x","value":"x"}]`, ""},
		{"gives cluster-admin's binding an owner", theirs, owner, "writes only ClusterRoleBindings"},
		{"deletes cluster-admin's binding", theirs, "delete", "writes only ClusterRoleBindings"},
		{"adds a subject to a RoleBinding", sandbox, `[{"op":"add","path":"/subjects/-","value":{"kind":"ServiceAccount","name":"x","namespace":"x"}}]`, "its one subject"},
		{"gives a RoleBinding another owner", sandbox, owner, "nobody owns it"},
		{"gives a gateway certgen's rights", roleBinding("default", manifests.SandboxName, "gatewaytenant-certgen", manifests.GatewayName), "apply", "openshell-gateway-sandbox binds"},
		{"gives certgen a gateway's rights", roleBinding("default", sandboxV2, "gatewaytenant-sandboxes-v2", manifests.CertgenName), "apply", "its one subject"},
		{"gives new gateways other rights", roleBinding("default", sandboxV2, "gatewaytenant-sandboxes", manifests.GatewayName), "apply", "openshell-gateway-sandbox-v2 binds"},
		{"gives them under another name", roleBinding("default", manifests.SandboxName, "gatewaytenant-sandboxes-v2", manifests.GatewayName), "apply", "openshell-gateway-sandbox binds"},
		{"makes the gateway privileged", set, `[{"op":"replace","path":"/spec/template/spec/containers/0/securityContext/allowPrivilegeEscalation","value":true},{"op":"add","path":"/spec/template/spec/containers/0/securityContext/privileged","value":true}]`, "no privileges"},
		{"gives it a capability", set, `[{"op":"add","path":"/spec/template/spec/containers/0/securityContext/capabilities/add","value":["SYS_ADMIN"]}]`, "no privileges"},
		{"gives it the node's network", set, `[{"op":"add","path":"/spec/template/spec/hostNetwork","value":true}]`, "no namespace of the node"},
		{"gives it the node's files", set, `[{"op":"add","path":"/spec/template/spec/volumes/-","value":{"name":"x","hostPath":{"path":"/"}}}]`, "no other volumes"},
		{"mounts another Secret", set, `[{"op":"add","path":"/spec/template/spec/volumes/-","value":{"name":"x","secret":{"secretName":"x"}}}]`, "no other volumes"},
		{"reads a Secret into the environment", set, `[{"op":"add","path":"` + container + `/env/-","value":{"name":"X","valueFrom":{"secretKeyRef":{"name":"x","key":"x"}}}}]`, "nothing out of Secrets"},
		{"reads a whole Secret into the environment", set, `[{"op":"add","path":"` + container + `/envFrom","value":[{"secretRef":{"name":"x"}}]}]`, "nothing out of Secrets"},
		{"runs another command", set, `[{"op":"add","path":"` + container + `/command","value":["/bin/sh"]}]`, "what their image is for"},
		{"runs another image", set, `[{"op":"replace","path":"` + container + `/image","value":"docker.io/evil/gateway:1"}]`, "allowed repository"},
		{"runs another image as certgen", jobWith("default", manifests.CertgenName, func(p *corev1.PodSpec) { p.Containers[0].Image = gatewayImage }), "apply", "the operator's own"},
		{"runs it as somebody else", set, `[{"op":"replace","path":"/spec/template/spec/serviceAccountName","value":"default"}]`, "ServiceAccount"},
		{"adds a container", set, `[{"op":"add","path":"/spec/template/spec/containers/-","value":{"name":"x","image":"x"}}]`, "one container"},
		{"makes a pod", &corev1.Pod{ObjectMeta: meta("x"), Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "x", Image: "x"}}}}, "", "cannot create"},
		{"makes a Secret", &corev1.Secret{ObjectMeta: meta(manifests.CAName)}, "", "cannot create"},
		{"changes a Secret", &corev1.Secret{ObjectMeta: meta(manifests.CAName)}, `[{"op":"add","path":"/data/x","value":"eA=="}]`, "cannot patch"},
		{"changes a spec", &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "x"}}, "delete", "cannot delete"},
	} {
		t.Run(c.what, func(t *testing.T) {
			err := c.try(t.Context(), as(t, platformNamespace, "gatewaytenant-operator"))
			if !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), c.word) {
				t.Errorf("%v; want it refused with %q", err, c.word)
			}
		})
	}
	stranger := as(t, platformNamespace, "gatewaytenant-operator")
	if err := stranger.Get(t.Context(), client.ObjectKey{Namespace: "kube-system", Name: "any"}, &corev1.Secret{}); !apierrors.IsForbidden(err) {
		t.Errorf("reads another Secret: %v", err)
	}
}

// TestPoliciesBiteWhereverTheOperatorIsInstalled: they know no namespace.
func TestPoliciesBiteWhereverTheOperatorIsInstalled(t *testing.T) {
	t.Parallel()
	const namespace = "installed-elsewhere"
	cluster.CreateNamespace(t, namespace)
	cluster.Create(t, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "gatewaytenant-operator"}})
	rights := clusterBinding(namespace, "gatewaytenant-operator", "gatewaytenant-operator", namespace)
	cluster.Create(t, rights)
	t.Cleanup(func() { _ = admin.Delete(context.Background(), rights) })
	attempt := patchOf{"", clusterBinding("x", manifests.NodeReaderName, "openshell-gateway", "x"), "", ""}
	elsewhere := as(t, namespace, "gatewaytenant-operator")
	cluster.Eventually(t, 10*time.Second, func() error { // until its rights are known: then another word than RBAC's
		if err := attempt.try(t.Context(), elsewhere); err == nil || !strings.Contains(err.Error(), "writes only ClusterRoleBindings") {
			return fmt.Errorf("it is not refused for that reason: %w", err)
		}
		return nil
	})
}

// TestCertgenMakesItsFourSecretsOnly though its role lets it make any.
func TestCertgenMakesItsFourSecretsOnly(t *testing.T) {
	t.Parallel()
	const namespace = "certgens-secrets"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	certgen := as(t, namespace, manifests.CertgenName)
	for _, c := range []struct {
		name  string
		kind  corev1.SecretType
		word  string
		notes map[string]string
	}{
		{"x", corev1.SecretTypeOpaque, "only the four Secrets", nil},
		{manifests.CAName, corev1.SecretTypeServiceAccountToken, "no tokens", map[string]string{corev1.ServiceAccountNameKey: "default"}},
		{manifests.CAName, corev1.SecretTypeOpaque, "already exists", nil},
	} {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: c.name, Annotations: c.notes}, Type: c.kind}
		if err := certgen.Create(t.Context(), secret, client.DryRunAll); err == nil || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%s of type %s: %v; want it refused with %q", c.name, c.kind, err, c.word)
		}
	}
}

// TestPeopleMayWhatTheirRoleSays, by the names of Kubernetes' own roles and of ours.
func TestPeopleMayWhatTheirRoleSays(t *testing.T) {
	t.Parallel()
	const namespace = "people"
	cluster.CreateNamespace(t, namespace)
	verbs := []string{"get", "list", "watch", "patch", "update", "create", "delete"}
	for role, most := range map[string]int{"view": 3, "edit": 3, "admin": 3, "gatewaytenant-view": 3, "gatewaytenant-edit": 5, "gatewaytenant-admin": 7} {
		account := "with-" + role
		cluster.Create(t, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: account}})
		cluster.Create(t, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: account}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: account, Namespace: namespace}},
		})
		cluster.Eventually(t, 15*time.Second, func() error { // roles are aggregated, and bindings heeded, after a while
			for i, verb := range verbs {
				review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
					User:               "system:serviceaccount:" + namespace + ":" + account,
					ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: verb, Group: v1alpha1.GroupVersion.Group, Resource: "gatewaytenants"},
				}}
				if err := admin.Create(t.Context(), review); err != nil {
					return err
				}
				if review.Status.Allowed != (i < most) {
					return fmt.Errorf("%s: %s is allowed: %v", role, verb, review.Status.Allowed)
				}
			}
			return nil
		})
	}
}

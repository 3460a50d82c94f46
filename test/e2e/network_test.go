package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// TestAllowedClientsComeAndGo without a restart, and a policy of the tenant's own under that name is left alone.
func TestAllowedClientsComeAndGo(t *testing.T) {
	t.Parallel()
	const namespace = "clients"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	pod := podUID(t, namespace)
	everyone := v1alpha1.AllowedClient{NamespaceSelector: &metav1.LabelSelector{}}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Network.AllowedClients = []v1alpha1.AllowedClient{everyone} })
	cluster.Eventually(t, driftLimit, func() error {
		policy := &networkingv1.NetworkPolicy{}
		if err := admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: manifests.ClientsName}, policy); err != nil {
			return err
		}
		want := []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{}}}
		if peers := policy.Spec.Ingress[1].From; !equality.Semantic.DeepEqual(peers, want) {
			return fmt.Errorf("peers are %+v", peers)
		}
		return nil
	})
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Network = v1alpha1.Network{} })
	waitGone(t, &networkingv1.NetworkPolicy{}, namespace, manifests.ClientsName)
	theirs := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: manifests.ClientsName}, Spec: networkingv1.NetworkPolicySpec{PodSelector: metav1.LabelSelector{}}}
	cluster.Create(t, theirs)
	operator.waitIdle(t, writesTo(namespace))
	get(t, theirs, namespace, theirs.Name)
	waitReady(t, namespace)
	if podUID(t, namespace) != pod {
		t.Error("the pod was restarted")
	}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Network.AllowedClients = []v1alpha1.AllowedClient{everyone} })
	waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonConflict)
}

// TestEmptyListOfClientsAdmitsSandboxesOnly, however it is written, and without a restart. It is not the same as no list.
func TestEmptyListOfClientsAdmitsSandboxesOnly(t *testing.T) {
	t.Parallel()
	const namespace = "no-clients"
	cluster.CreateNamespace(t, namespace)
	file := filepath.Join(t.TempDir(), "tenant.yaml")
	apply := func(spec string) {
		t.Helper()
		text := "apiVersion: openshell.ambient-code.io/v1alpha1\nkind: GatewayTenant\nmetadata: {name: openshell-gateway, namespace: " + namespace + "}\nspec: " + spec + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := cluster.Kubectl(t.Context(), "apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", file); err != nil {
			t.Fatal(err)
		}
	}
	rules := func(want string) {
		t.Helper()
		cluster.Eventually(t, driftLimit, func() error {
			is, err := rulesOfClients(t, namespace)
			if err == nil && is != want {
				err = fmt.Errorf("the rules are %q, want %q", is, want)
			}
			return err
		})
		waitReady(t, namespace)
	}
	const sandboxes = "[8080] from 2"
	apply("{}")
	waitReady(t, namespace)
	pod := podUID(t, namespace)
	apply("{network: {allowedClients: []}}")
	rules(sandboxes)
	if lists := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name).Spec.Network; lists.AllowedClients == nil || lists.MetricsClients != nil {
		t.Errorf("the API server has %#v", lists)
	}
	apply("{network: {allowedClients: [{podSelector: {}}], metricsClients: []}}")
	rules(sandboxes + ", [8080] from 1")
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Network.MetricsClients = nil })
	rules(sandboxes + ", [8080 9090] from 1")
	apply("{}")
	waitGone(t, &networkingv1.NetworkPolicy{}, namespace, manifests.ClientsName)
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Network.AllowedClients = []v1alpha1.AllowedClient{} }) // a merge patch
	rules(sandboxes)
	if podUID(t, namespace) != pod {
		t.Error("the pod was restarted")
	}
	apply("{network: {allowedClients: [{podSelector: {}}]}}")
	rules(sandboxes + ", [8080 9090] from 1")
}

// rulesOfClients returns the ports and the number of peers of each rule of the policy of clients.
func rulesOfClients(t *testing.T, namespace string) (string, error) {
	t.Helper()
	policy := &networkingv1.NetworkPolicy{}
	if err := admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: manifests.ClientsName}, policy); err != nil {
		return "", err
	}
	var rules []string
	for _, rule := range policy.Spec.Ingress {
		var ports []string
		for _, port := range rule.Ports {
			ports = append(ports, port.Port.String())
		}
		rules = append(rules, fmt.Sprintf("%v from %d", ports, len(rule.From)))
	}
	return strings.Join(rules, ", "), nil
}

// TestEntryWithoutClientsAdmitsSandboxesOnly: the bridge applies the empty list, too.
func TestEntryWithoutClientsAdmitsSandboxesOnly(t *testing.T) {
	const namespace = "no-clients-bridged"
	cluster.CreateNamespace(t, namespace)
	platformConfig(t, "- {name: "+namespace+", gateway: {serverDnsNames: [], network: {allowedClients: []}}}")
	waitReady(t, namespace)
	cluster.Eventually(t, driftLimit, func() error {
		is, err := rulesOfClients(t, namespace)
		if err == nil && is != "[8080] from 2" {
			err = fmt.Errorf("the rules are %q", is)
		}
		return err
	})
	platformConfig(t)
}

// warnings collects what the API server warns of.
type warnings []string

// HandleWarningHeader notes a warning.
func (w *warnings) HandleWarningHeader(_ int, _, text string) { *w = append(*w, text) }

// TestPodsAreAdmittedWhereRestrictedIsEnforced, without a warning for what makes them.
func TestPodsAreAdmittedWhereRestrictedIsEnforced(t *testing.T) {
	t.Parallel()
	const namespace, label = "restricted", "pod-security.kubernetes.io/"
	cluster.Create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: map[string]string{label + "enforce": "restricted", label + "warn": "restricted", label + "audit": "restricted"}}})
	t.Cleanup(func() {
		_ = admin.Delete(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	})
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	waitReady(t, namespace)
	var said warnings
	config := rest.CopyConfig(cluster.Config())
	config.WarningHandler = &said
	warned, err := client.New(config, client.Options{Scheme: admin.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	job := get(t, &batchv1.Job{}, namespace, manifests.CertgenName)
	set := get(t, &appsv1.StatefulSet{}, namespace, manifests.GatewayName)
	for name, template := range map[string]*corev1.PodTemplateSpec{"certgen": &job.Spec.Template, "gateway": &set.Spec.Template} {
		delete(template.Labels, "batch.kubernetes.io/controller-uid") // of a Job that is there
		again := &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
			Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: template.Labels}, Template: *template},
		}
		again.Spec.Template.Spec.Volumes = append(again.Spec.Template.Spec.Volumes, corev1.Volume{Name: "openshell-data"}) // in place of the claim
		again.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyAlways
		if err := warned.Create(t.Context(), again, client.DryRunAll); err != nil {
			t.Error(err)
		}
	}
	if len(said) > 0 {
		t.Errorf("the API server warns: %s", strings.Join(said, "\n"))
	}
	bad := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "bad"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "x", Image: "x"}}}}
	if err := admin.Create(t.Context(), bad, client.DryRunAll); err == nil {
		t.Error("restricted is not enforced here: this test sees nothing")
	}
}

// TestOpenShiftAssignsIDs: where its API is served, pods bring none.
func TestOpenShiftAssignsIDs(t *testing.T) {
	const namespace = "openshift"
	group := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "securitycontextconstraints.security.openshift.io"}}
	group.Spec.Group, group.Spec.Scope = "security.openshift.io", apiextensionsv1.ClusterScoped
	group.Spec.Names = apiextensionsv1.CustomResourceDefinitionNames{Plural: "securitycontextconstraints", Kind: "SecurityContextConstraints"}
	group.Spec.Versions = []apiextensionsv1.CustomResourceDefinitionVersion{{
		Name: "v1", Served: true, Storage: true, Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object"}},
	}}
	cluster.Create(t, group)
	t.Cleanup(func() {
		_ = admin.Delete(context.Background(), group)
		restart(t)
	})
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	set := get(t, &appsv1.StatefulSet{}, namespace, manifests.GatewayName)
	if set.Spec.Template.Spec.SecurityContext.RunAsUser == nil {
		t.Fatal("without OpenShift's API, there is no fixed uid: this test sees nothing")
	}
	restart(t, func(o *options.Options) { o.WatchNamespaces = []string{namespace} })
	cluster.Eventually(t, driftLimit, func() error {
		is := get(t, set, namespace, manifests.GatewayName).Spec.Template.Spec.SecurityContext
		if is.RunAsUser != nil || is.RunAsGroup != nil || is.FSGroup != nil {
			return fmt.Errorf("uid %v, gid %v, fsGroup %v", is.RunAsUser, is.RunAsGroup, is.FSGroup)
		}
		return nil
	})
	waitReady(t, namespace)
}

package hostile

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// sentFor are the requests that the operator makes for a tenant, by URL: what is rendered, and how that is sent.
func sentFor(t *testing.T, tenant *v1alpha1.GatewayTenant) map[string]string {
	t.Helper()
	return sentOn(t, tenant, manifests.Volume{})
}

// sentOn is the same for a tenant whose volume and gateway may exist already.
func sentOn(t *testing.T, tenant *v1alpha1.GatewayTenant, volume manifests.Volume) map[string]string {
	t.Helper()
	platform, err := manifests.NewPlatform("", certgenImage, []string{repository}, certificates.DefaultLifetimes.Args()...)
	if err != nil {
		t.Fatal(err)
	}
	checked, err := manifests.NewTenant(tenant, platform)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := manifests.Render(checked, manifests.RenderInput{NamespaceUID: types.UID(anyUID), TokenKey: strings.Repeat("0f", 16), Volume: volume})
	if err != nil {
		t.Fatal(err)
	}
	sent := map[string]string{}
	for _, object := range append(objects.Foundation, objects.Certgen, objects.Gateway) {
		body, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		group, resource, grouped := strings.Cut(resourceOf(object), "/")
		url := "/apis/" + group + "/v1"
		if !grouped {
			url, resource = "/api/v1", group
		}
		if object.GetNamespace() != "" {
			url += "/namespaces/" + object.GetNamespace()
		}
		sent[url+"/"+resource+"/"+object.GetName()] = string(body)
	}
	return sent
}

// asker is a tenant that asks for a little of all.
func asker() *v1alpha1.GatewayTenant {
	return &v1alpha1.GatewayTenant{
		ObjectMeta: metav1.ObjectMeta{Namespace: "tenant-a", Name: v1alpha1.Name, UID: anyUID, Annotations: map[string]string{v1alpha1.AnnotationRotateTLS: "2026-12"}},
		Spec: v1alpha1.GatewayTenantSpec{
			Image: "ghcr.io/nvidia/openshell/gateway:0.0.72", ServerDNSNames: []string{"gateway.example.com", "*.example.com", "10.0.0.1"},
			Config: "openshell.gateway.log_level = '--exec=x'", Storage: v1alpha1.Storage{Size: "2Gi", WhenDeleted: v1alpha1.WhenDeletedDelete},
			Network: v1alpha1.Network{
				AllowedClients: []v1alpha1.AllowedClient{{NamespaceSelector: &metav1.LabelSelector{}}},
				MetricsClients: []v1alpha1.AllowedClient{{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "prometheus"}}}},
			},
		},
	}
}

// send has the oracle see a request, and returns what it says.
func send(t *testing.T, o *oracle, method, url, content, body string) []string {
	t.Helper()
	said := len(o.violations)
	request := httptest.NewRequest(method, "https://127.0.0.1:6443"+url, strings.NewReader(body))
	request.Header.Set("Content-Type", content)
	got := ""
	response, err := o.watching(roundTripper(func(r *http.Request) (*http.Response, error) {
		text, err := io.ReadAll(r.Body)
		got = string(text)
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, err
	})).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got != body {
		t.Fatalf("the oracle changed a request: %q became %q", body, got)
	}
	return o.violations[said:]
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

const applied = "application/apply-patch+yaml"

// TestOracleIsContent sends what the operator sends, and the oracle has nothing to say.
func TestOracleIsContent(t *testing.T) {
	o, tenant := newOracle(), asker()
	o.of("tenant-a").note(tenant.Spec, tenant.Annotations)
	sent := sentFor(t, tenant)
	if len(sent) != 14 {
		t.Errorf("a tenant is made of %d objects, want 14", len(sent))
	}
	for url, body := range sent {
		if said := send(t, o, http.MethodPatch, url+"?force=true&fieldManager=gatewaytenant-operator", applied, body); len(said) > 0 {
			t.Error(said)
		}
	}
}

// TestOracleKnowsTheRest sends what else the operator sends, and once each the same about somebody else.
func TestOracleKnowsTheRest(t *testing.T) {
	const (
		group = "/apis/openshell.ambient-code.io/v1alpha1/namespaces/tenant-a/gatewaytenants/openshell-gateway"
		event = `{"kind":"Event","apiVersion":"events.k8s.io/v1","metadata":{"name":"x","namespace":"tenant-a"},"regarding":{"kind":"GatewayTenant","namespace":"tenant-a","name":"openshell-gateway"}}`
		apis  = "/apis/events.k8s.io/v1/namespaces/tenant-a/events"
	)
	for _, c := range []struct {
		method, url, content, body string
		wrong                      bool
	}{
		{http.MethodPost, apis, "application/json", event, false},
		{http.MethodPost, apis, "application/json", strings.Replace(event, `"regarding":{"kind":"GatewayTenant","namespace":"tenant-a"`, `"regarding":{"kind":"GatewayTenant","namespace":"tenant-b"`, 1), true},
		{http.MethodPatch, apis + "/openshell-gateway.18", "application/strategic-merge-patch+json", `{"series":{"count":2}}`, false},
		{http.MethodPatch, apis + "/etcd.18", "application/strategic-merge-patch+json", `{"series":{"count":2}}`, true},
		{http.MethodPatch, group + "/status", "application/merge-patch+json", `{"status":{"observedGeneration":2}}`, false},
		{http.MethodPatch, group, "application/merge-patch+json", `{"status":{"observedGeneration":2}}`, true},
		{http.MethodDelete, group, "application/json", `{}`, true}, // but for the bridge
		{http.MethodDelete, "/apis/batch/v1/namespaces/tenant-a/jobs/openshell-gateway-certgen", "application/json", `{}`, false},
		{http.MethodDelete, "/apis/apps/v1/namespaces/tenant-a/statefulsets/openshell-gateway", "application/json", `{}`, true},
		{http.MethodPut, "/apis/coordination.k8s.io/v1/namespaces/gatewaytenant-system/leases/gatewaytenant-operator?timeout=2.5s", "application/json", `{}`, false},
		{http.MethodPatch, "/api/v1/namespaces/gatewaytenant-system/configmaps/platform-config-status?force=true", applied, `{}`, false},
		{http.MethodPatch, "/api/v1/namespaces/gatewaytenant-system/configmaps/platform-config", applied, `{}`, true},
	} {
		o := newOracle()
		o.of("tenant-a")
		if said := send(t, o, c.method, c.url, c.content, c.body); len(said) > 0 != c.wrong {
			t.Errorf("%s %s %s: the oracle says %q", c.method, c.url, c.body, said)
		}
	}
}

// TestOracleSees changes one thing each of what the operator sends, as an operator would that takes a tenant at its word.
func TestOracleSees(t *testing.T) {
	tenant := asker()
	sent := sentFor(t, tenant)
	const (
		namespace   = "/api/v1/namespaces/tenant-a"
		job         = "/apis/batch/v1/namespaces/tenant-a/jobs/openshell-gateway-certgen"
		config      = namespace + "/configmaps/openshell-gateway-config"
		statefulSet = "/apis/apps/v1/namespaces/tenant-a/statefulsets/openshell-gateway"
		rbac        = "/apis/rbac.authorization.k8s.io/v1"
		binding     = rbac + "/clusterrolebindings/gatewaytenant-node-reader:tenant-a"
		role        = rbac + "/namespaces/tenant-a/rolebindings/openshell-gateway-sandbox"
		policy      = "/apis/networking.k8s.io/v1/namespaces/tenant-a/networkpolicies/"
		status      = "/apis/openshell.ambient-code.io/v1alpha1/namespaces/tenant-a/gatewaytenants/openshell-gateway/status"
	)
	for _, c := range []struct{ name, method, from, to, content, old, new string }{
		{name: "another namespace", from: config, to: strings.Replace(config, "tenant-a", "kube-system", 1)},
		{name: "another tenant's namespace", from: config, to: strings.Replace(config, "tenant-a", "tenant-b", 1)},
		{name: "a namespace in the body", from: config, old: `"namespace":"tenant-a"`, new: `"namespace":"kube-system"`},
		{name: "a path with a step up", from: config, to: namespace + "/configmaps/../../kube-system/configmaps/x"},
		{name: "an escaped path", from: config, to: namespace + "/configmaps/..%2f..%2fkube-system"},
		{name: "another parameter", from: config, to: config + "?dryRun=All"},
		{name: "another name", from: config, to: config + "2"},
		{name: "a Secret", from: config, to: namespace + "/secrets/openshell-gateway-ca"},
		{name: "a subresource", from: config, to: namespace + "/serviceaccounts/openshell-gateway/token"},
		{name: "another method", method: http.MethodPut, from: config},
		{name: "another kind of patch", from: config, content: "application/merge-patch+json"},
		{name: "all of a kind", method: http.MethodDelete, from: config, to: namespace + "/pods"},
		{name: "an argument beside the names", from: job, old: `"--server-san=gateway.example.com"`, new: `"--server-san=gateway.example.com","--exec=x"`},
		{name: "an argument in a name", from: job, old: `--server-san=gateway.example.com`, new: `--server-san=gateway.example.com --exec=x`},
		{name: "a name that nobody asked for", from: job, old: `--server-san=gateway.example.com`, new: `--server-san=gateway.example.org`},
		{name: "a name twice", from: job, old: `--server-san=gateway.example.com`, new: `--server-san=10.0.0.1`},
		{name: "a rotation that nobody asked for", from: job, old: `--rotate-tls=2026-12`, new: `--rotate-ca=2026-12`},
		{name: "another's owner", from: job, old: `--owner-uid=0`, new: `--owner-uid=1`},
		{name: "certgen in another namespace", from: job, old: `--namespace=tenant-a`, new: `--namespace=tenant-b`},
		{name: "another image of certgen", from: job, old: certgenImage, new: "ghcr.io/nvidia/x:1"},
		{name: "another command", from: job, old: `"/certgen"`, new: `"/bin/sh"`},
		{name: "a gateway's image from elsewhere", from: statefulSet, old: `ghcr.io/nvidia/openshell/gateway:0.0.72`, new: `evil.example.com/x:0.0.72`},
		{name: "a gateway's image that nobody asked for", from: statefulSet, old: `gateway:0.0.72`, new: `gateway:0.0.73`},
		{name: "an argument of the gateway", from: statefulSet, old: `"--config",`, new: `"--config","--x",`},
		{name: "a variable", from: statefulSet, old: `"env":[`, new: `"env":[{"name":"X","value":"y"},`},
		{name: "a volume", from: statefulSet, old: `"volumes":[`, new: `"volumes":[{"name":"x","hostPath":{"path":"/"}},`},
		{name: "an annotation of the tenant's", from: statefulSet, old: `"annotations":{`, new: `"annotations":{"x":"y",`},
		{name: "another account", from: statefulSet, old: `"serviceAccountName":"openshell-gateway"`, new: `"serviceAccountName":"default"`},
		{name: "a key of gateway.toml", from: config, old: `sandbox_namespace = 'tenant-a'`, new: `sandbox_namespace = 'kube-system'`},
		{name: "a table of gateway.toml", from: config, old: `[openshell.gateway.tls]`, new: `[openshell.gateway.tls2]`},
		{name: "a wildcard that nobody asked for", from: config, old: `*.example.com`, new: `*.com`},
		{name: "no TOML", from: config, old: `[openshell]`, new: `[openshell`},
		{name: "another file", from: config, old: `"data":{`, new: `"data":{"x":"y",`},
		{name: "another role", from: role, old: "gatewaytenant-sandboxes", new: "cluster-admin"},
		{name: "another subject", from: role, old: `"name":"openshell-gateway","namespace":"tenant-a"`, new: `"name":"openshell-gateway","namespace":"tenant-b"`},
		{name: "another ClusterRoleBinding", from: binding, to: rbac + "/clusterrolebindings/cluster-admin"},
		{name: "another tenant's ClusterRoleBinding", from: binding, to: binding + "-b"},
		{name: "a ClusterRole", from: binding, to: rbac + "/clusterroles/gatewaytenant-node-reader:tenant-a"},
		{name: "a subject of a ClusterRoleBinding", from: binding, old: `"subjects":[`, new: `"subjects":[{"kind":"Group","name":"system:masters"},`},
		{name: "clients that nobody asked for", from: policy + "openshell-gateway-clients", old: `{"namespaceSelector":{}}`, new: `{"ipBlock":{"cidr":"0.0.0.0/0"}}`},
		{name: "everything beside the clients", from: policy + "openshell-gateway-clients", old: `{"namespaceSelector":{}}`, new: `{"namespaceSelector":{}},{}`},
		{name: "the metrics for all clients", from: policy + "openshell-gateway-clients", old: `{"namespaceSelector":{}}`, new: `{"podSelector":{"matchLabels":{"app":"prometheus"}}},{"namespaceSelector":{}}`},
		{name: "another port", from: policy + "openshell-gateway-clients", old: `"port":9090`, new: `"port":8081`},
		{name: "others' pods", from: policy + "openshell-gateway-sandbox-ssh", old: `"podSelector":{`, new: `"namespaceSelector":{},"podSelector":{`},
		{name: "a size that nobody asked for", from: namespace + "/persistentvolumeclaims/openshell-data-openshell-gateway-0", old: `"2Gi"`, new: `"3Gi"`},
		{name: "a spec beside the status", from: status, content: "application/merge-patch+json", old: `{`, new: `{"spec":{},"status":{}}`},
		{name: "an object by JSON patch", from: config, content: "application/json-patch+json", old: `{`, new: `[{"op":"add","path":"/data/x","value":"y"}]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOracle()
			o.of("tenant-a").note(tenant.Spec, tenant.Annotations)
			body, there := sent[c.from]
			if !there {
				body = "{}"
			}
			if !strings.Contains(body, c.old) {
				t.Fatalf("there is no %s in %s", c.old, body)
			}
			body = strings.Replace(body, c.old, c.new, 1)
			if c.old == "{" {
				body = c.new
			}
			to, method, content := c.to, c.method, c.content
			if to == "" {
				to = c.from
			}
			if method == "" {
				method = http.MethodPatch
			}
			if content == "" {
				content = applied
			}
			if said := send(t, o, method, to, content, body); len(said) != 1 {
				t.Errorf("the oracle says %q", said)
			}
		})
	}
}

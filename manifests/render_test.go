package manifests

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// clusterInput is what the golden tenants are rendered with.
var clusterInput = RenderInput{NamespaceUID: "11111111-1111-1111-1111-111111111111", TokenKey: "0123456789abcdef0123456789abcdef"}

func testPlatform(t testing.TB) Platform {
	t.Helper()
	platform, err := NewPlatform("", "example.com/gatewaytenant-operator:1.0.0", []string{"ghcr.io/nvidia/", "registry.example.com:5000/mirror"}, "--leaf-lifetime=8760h0m0s")
	if err != nil {
		t.Fatal(err)
	}
	return platform
}

// tenantOf checks a GatewayTenant in namespace tenant-a.
func tenantOf(t testing.TB, spec v1alpha1.GatewayTenantSpec) (Tenant, error) {
	t.Helper()
	return tenantOn(testPlatform(t), spec)
}

// tenantOn returns a tenant of a platform.
func tenantOn(platform Platform, spec v1alpha1.GatewayTenantSpec) (Tenant, error) {
	gt := &v1alpha1.GatewayTenant{Spec: spec}
	gt.Name, gt.Namespace, gt.UID = v1alpha1.Name, "tenant-a", "22222222-2222-2222-2222-222222222222"
	return NewTenant(gt, platform)
}

// TestGolden renders each testdata/*.in.yaml and compares all of it with *.out.yaml; -update writes these anew.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(inputs) == 0 {
		t.Fatal("no inputs", err)
	}
	for _, input := range inputs {
		t.Run(strings.TrimSuffix(filepath.Base(input), ".in.yaml"), func(t *testing.T) {
			text, err := os.ReadFile(input)
			if err != nil {
				t.Fatal(err)
			}
			gt := &v1alpha1.GatewayTenant{}
			if err := yaml.UnmarshalStrict(text, gt); err != nil {
				t.Fatal(err)
			}
			got := renderText(t, gt)
			golden := strings.Replace(input, ".in.yaml", ".out.yaml", 1)
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err, "run make golden")
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("differs from %s (make golden rewrites it):\n%s", golden, diff)
			}
		})
	}
}

// renderText is all that a GatewayTenant becomes, or why it is rejected. It is rendered twice: equal inputs must give
// equal bytes, and rendering must not modify the tenant.
func renderText(t *testing.T, gt *v1alpha1.GatewayTenant) []byte {
	t.Helper()
	before := gt.DeepCopy()
	tenant, err := NewTenant(gt, testPlatform(t))
	if err != nil {
		return []byte("# rejected\n" + err.Error() + "\n")
	}
	var texts [2][]byte
	for i := range texts {
		objects, err := Render(tenant, clusterInput)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = objects.text(t)
	}
	if !bytes.Equal(texts[0], texts[1]) {
		t.Error("rendered twice, and not the same")
	}
	if diff := cmp.Diff(before, gt); diff != "" {
		t.Errorf("rendering modified its input: %s", diff)
	}
	return texts[0]
}

func (o Objects) text(t *testing.T) []byte {
	t.Helper()
	var text []byte
	all := append(append([]*unstructured.Unstructured{}, o.Foundation...), o.Certgen)
	if o.Preflight != nil {
		all = append(all, o.Preflight)
	}
	for _, object := range append(all, o.Gateway) {
		one, err := yaml.Marshal(object.Object)
		if err != nil {
			t.Fatal(err)
		}
		text = append(append(text, "---\n"...), one...)
	}
	return text
}

func render(t *testing.T, spec v1alpha1.GatewayTenantSpec, in RenderInput) Objects {
	t.Helper()
	return renderOn(t, testPlatform(t), spec, in)
}

// renderOn renders a tenant of a platform.
func renderOn(t *testing.T, platform Platform, spec v1alpha1.GatewayTenantSpec, in RenderInput) Objects {
	t.Helper()
	tenant, err := tenantOn(platform, spec)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := Render(tenant, in)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// podTemplate is what decides whether the pod restarts.
func podTemplate(t *testing.T, o Objects) any {
	t.Helper()
	template, there, err := unstructured.NestedMap(o.Gateway.Object, "spec", "template")
	if err != nil || !there {
		t.Fatal("no pod template", err)
	}
	return template
}

func TestPodRestartsForWhatItMustAndNothingElse(t *testing.T) {
	base := render(t, v1alpha1.GatewayTenantSpec{}, clusterInput)
	rekeyed := clusterInput
	rekeyed.TokenKey = "another"
	moved := clusterInput
	moved.NamespaceUID = "another"
	for _, c := range []struct {
		what     string
		after    Objects
		restarts bool
	}{
		{"an ordinary server name", render(t, v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{"a.example.com"}}, clusterInput), false},
		{"a namespace of another uid", render(t, v1alpha1.GatewayTenantSpec{}, moved), false},
		{"a wildcard name", render(t, v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{"*.example.com"}}, clusterInput), true},
		{"another image", render(t, v1alpha1.GatewayTenantSpec{Image: "ghcr.io/nvidia/openshell/gateway:0.0.72"}, clusterInput), true},
		{"another token key", render(t, v1alpha1.GatewayTenantSpec{}, rekeyed), true},
		{"other TOML", render(t, v1alpha1.GatewayTenantSpec{Config: "openshell.gateway.log_level = 'debug'"}, clusterInput), true},
		{"TOML that says the same in other words", render(t, v1alpha1.GatewayTenantSpec{Config: "# a comment\n[openshell.gateway]\nlog_level = \"info\"\n"}, clusterInput), false},
	} {
		if restarts := !cmp.Equal(podTemplate(t, base), podTemplate(t, c.after)); restarts != c.restarts {
			t.Errorf("%s: restarts %v, want %v", c.what, restarts, c.restarts)
		}
	}
}

func TestOrderAndRepetitionOfNamesChangeNothing(t *testing.T) {
	one := render(t, v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{"a.example.com", "b.example.com"}}, clusterInput).text(t)
	other := render(t, v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{"b.example.com", "a.example.com", "b.example.com"}}, clusterInput).text(t)
	if diff := cmp.Diff(string(one), string(other)); diff != "" {
		t.Error(diff)
	}
}

func TestCertgenPodIsNotTakenForAGateway(t *testing.T) {
	objects := render(t, v1alpha1.GatewayTenantSpec{}, clusterInput)
	labels, _, err := unstructured.NestedStringMap(objects.Certgen.Object, "spec", "template", "metadata", "labels")
	if err != nil || len(labels) == 0 {
		t.Fatal(err, labels)
	}
	selector, _, err := unstructured.NestedStringMap(objects.Gateway.Object, "spec", "selector", "matchLabels")
	if err != nil || len(selector) == 0 {
		t.Fatal(err, selector)
	}
	for key, value := range selector {
		if labels[key] != value {
			return
		}
	}
	t.Errorf("the gateway's selector %v selects certgen's pod %v", selector, labels)
}

func TestEveryServerNameIsAnArgumentOfItsOwn(t *testing.T) {
	objects := render(t, v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{"a.example.com", "2001:db8::1"}}, clusterInput)
	containers, _, _ := unstructured.NestedSlice(objects.Certgen.Object, "spec", "template", "spec", "containers")
	args, _, _ := unstructured.NestedStringSlice(containers[0].(map[string]any), "args")
	want := []string{
		"--namespace=tenant-a", "--owner-uid=22222222-2222-2222-2222-222222222222", "--leaf-lifetime=8760h0m0s",
		"--server-san=2001:db8::1", "--server-san=a.example.com",
		"--server-san=openshell-gateway.tenant-a.svc", "--server-san=openshell-gateway.tenant-a.svc.cluster.local",
	}
	if diff := cmp.Diff(want, args); diff != "" {
		t.Error(diff)
	}
}

// TestMarkOfAnUpdateStays until the tenant asks for something else, or the turn is over.
func TestMarkOfAnUpdateStays(t *testing.T) {
	tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{})
	if err != nil {
		t.Fatal(err)
	}
	marked := func(tenant Tenant, in RenderInput) map[string]string {
		t.Helper()
		objects, err := Render(tenant, in)
		if err != nil {
			t.Fatal(err)
		}
		return objects.Gateway.GetAnnotations()
	}
	granted := clusterInput
	granted.Rollout.Granted = true
	later := clusterInput
	if later.Gateway = marked(tenant, granted); later.Gateway[annotationRollout] == "" {
		t.Fatal("a gateway that has its turn is not marked")
	}
	if marked(tenant, later)[annotationRollout] == "" {
		t.Error("the mark goes by itself")
	}
	other, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: "ghcr.io/nvidia/openshell/gateway:0.0.72"})
	if err != nil {
		t.Fatal(err)
	}
	if marked(other, later)[annotationRollout] != "" {
		t.Error("what the tenant asks for is taken for the platform's")
	}
	later.Rollout.Lapsed = true
	if marked(tenant, later)[annotationRollout] != "" {
		t.Error("the mark stays though its turn is over")
	}
}

// TestPullPolicyFollowsTheTag, also when that changes: the API server fills it in for a new object only.
func TestPullPolicyFollowsTheTag(t *testing.T) {
	const repository = "ghcr.io/nvidia/openshell/gateway"
	for image, want := range map[string]string{
		repository + ":0.0.72": "IfNotPresent",
		repository + ":latest": "Always",
		repository + "@sha256:0123456789012345678901234567890123456789012345678901234567890123": "IfNotPresent",
	} {
		tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: image, Version: "0.0.72"})
		if err != nil {
			t.Fatal(err)
		}
		objects, err := Render(tenant, clusterInput)
		if err != nil {
			t.Fatal(err)
		}
		containers, _, _ := unstructured.NestedSlice(objects.Gateway.Object, "spec", "template", "spec", "containers")
		if is := containers[0].(map[string]any)["imagePullPolicy"]; is != want {
			t.Errorf("%s: imagePullPolicy is %v, want %s", image, is, want)
		}
	}
}
